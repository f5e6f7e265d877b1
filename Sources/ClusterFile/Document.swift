import Yams

/// The text of a file as YAML nodes with their places.
package struct Document {
    /// One value with its place; keys keep theirs.
    package indirect enum Value {
        case nothing
        case flag(String)
        case number(String)
        case text(String)
        case list([Entry])
        case mapping([(key: Key, value: Entry)])
    }

    package struct Key {
        /// Nil: the key is no text.
        package var name: String?
        package var position: Position
    }

    package struct Entry {
        package var value: Value
        package var position: Position
    }

    package var root: Entry
    /// Keys that are written twice; the walk does not see the later ones.
    package private(set) var problems: [Finding] = []

    /// Reads `text`; what YAML itself refuses is the last problem, as nothing after it can be read.
    package init(_ text: String, file: String) throws(ClusterFileError) {
        var body = Self.prepared(text)
        var hidden: Set<Position> = []
        while true {
            do {
                guard let composed = try Yams.compose(yaml: body, .basic) else {
                    throw ClusterFileError(path: file, problems: [YAMLProblem.empty(file)])
                }
                root = Self.entry(of: composed, hidden)
                return
            } catch let error as ClusterFileError {
                throw error
            } catch {
                let problem = YAMLProblem(error, in: body)
                problems.append(problem.finding(file))
                guard let again = problem.laterKey, hidden.count < 20,
                    hidden.insert(again).inserted
                else {
                    problems.sort(by: Finding.isBefore)
                    throw ClusterFileError(path: file, problems: problems)
                }
                body = Self.renamed(again, in: body, round: hidden.count)
            }
        }
    }

    /// With another first letter of the key at `place`, so that the rest can be read too. Nothing
    /// else moves: columns count in scalars.
    private static func renamed(_ place: Position, in text: String, round: Int) -> String {
        var scalars = text.unicodeScalars
        guard var index = Lines.index(of: place, in: text) else { return text }
        if scalars[index] == "\"" || scalars[index] == "'" { index = scalars.index(after: index) }
        // The private use area: no key has one of them but for this.
        let letter = Unicode.Scalar(0xE000 + UInt32(round)) ?? "\u{E000}"
        scalars.replaceSubrange(index...index, with: CollectionOfOne(letter))
        return String(scalars)
    }

    /// Without a byte order mark, and long enough to have a buffer: Yams keeps a pointer into the
    /// text, which a short one, stored inline, would leave dangling.
    private static func prepared(_ text: String) -> String {
        var body = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
        if body.utf8.count < 64 { body += String(repeating: "\n", count: 64) }
        body.makeContiguousUTF8()
        return body
    }

    private static func entry(of node: Node, _ hidden: Set<Position>) -> Entry {
        let position = Position(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        switch node {
        case .scalar(let scalar):
            return Entry(value: value(of: scalar), position: position)
        case .sequence(let list):
            return Entry(value: .list(list.map { entry(of: $0, hidden) }), position: position)
        case .mapping(let mapping):
            let pairs = mapping.map { (key: key(of: $0.key), value: entry(of: $0.value, hidden)) }
                .filter { !hidden.contains($0.key.position) }
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
