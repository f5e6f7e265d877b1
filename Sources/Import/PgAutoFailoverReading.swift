import ClusterFile

/// A pg_autoctl.cfg per node and, for what only the monitor knows, its rows as JSON.
struct PgAutoFailoverReading {
    let reading: Reading

    init(_ files: [ImportFile]) throws(ImportError) {
        var keepers: [SourceDocument] = []
        var rows: [SourceDocument] = []
        var formations: [SourceDocument] = []
        for file in files {
            if Self.isJSON(file.text) {
                for document in try YAMLReader.readList(file) {
                    if document["number_sync_standbys"] != nil {
                        formations.append(Self.below("formation.", document))
                    } else {
                        rows.append(Self.below("node.", document))
                    }
                }
            } else {
                keepers.append(try LineReader.read(file, .ini))
            }
        }
        try Self.refuse(keepers, rows)
        var draft = Draft()
        try Self.join(keepers, rows, &draft)
        for setting in formations.flatMap(\.settings) {
            draft.apply(setting, .pgAutoFailover, node: nil)
        }
        if draft.values["cluster"] == nil, let origin = draft.nodes.first?.document {
            draft.set(
                "cluster", .text("default"),
                from: origin.absent("pg_autoctl.formation", meaning: "default"))
        }
        draft.require("name", as: "pg_autoctl.name", "add it, or the monitor's rows")
        draft.require("host", as: "pg_autoctl.hostname", "add it, or name the right file")
        draft.require("data_dir", as: "postgresql.pgdata", "add the keeper's pg_autoctl.cfg")
        Self.patience(keepers, &draft)
        Self.synchronous(formations, &draft)
        reading = Reading(draft: draft, facts: Self.facts(draft, rows))
    }

    private static func isJSON(_ text: String) -> Bool {
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        guard start.first == "[" else { return start.first == "{" }
        let next = start.dropFirst().first { !$0.isWhitespace }
        return next == "{" || next == "]"
    }

    /// Under the names of the mapping table; `show state --json` has some of its own.
    private static func below(_ prefix: String, _ document: SourceDocument) -> SourceDocument {
        let others = [
            "candidate_priority": "candidatepriority", "replication_quorum": "replicationquorum",
            "current_group_state": "reportedstate", "group_id": "groupid", "node_id": "nodeid",
            "formation_id": "formationid",
        ]
        var moved = document
        for index in moved.settings.indices {
            let name = moved.settings[index].name
            moved.settings[index].name = prefix + (others[name] ?? name)
        }
        return moved
    }

    private static func refuse(
        _ keepers: [SourceDocument], _ rows: [SourceDocument]
    ) throws(ImportError) {
        var problems: [Finding] = []
        for keeper in keepers {
            if let role = keeper["pg_autoctl.role"], role.value != "keeper" {
                problems.append(
                    role.problem(
                        "source.unsupported",
                        "this is the file of a \(role.value), not of a keeper",
                        "name the files of the nodes; the monitor's rows come as JSON"))
            }
            if let kind = keeper["pg_autoctl.nodekind"],
                !["standalone", "unknown", ""].contains(kind.value)
            {
                problems.append(
                    kind.problem(
                        "source.unsupported", "a \(kind.value) belongs to Citus",
                        "the toolkit has no counterpart"))
            }
        }
        for name in ["group", "formation"] {
            let settings =
                keepers.compactMap { $0["pg_autoctl.\(name)"] }
                + rows.compactMap { $0["node.\(name)id"] }
            if let first = settings.first,
                let other = settings.first(where: { $0.value != first.value })
            {
                problems.append(
                    other.problem(
                        "files.disagree",
                        "it is of another \(name) than \(first.file):\(first.position.line)",
                        "import each \(name) as a cluster of its own"))
            }
        }
        guard problems.isEmpty else { throw ImportError(problems: problems) }
    }

    // MARK: - Keepers and rows

