import ClusterFile

/// One repmgr.conf per node.
struct RepmgrReading {
    let reading: Reading

    init(_ files: [ImportFile]) throws(ImportError) {
        var documents: [SourceDocument] = []
        for file in files {
            documents.append(Self.expanded(try LineReader.read(file, .repmgr)))
        }
        var draft = Draft()
        let isWitness = documents.map(Self.looksLikeWitness)
        // A cluster of witnesses alone is none: then the word means nothing.
        let members =
            isWitness.allSatisfy(\.self) ? documents : Self.of(documents, isWitness, false)
        for document in members {
            draft.nodes.append(Draft.Node(document: document))
            for setting in document.settings {
                draft.apply(setting, .repmgr, node: draft.nodes.count - 1)
            }
        }
        if members.count < documents.count {
            for witness in Self.of(documents, isWitness, true) { Self.tell(witness, &draft) }
        }
        draft.require("name", as: "node_name", "add it, or name the right file")
        draft.require("host", as: "conninfo", "add `host=…`: the others reach the node by it")
        draft.require("data_dir", as: "data_directory", "add it, or name the right file")
        Self.name(&draft)
        Self.mode(&draft)
        Self.priorities(&draft)
        Self.patience(&draft)
        Self.childNodes(&draft)
        reading = Reading(draft: draft, facts: Self.facts(documents))
    }

    private static func of(
        _ documents: [SourceDocument], _ isWitness: [Bool], _ wanted: Bool
    ) -> [SourceDocument] {
        zip(documents, isWitness).filter { $0.1 == wanted }.map(\.0)
    }

    /// With a setting of its own for each part of `conninfo`.
    private static func expanded(_ document: SourceDocument) -> SourceDocument {
        var expanded = document
        expanded.settings = document.settings.flatMap { setting -> [SourceSetting] in
            guard setting.name == "conninfo" else { return [setting] }
            guard let pairs = ConninfoText.pairs(setting.value) else {
                return [part("host", of: setting, "")]
            }
            let address = pairs.last { $0.key == "hostaddr" }
            return pairs.filter { $0.key != "hostaddr" && (address == nil || $0.key != "host") }
                .map { part($0.key, of: setting, $0.value) }
                + (address.map { [part("host", of: setting, $0.value)] } ?? [])
        }
        return expanded
    }

    private static func part(_ key: String, of setting: SourceSetting, _ value: String)
        -> SourceSetting
    {
        var part = setting
        part.name = "conninfo \(key)"
        part.value = value
        return part
    }

    // MARK: - What several settings say together

    /// A witness holds no copy: as a node it would be another database system.
    private static func looksLikeWitness(_ document: SourceDocument) -> Bool {
        ["node_name", "location"].contains { name in
            document[name]?.value.lowercased().contains("witness") == true
        }
    }

    private static func tell(_ witness: SourceDocument, _ draft: inout Draft) {
        guard let name = witness["node_name"] ?? witness.settings.first else { return }
        draft.report.add(
            name, because: "it looks like a witness: the toolkit has none, its scheduler decides",
            next: "run the scheduler there if you like; if it is a standby, give it a name and a "
                + "location without the word witness")
    }

    private static func name(_ draft: inout Draft) {
        guard let document = draft.nodes.first?.document else { return }
        draft.set("cluster", .text("main"), from: document.absent("cluster", meaning: "no name"))
    }

    private static func mode(_ draft: inout Draft) {
        let origins = draft.nodes.map {
            $0.document["failover"] ?? $0.document.absent("failover", meaning: "manual")
        }
        let isAutomatic = origins.map { $0.value == "automatic" }
        guard let index = isAutomatic.firstIndex(of: true) ?? origins.indices.first else { return }
        draft.set(
            "failover.mode", .text(isAutomatic[index] ? "automatic" : "manual"),
            from: origins[index])
        guard isAutomatic[index] else { return }
        for (node, origin) in origins.enumerated() where !isAutomatic[node] {
            draft.set("priority", of: node, .number(0), from: origin)
        }
    }

    private static func priorities(_ draft: inout Draft) {
        guard draft.nodes.contains(where: { $0.document["priority"] != nil }) else { return }
        for node in draft.nodes.indices where draft.nodes[node].values["priority"] == nil {
            draft.set(
                "priority", of: node, .number(100),
                from: draft.nodes[node].document.absent("priority", meaning: "100"))
        }
    }

    private static func patience(_ draft: inout Draft) {
        for document in draft.nodes.map(\.document) {
            let attempts = document["reconnect_attempts"]
            let interval = document["reconnect_interval"]
            let (silence, overflow) = (Int(attempts?.value ?? "6") ?? 6)
                .multipliedReportingOverflow(by: Int(interval?.value ?? "10") ?? 10)
            for setting in [attempts, interval].compactMap(\.self) {
                if overflow || silence > 60 {
                    draft.set("failover.profile", .text("patient"), from: setting)
                } else {
                    draft.report.add(
                        setting, nil, "\(silence) s of silence: the profile `default` is quicker")
                }
            }
        }
    }

    private static func facts(_ documents: [SourceDocument]) -> ChangeOver.Facts {
        var facts = ChangeOver.Facts()
        for document in documents {
            facts.services.append(
                ChangeOver.Service(
                    node: document["node_name"]?.value ?? document.file,
                    isWitness: looksLikeWitness(document), file: document.file,
                    start: command(document["repmgrd_service_start_command"]),
                    stop: command(document["repmgrd_service_stop_command"])))
        }
        return facts
    }

    /// A command line as the file has it; one with a secret is left to the reader.
    private static func command(_ setting: SourceSetting?) -> String? {
        setting.map(\.value).flatMap { SecretText.isHeld(by: $0) || $0.isEmpty ? nil : $0 }
    }
}
