import ClusterFile

/// One patroni.yml per node and, better than their `bootstrap.dcs`, the dynamic configuration as
/// `patronictl show-config` prints it.
struct PatroniReading {
    let reading: Reading

    private static let dynamicKeys: Set<String> = [
        "ttl", "loop_wait", "retry_timeout", "maximum_lag_on_failover", "synchronous_mode",
    ]

    /// What Patroni takes from the dynamic configuration alone.
    private static let dynamicParameters: Set<String> = [
        "max_connections", "max_locks_per_transaction", "max_worker_processes",
        "max_prepared_transactions", "wal_level", "track_commit_timestamp",
    ]

    init(_ files: [ImportFile]) throws(ImportError) {
        var members: [SourceDocument] = []
        var dynamic: [SourceDocument] = []
        for file in files {
            let document = try YAMLReader.read(file)
            let isDynamic =
                document["name"] == nil && document["scope"] == nil
                && document.settings.contains { Self.dynamicKeys.contains($0.name) }
            if isDynamic {
                dynamic.append(Self.below("bootstrap.dcs.", document))
            } else {
                members.append(Self.expanded(document))
            }
        }
        guard let first = members.first else {
            throw ImportError(problems: [
                (dynamic.first ?? SourceDocument(file: "", settings: [])).problem(
                    "files.missing", "", "no file describes a node",
                    "name the patroni.yml of each node, too")
            ])
        }
        var draft = Draft()
        try Self.refuse(members + dynamic)
        for member in members { draft.nodes.append(Draft.Node(document: member)) }
        Self.apply(members, dynamic, &draft)
        if draft.values["cluster"] == nil, draft.problems.isEmpty {
            draft.problems.append(
                first.problem("setting.missing", "scope", "it is missing", "add it"))
        }
        draft.require("name", as: "name", "add it, or name the right file")
        draft.require("host", as: "postgresql.connect_address", "add `connect_address: host:port`")
        draft.require("data_dir", as: "postgresql.data_dir", "add it")
        let inForce = dynamic.isEmpty ? members : dynamic
        Self.patience(inForce, &draft)
        Self.synchronous(inForce, &draft)
        var facts = ChangeOver.Facts()
        facts.services = members.map {
            ChangeOver.Service(node: $0["name"]?.value ?? $0.file, file: $0.file)
        }
        facts.hasDynamic = !dynamic.isEmpty
        facts.scope = first["scope"]?.value ?? ""
        reading = Reading(draft: draft, facts: facts)
    }

    private static func below(_ prefix: String, _ document: SourceDocument) -> SourceDocument {
        var moved = document
        for index in moved.settings.indices {
            moved.settings[index].name = prefix + moved.settings[index].name
        }
        return moved
    }

    /// With settings of their own for the host and the port of the address.
    private static func expanded(_ document: SourceDocument) -> SourceDocument {
        let connect = document["postgresql.connect_address"]
        guard let address = connect ?? document["postgresql.listen"] else { return document }
        var expanded = document
        expanded.settings.removeAll { $0.name == "postgresql.connect_address" }
        func add(_ key: String, _ value: String) {
            var part = address
            part.name = "postgresql.connect_address \(key)"
            part.value = value
            expanded.settings.append(part)
        }
        let parts = HostPort.split(address.value)
        let host = parts?.host ?? ""
        // An address to listen on may be none to connect to.
        if connect != nil || !["", "*", "0.0.0.0", "::"].contains(host) { add("host", host) }
        if let port = parts?.port { add("port", port) }
        return expanded
    }

    /// What is no cluster of its own.
    private static func refuse(_ documents: [SourceDocument]) throws(ImportError) {
        let problems = documents.flatMap(\.settings).filter {
            $0.name.hasPrefix("bootstrap.dcs.standby_cluster.")
                || $0.name.hasPrefix("standby_cluster.")
        }.prefix(1).map {
            $0.problem(
                "source.unsupported", "a standby cluster follows another one",
                "import the cluster that it follows; this version has no standby clusters")
        }
        guard problems.isEmpty else { throw ImportError(problems: problems) }
    }

