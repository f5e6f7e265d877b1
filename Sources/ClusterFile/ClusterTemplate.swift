/// The `cluster.yaml` that `toolkit init` writes.
public enum ClusterTemplate {
    /// A node of the file to write.
    public struct Node: Hashable, Sendable {
        public var name: String
        public var host: String

        public init(name: String, host: String) {
            self.name = name
            self.host = host
        }
    }

    /// Three machines of a private network, to be edited.
    public static let exampleNodes = [
        Node(name: "node1", host: "10.0.0.1"), Node(name: "node2", host: "10.0.0.2"),
        Node(name: "node3", host: "10.0.0.3"),
    ]

    /// A file with every setting: what is needed as it is, all else commented out at its default.
    public static func commented(
        cluster: String = "shop", nodes: [Node] = exampleNodes
    ) -> String {
        var writer = Writer(cluster: cluster, nodes: nodes)
        writer.head()
        for setting in Settings.byGroup[""] ?? [] { writer.write(setting, indent: "") }
        return writer.text
    }

    private struct Writer {
        var cluster: String
        var nodes: [Node]
        var text = ""

        init(cluster: String, nodes: [Node]) {
            self.cluster = cluster
            self.nodes = nodes
        }

        mutating func head() {
            text += """
                # cluster.yaml: one PostgreSQL cluster.
                #
                # Only what is needed is set. All else stands at its default behind a `#`: remove
                # the `#` to change it. `toolkit check` tells what is wrong with the file,
                # `toolkit config reference` explains every setting.

                """
        }

        mutating func write(_ setting: Setting, indent: String) {
            let isTop = indent.isEmpty
            if isTop { text += "\n" }
            comment(setting, indent: indent)
            switch setting.type {
            case .group:
                text += "\(indent)\(setting.name):\n"
                members(of: setting, indent: indent + "  ")
            case .groups:
                text += "\(indent)\(setting.name):\n"
                list(of: setting, indent: indent + "  ")
            default:
                let mark = setting.path == "cluster" ? "" : "#"
                text += "\(indent)\(mark)\(setting.name): \(value(of: setting))\n"
            }
        }

        private mutating func members(of group: Setting, indent: String) {
            for setting in Settings.byGroup[group.path] ?? [] { write(setting, indent: indent) }
            guard group.path == "hooks", let hook = Settings.hookDeclarations.first else { return }
            text += "\(indent)# A hook with more than its command:\n"
            text += "\(indent)#\(hook.name):\n"
            for setting in Settings.byGroup[hook.path] ?? [] {
                text += "\(indent)#  \(setting.name): \(value(of: setting))\n"
            }
        }

        private mutating func list(of setting: Setting, indent: String) {
            for (index, node) in nodes.enumerated() {
                text += "\(indent)- name: \(scalar(node.name))\n"
                text += "\(indent)  host: \(scalar(node.host))\n"
                guard index == nodes.count - 1 else { continue }
                text += "\n\(indent)  # Each node can also have:\n"
                let rest = Settings.byGroup["\(setting.path)[]"] ?? []
                for setting in rest where setting.fallback != .required {
                    write(setting, indent: indent + "  ")
                }
            }
        }

        private mutating func comment(_ setting: Setting, indent: String) {
            var prose = setting.documentation
            switch setting.fallback {
            case .none(let meaning) where !setting.type.isGroup: prose += " Default: \(meaning)."
            case .counted(let meaning): prose += " Default: \(meaning)."
            case .same(let path): prose += " Default: that of `\(path)`."
            case .profile(_, let fast, let patient):
                prose += " Profile fast: \(fast), patient: \(patient)."
            case .none, .required, .value, .pattern: break
            }
            if case .choice(let words) = setting.type, words.count > 1 {
                prose += " One of \(words.joined(separator: ", "))."
            }
            for line in Wrap.lines(prose, width: 88 - indent.count) {
                text += "\(indent)# \(line)\n"
            }
        }

        /// The default, or an example where there is none.
        private func value(of setting: Setting) -> String {
            if setting.path == "cluster" { return scalar(cluster) }
            switch setting.fallback {
            case .value(let text): return text
            case .profile(let normal, _, _): return normal
            case .pattern(let text):
                return text.replacing("<version>", with: version)
                    .replacing("<cluster>", with: cluster)
                    .replacing("<node>", with: nodes.last?.name ?? "")
            case .counted: return nodes.count > 1 ? "1" : "0"
            case .same(let path) where path == "nodes[].host":
                return scalar(nodes.last?.host ?? setting.example)
            case .required, .none, .same: return setting.example
            }
        }

        private var version: String {
            guard case .value(let text) = Settings.byPath["postgresql.version"]?.fallback else {
                return ""
            }
            return text
        }

        /// In quotes where YAML could take the plain text for something else.
        private func scalar(_ text: String) -> String {
            let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            let isPlain =
                text.first?.isLetter == true && !words.contains(text.lowercased())
                && text.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0))
                }
            let isAddress = text.contains(".") && text.allSatisfy { $0.isNumber || $0 == "." }
            if isPlain || isAddress && text.count(where: { $0 == "." }) == 3 { return text }
            return "'\(text.replacing("'", with: "''"))'"
        }
    }
}
