import ClusterFile

/// Writes the draft as cluster.yaml.
enum ClusterText {
    static func text(of draft: Draft) -> String {
        var lines = [
            "# cluster.yaml, written by `toolkit import`. What is not here has its default:"
        ]
        lines += ["# `toolkit config reference` explains every setting.", ""]
        let top = Settings.all.filter { !$0.type.isGroup && !$0.path.hasPrefix("nodes[]") }
        var group = ""
        for setting in top where hasPart(setting.path, draft) {
            let next = setting.group
            if next != group, !next.isEmpty { lines.append("\(next):") }
            group = next
            lines += part(setting.path, indent: next.isEmpty ? "" : "  ", draft)
            if setting.path == "cluster" { lines += nodes(draft) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func hasPart(_ path: String, _ draft: Draft) -> Bool {
        switch path {
        case "postgresql.parameters": !draft.parameters.isEmpty
        case "postgresql.hba": !draft.hba.isEmpty
        default: draft.values[path] != nil
        }
    }

    private static func part(_ path: String, indent: String, _ draft: Draft) -> [String] {
        let key = path.split(separator: ".").last.map(String.init) ?? path
        switch path {
        case "postgresql.parameters":
            return ["\(indent)\(key):"]
                + draft.parameters.sorted { $0.name < $1.name }.map {
                    "\(indent)  \(scalar(.text($0.name))): \(scalar($0.value.scalar))"
                }
        case "postgresql.hba":
            return ["\(indent)\(key):"] + draft.hba.map { "\(indent)  - \(scalar($0.scalar))" }
        default:
            return draft.values[path].map { ["\(indent)\(key): \(scalar($0.scalar))"] } ?? []
        }
    }

    private static func nodes(_ draft: Draft) -> [String] {
        let keys =
            ["name", "host", "port", "data_dir", "priority", "replication_quorum"]
            + ["upstream", "socket_dir"]
        return ["nodes:"]
            + draft.nodes.flatMap { node in
                keys.compactMap { key in
                    node.values[key].map { "\(key): \(scalar($0.scalar))" }
                }.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }
            }
    }

    /// In single quotes unless it can't be taken for anything else; in double ones with escapes
    /// where it holds what has no place in a line.
    static func scalar(_ scalar: Draft.Scalar) -> String {
        guard case .text(let text) = scalar else { return scalar.shown }
        let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        let isPlain =
            text.first.map { $0.isASCII && $0.isLetter || $0 == "/" } == true
            && !words.contains(text.lowercased())
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
        let isQuantity = DurationText.parse(text) != nil || SizeText.parse(text) != nil
        let isAddress =
            text.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 3
            && text.utf8.allSatisfy {
                $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
        if isPlain || isQuantity || isAddress { return text }
        let isLine = text.unicodeScalars.allSatisfy { !needsEscape($0) }
        return isLine ? "'\(doubled(text))'" : "\"\(escaped(text))\""
    }

    /// By scalars, so that a quote joined with a combining mark is still seen.
    private static func doubled(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(scalar)
            if scalar == "'" { result.append(scalar) }
        }
        return String(result)
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
            || scalar.properties.generalCategory == .unassigned
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" {
                result += "\\"
                result.unicodeScalars.append(scalar)
            } else if needsEscape(scalar) {
                let hex = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