    private static func join(
        _ keepers: [SourceDocument], _ rows: [SourceDocument], _ draft: inout Draft
    ) throws(ImportError) {
        var rest = rows
        for keeper in keepers {
            let row = rest.firstIndex { isOne($0, keeper) }.map { rest.remove(at: $0) }
            if row == nil, !rows.isEmpty {
                draft.problems.append(
                    keeper.problem(
                        "files.disagree", "", "the monitor has no such node",
                        "leave the file out if the node was dropped"))
            }
            let node = draft.nodes.count
            draft.nodes.append(Draft.Node(document: keeper))
            for setting in keeper.settings + (row?.settings ?? []) {
                draft.apply(setting, .pgAutoFailover, node: node)
            }
            name(node, &draft)
        }
        let known = draft.nodes.compactMap { $0.values["data_dir"] }
        for row in rest {
            let node = draft.nodes.count
            draft.nodes.append(Draft.Node(document: row))
            for setting in row.settings { draft.apply(setting, .pgAutoFailover, node: node) }
            // The monitor doesn't know it: all nodes have one path, or somebody has to say it.
            guard let first = known.first, known.allSatisfy({ $0.scalar == first.scalar }) else {
                continue
            }
            draft.set("data_dir", of: node, first.scalar, from: first.origin)
        }
    }

    private static func isOne(_ row: SourceDocument, _ keeper: SourceDocument) -> Bool {
        let host = keeper["pg_autoctl.hostname"] ?? keeper["pg_autoctl.nodename"]
        return row["node.nodehost"]?.value == host?.value
            && row["node.nodeport"]?.value == (keeper["postgresql.port"]?.value ?? "5432")
    }

    /// Older files have none.
    private static func name(_ node: Int, _ draft: inout Draft) {
        guard draft.nodes[node].values["name"] == nil,
            let host = draft.nodes[node].values["host"]
        else { return }
        let isAddress = host.scalar.shown.allSatisfy { $0.isNumber || ".:".contains($0) }
        let word = isAddress ? host.scalar.shown[...] : host.scalar.shown.prefix { $0 != "." }
        guard case .value(let name) = Convert.name(String(word)) else { return }
        draft.set("name", of: node, name, from: host.origin)
    }

    // MARK: - What several settings say together

    private static func patience(_ keepers: [SourceDocument], _ draft: inout Draft) {
        for setting in keepers.compactMap({ $0["timeout.network_partition_timeout"] }) {
            if (Int(setting.value) ?? 20) > 20 {
                draft.set("failover.profile", .text("patient"), from: setting)
            } else {
                draft.report.add(setting, nil, "the profile `default` is quicker")
            }
        }
    }

    private static func synchronous(_ formations: [SourceDocument], _ draft: inout Draft) {
        guard
            let setting = formations.lazy.compactMap({ $0["formation.number_sync_standbys"] })
                .first,
            let wanted = Int(setting.value), draft.nodes.count > 1
        else { return draft.limitSynchronous() }
        let number = min(max(1, wanted), draft.voters)
        draft.set("synchronous.number_sync_standbys", .number(number), from: setting)
        if number > 0 {
            draft.set("synchronous.alone", .text(wanted > 0 ? "block" : "allow"), from: setting)
        }
    }

    private static func facts(_ draft: Draft, _ rows: [SourceDocument]) -> ChangeOver.Facts {
        var facts = ChangeOver.Facts()
        let writable = ["primary", "single", "wait_primary", "join_primary", "apply_settings"]
        for (index, node) in draft.nodes.enumerated() {
            facts.services.append(
                ChangeOver.Service(node: draft.text("name", of: index), file: node.document.file))
            let isPrimary = rows.contains { row in
                row["node.nodehost"]?.value == draft.text("host", of: index)
                    && (row["node.nodeport"]?.value ?? "5432") == draft.port(of: index)
                    && writable.contains(row["node.reportedstate"]?.value ?? "")
            }
            if isPrimary { facts.primary = draft.text("name", of: index) }
        }
        return facts
    }
}

extension Draft {
    fileprivate func port(of node: Int) -> String {
        nodes[node].values["port"]?.scalar.shown ?? "5432"
    }
}
