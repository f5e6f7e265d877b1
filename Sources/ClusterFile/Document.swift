import Yams

/// The text of a file as YAML nodes with their places.
struct Document {
    /// One value with its place; keys keep theirs.
    indirect enum Value {
        case nothing
        case flag(String)
        case number(String)
        case text(String)
        case list([Entry])
        case mapping([(key: Key, value: Entry)])
    }

    struct Key {
        /// Nil: the key is no text.
        var name: String?
        var position: Position
    }

    struct Entry {
        var value: Value
        var position: Position
    }

    var root: Entry

    /// Reads `text`; what YAML itself refuses is one problem, as nothing after it can be read.
    init(_ text: String, file: String) throws(ClusterFileError) {
        func refused(_ code: String, _ position: Position?, _ message: String, _ hint: String)
            -> ClusterFileError
        {
            ClusterFileError(
                path: file,
                problems: [
                    Finding(
                        code: code, file: file, position: position, message: message, hint: hint)
                ])
        }
        let composed: Node?
        do {
            composed = try Yams.compose(yaml: Self.prepared(text), .basic)
        } catch let error as YamlError {
            throw Self.problem(of: error, in: text, refused)
        } catch {
            throw refused("yaml.syntax", nil, "\(error)", "correct the YAML")
        }
        guard let composed else {
            throw refused(
                "file.empty", nil, "the file is empty",
                "`cluster` and `nodes` are needed; `toolkit init` writes a commented file")
        }
        root = Self.entry(of: composed)
    }

    /// Without a byte order mark, and long enough to have a buffer: Yams keeps a pointer into the
    /// text, which a short one, stored inline, would leave dangling.
    private static func prepared(_ text: String) -> String {
        var body = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
        if body.utf8.count < 64 { body += String(repeating: "\n", count: 64) }
        body.makeContiguousUTF8()
        return body
    }

    private static func entry(of node: Node) -> Entry {
        let position = Position(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        switch node {
        case .scalar(let scalar):
            return Entry(value: value(of: scalar), position: position)
        case .sequence(let list):
            return Entry(value: .list(list.map { entry(of: $0) }), position: position)
        case .mapping(let mapping):
            let pairs = mapping.map { (key: key(of: $0.key), value: entry(of: $0.value)) }
            return Entry(value: .mapping(pairs), position: position)
        case .alias:
            return Entry(value: .nothing, position: position)
        }
    }

    private static func key(of node: Node) -> Key {
        let position = Position(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        return Key(name: node.scalar?.string, position: position)
    }

    /// The types of YAML 1.2: `yes` and `on` are text here, but read as flags so that a message
    /// can say what to write.
    private static func value(of scalar: Node.Scalar) -> Value {
        let text = scalar.string
        let isText = scalar.style != .plain || scalar.tag.description == Tag.Name.str.rawValue
        if isText { return .text(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .nothing
        case let word where flagWords.contains(word.lowercased()): return .flag(text)
        case let word where isNumber(word): return .number(text)
        default: return .text(text)
        }
    }

    private static let flagWords: Set<String> = ["true", "false", "yes", "no", "on", "off"]

    private static func isNumber(_ text: String) -> Bool {
        var rest = text[...]
        if let first = rest.first, first == "-" || first == "+" { rest = rest.dropFirst() }
        guard let first = rest.utf8.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= first else {
            return false
        }
        return Double(rest) != nil || rest.hasPrefix("0x") || rest.hasPrefix("0o")
    }
}

extension Document {
    private typealias Refusal = (String, Position?, String, String) -> ClusterFileError

    private static func problem(
        of error: YamlError, in text: String, _ refused: Refusal
    ) -> ClusterFileError {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = min(Position(line: mark.line, column: mark.column), end(of: text))
            let started = context.map {
                ": \($0.text) (begun at \($0.mark.line):\($0.mark.column))"
            }
            return refused(
                "yaml.syntax", place, "this is not YAML: \(problem)\(started ?? "")",
                "correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @`"
                    + " need quotes")
        case .reader(let problem, let offset, _, let yaml):
            let place = offset.map { position(ofCharacter: $0, in: yaml) }
            return refused(
                "yaml.syntax", place, "this is not YAML: \(problem)",
                "remove the character, or write it as an escape in double quotes")
        case .duplicatedKeysInMapping(let keys, let context):
            return duplicate(keys.first ?? "", first: context.mark, in: text, refused)
        default:
            return refused("yaml.syntax", nil, "this is not YAML: \(error)", "correct the YAML")
        }
    }

    private static func position(ofCharacter offset: Int, in text: String) -> Position {
        let before = text.prefix(offset).unicodeScalars
        let line = before.count { $0 == "\n" } + 1
        let column = before.reversed().prefix { $0 != "\n" }.count + 1
        return Position(line: line, column: column)
    }

    private static func end(of text: String) -> Position {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let last = lines.lastIndex { !$0.isEmpty } ?? 0
        return Position(line: last + 1, column: lines[last].unicodeScalars.count + 1)
    }

    private static func duplicate(
        _ key: String, first: Mark, in text: String, _ refused: Refusal
    ) -> ClusterFileError {
        let found = Position(line: first.line, column: first.column)
        let again = secondPlace(of: key, first: found, in: text)
        let also = again == nil ? "" : ", first at \(found)"
        let name = again == nil && text.contains(key) == false ? "a key" : "`\(key)`"
        return refused(
            "key.duplicate", again ?? found, "\(name) is written more than once here\(also)",
            "keep one of them")
    }

    /// Yams tells where the key stands first; in block style the next one starts in the same column.
    private static func secondPlace(
        of key: String, first: Position, in text: String
    ) -> Position? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().dropFirst(first.line) {
            let content = line.drop { $0 == " " }
            guard !content.isEmpty, !content.hasPrefix("#") else { continue }
            let column = line.count - content.count + 1
            if column < first.column { return nil }
            let isKey = [key, "\"\(key)\"", "'\(key)'"].contains { spelling in
                content.hasPrefix(spelling)
                    && content.dropFirst(spelling.count).first { $0 != " " } == ":"
            }
            if column == first.column, isKey { return Position(line: index + 1, column: column) }
        }
        return nil
    }
}
