import ClusterFile

/// `child_nodes_disconnect_command`: each repmgr.conf has its own, cluster.yaml one for all nodes.
extension RepmgrReading {
    private static let name = "child_nodes_disconnect_command"
    private static let target = "hooks.\(name)"

    static func childNodes(_ draft: inout Draft) {
        let documents = draft.nodes.map(\.document)
        var commands: [(origin: SourceSetting, text: String)] = []
        for document in documents {
            guard let setting = document[name] else { continue }
            if setting.value.allSatisfy(\.isWhitespace) {
                draft.report.add(setting, nil, "an empty command runs nothing")
            } else if document["child_nodes_check_interval"].flatMap({ Int($0.value) }) == 0 {
                draft.report.add(
                    setting, nil, "child_nodes_check_interval is 0: it was never run")
            } else {
                commands.append((setting, forAnyNode(setting.value, of: document, documents)))
            }
        }
        guard let first = commands.first else { return }
        let reason = reason(against: commands.map(\.text), documents)
        for (origin, text) in commands {
            if let reason {
                draft.report.add(origin, because: reason.because, next: reason.next)
            } else if SecretText.isHeld(by: text) {
                draft.reportSecret(origin, target)
            } else {
                draft.set(target, .text(text), from: origin)
            }
        }
        guard reason == nil else { return }
        for document in documents where document[name] == nil {
            draft.report.add(
                document.absent(name, meaning: "none"),
                because: "cluster.yaml has one for all nodes: \(first.origin.file) tells what "
                    + "runs on this node, too",
                next: "leave `\(target)` out if this node must not run it")
        }
    }

    /// Why there is no one command for all nodes; nil: there is.
    private static func reason(
        against texts: [String], _ documents: [SourceDocument]
    ) -> (because: String, next: String)? {
        let next =
            "write one that serves on each node, with \"$PGDATA\" and the placeholders, into "
            + "`\(target)`"
        if texts.contains(where: { Mappings.programs(in: $0).contains("repmgr") }) {
            return ("it runs repmgr, whose tables are not kept up any more", next)
        }
        let places = Set(documents.compactMap(place))
        let namesOne =
            places.count > 1 && texts.contains { text in places.contains { text.contains($0) } }
        guard Set(texts).count > 1 || namesOne else { return nil }
        return ("the nodes need different commands, and cluster.yaml has one for all", next)
    }

    private static func place(_ document: SourceDocument) -> String? {
        guard let setting = document["data_directory"],
            case .value(let path) = Convert.path(setting.value)
        else { return nil }
        return path.shown
    }

    /// With `"$PGDATA"` for the node's own data directory, unless all nodes have the same.
    private static func forAnyNode(
        _ command: String, of document: SourceDocument, _ documents: [SourceDocument]
    ) -> String {
        guard Set(documents.compactMap(place)).count > 1, let own = place(document) else {
            return command
        }
        var result = ""
        var quote: Character?
        var rest = command[...]
        while let character = rest.first {
            if quote != "'", rest.hasPrefix(own), ends(rest.dropFirst(own.count)) {
                result += quote == nil ? "\"$PGDATA\"" : "$PGDATA"
                rest = rest.dropFirst(own.count)
                continue
            }
            if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
            }
            result.append(character)
            rest = rest.dropFirst()
        }
        return result
    }

    /// Whether a path that ended here is whole: `/srv/data` is no part of `/srv/data2`.
    private static func ends(_ rest: Substring) -> Bool {
        rest.first.map { !$0.isLetter && !$0.isNumber && !"._-".contains($0) } ?? true
    }
}
