@testable import Import

/// Small whole files with one setting of interest.
enum Sources {
    static func repmgr(
        _ node: Int = 1, _ lines: String..., without: Set<String> = []
    ) -> ImportFile {
        let base = [
            ("node_id", "\(node)"), ("node_name", "'node\(node)'"),
            ("conninfo", "'host=10.0.0.\(node) user=repmgr dbname=repmgr'"),
            ("data_directory", "'/srv/pg/data'"), ("pg_bindir", "'/usr/pgsql-16/bin'"),
        ]
        let named = Set(lines.map { String($0.prefix { $0 != "=" && $0 != " " }) })
        let kept = base.filter { !named.contains($0.0) && !without.contains($0.0) }
        return ImportFile(
            path: "node\(node).conf",
            text: (kept.map { "\($0.0)=\($0.1)" } + lines).joined(separator: "\n") + "\n")
    }

    /// As YAML of one line per setting: a flow mapping for each word of the path.
    static func patroni(_ node: Int = 1, _ settings: [(String, String)] = []) -> ImportFile {
        let base = [
            ("scope", "shop"), ("name", "node\(node)"),
            ("postgresql.connect_address", "10.0.0.\(node):5432"),
            ("postgresql.data_dir", "/srv/pg/data"),
            ("postgresql.bin_dir", "/usr/lib/postgresql/16/bin"),
        ]
        var tree = Tree()
        for (name, value) in base + settings {
            tree.set(name.split(separator: ".").map(String.init)[...], value)
        }
        return ImportFile(path: "node\(node).yml", text: tree.text(indent: ""))
    }

    static func keeper(_ node: Int = 1, _ settings: [(String, String)] = []) -> ImportFile {
        let base = [
            ("pg_autoctl.role", "keeper"), ("pg_autoctl.name", "node_\(node)"),
            ("pg_autoctl.hostname", "10.0.0.\(node)"), ("postgresql.pgdata", "/srv/pg/data"),
            ("postgresql.pg_ctl", "/usr/lib/postgresql/16/bin/pg_ctl"),
            ("postgresql.port", "5432"),
        ]
        let named = Set(settings.map(\.0))
        let all = base.filter { !named.contains($0.0) } + settings
        let lines = all.map { name, value in
            let words = name.split(separator: ".", maxSplits: 1)
            return "[\(words[0])]\n\(words[1]) = \(value)"
        }
        return ImportFile(path: "node\(node).cfg", text: lines.joined(separator: "\n") + "\n")
    }

    private struct Tree {
        var keys: [String] = []
        var values: [String: String] = [:]
        var below: [String: Tree] = [:]

        mutating func set(_ path: ArraySlice<String>, _ value: String) {
            guard let key = path.first else { return }
            if !keys.contains(key) { keys.append(key) }
            if path.count == 1 {
                values[key] = value
            } else {
                below[key, default: Tree()].set(path.dropFirst(), value)
            }
        }

        func text(indent: String) -> String {
            keys.map { key in
                let name = key.hasSuffix("[]") ? String(key.dropLast(2)) : key
                if let tree = below[key] {
                    return "\(indent)\(name):\n" + tree.text(indent: indent + "  ")
                }
                let quoted = ClusterText.scalar(.text(values[key] ?? ""))
                return "\(indent)\(name): " + (key.hasSuffix("[]") ? "[ \(quoted) ]" : quoted)
                    + "\n"
            }.joined()
        }
    }
}