    // MARK: - Who wins

    /// A node's own settings win over the dynamic ones, but for what Patroni takes from there alone.
    private static func apply(
        _ members: [SourceDocument], _ dynamic: [SourceDocument], _ draft: inout Draft
    ) {
        let isDynamic = { (setting: SourceSetting) in setting.name.hasPrefix("bootstrap.dcs.") }
        for (node, member) in members.enumerated() {
            for setting in member.settings where !isDynamic(setting) {
                if let why = reasonToLeave(setting, members + dynamic) {
                    draft.report.add(setting, because: why, next: "")
                } else {
                    draft.apply(setting, .patroni, node: node)
                }
            }
        }
        for document in dynamic {
            for setting in document.settings { draft.apply(setting, .patroni, node: nil) }
        }
        for setting in members.flatMap(\.settings).filter(isDynamic) {
            if dynamic.isEmpty {
                draft.apply(setting, .patroni, node: nil)
            } else {
                draft.report.add(
                    setting,
                    because: "it was used when the cluster was made; the dynamic "
                        + "configuration is in force", next: "")
            }
        }
    }

    private static func reasonToLeave(
        _ setting: SourceSetting, _ all: [SourceDocument]
    ) -> String? {
        if let name = setting.name.dropping(prefix: "postgresql.parameters."),
            dynamicParameters.contains(name)
        {
            return "Patroni takes it from the dynamic configuration alone"
        }
        let isLater = ["postgresql.pg_hba[]", "bootstrap.dcs.postgresql.pg_hba[]"].contains {
            name in all.contains { $0[name] != nil }
        }
        return setting.name == "bootstrap.pg_hba[]" && isLater
            ? "it was used when the cluster was made; other lines are in force" : nil
    }

    // MARK: - What several settings say together

    private static func patience(_ documents: [SourceDocument], _ draft: inout Draft) {
        for setting in documents.compactMap({ $0["bootstrap.dcs.ttl"] }) {
            if (Int(setting.value) ?? 30) > 30 {
                draft.set("failover.profile", .text("patient"), from: setting)
            } else {
                draft.report.add(setting, nil, "the profile `default` is quicker")
            }
        }
    }

    private static func synchronous(_ documents: [SourceDocument], _ draft: inout Draft) {
        let most = draft.voters
        func last(_ name: String) -> SourceSetting? {
            documents.lazy.compactMap { $0["bootstrap.dcs.\(name)"] }.first
        }
        let count = last("synchronous_node_count")
        guard let mode = last("synchronous_mode") else {
            if let count {
                draft.report.add(
                    count, because: "synchronous_mode is off",
                    next: "write `synchronous: { number_sync_standbys: 0 }` for the asynchronous "
                        + "replication that you had; the default is 1")
            }
            return draft.limitSynchronous()
        }
        let path = "synchronous.number_sync_standbys"
        guard Convert.flag(mode.value) ?? true else {
            return draft.set(path, .number(0), from: mode)
        }
        let wanted = count.flatMap { Int($0.value) } ?? 1
        draft.set(path, .number(min(max(1, wanted), most)), from: count ?? mode)
        if let count, count != mode {
            draft.set(path, .number(min(max(1, wanted), most)), from: mode)
        }
    }
}

extension Draft {
    /// How many standbys can be counted with the worst primary.
    var voters: Int {
        let isVoter = { (node: Node) in
            node.values["replication_quorum"]?.scalar != .flag(false)
                && node.values["upstream"] == nil
        }
        let electable = nodes.filter { $0.values["priority"]?.scalar != .number(0) }
        let isOneLost = (electable.isEmpty ? nodes : electable).contains(where: isVoter)
        return nodes.count(where: isVoter) - (isOneLost ? 1 : 0)
    }

    /// Where no standby may be counted the default would be refused.
    mutating func limitSynchronous() {
        let path = "synchronous.number_sync_standbys"
        guard nodes.count > 1, voters == 0, values[path] == nil,
            let origin = nodes.lazy.compactMap({ $0.values["replication_quorum"]?.origin }).first
        else { return }
        set(path, .number(0), from: origin)
    }
}
