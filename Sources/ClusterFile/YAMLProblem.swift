import Yams

/// Why Yams refuses a text, in words that help.
struct YAMLProblem {
    var code = "yaml.syntax"
    var position: Position?
    var message: String
    var hint: String
    /// Of a key that is written twice, where it stands again: without it the rest can be read.
    var laterKey: Position?

    init(_ error: any Error, in text: String) {
        message = "this is not YAML: \(error)"
        hint = "correct it"
        guard let error = error as? YamlError else { return }
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = min(Position(line: mark.line, column: mark.column), Lines.end(of: text))
            position = place
            (message, hint) = Self.syntax(problem, context, Lines.scalar(at: place, in: text))
        case .reader(let problem, let offset, _, let yaml):
            position = offset.map { Lines.position(ofCharacter: $0, in: yaml) }
            message = "this is not YAML: \(problem)"
            hint = "remove the character, or write it as an escape in double quotes"
        case .duplicatedKeysInMapping(let keys, let context):
            duplicate(keys.first ?? "", first: context.mark, in: text)
        default: break
        }
    }

    static func empty(_ file: String) -> Finding {
        Finding(
            code: "file.empty", file: file, message: "the file is empty",
            hint: "`cluster` and `nodes` are needed; `toolkit init` writes a commented file")
    }

    func finding(_ file: String) -> Finding {
        Finding(code: code, file: file, position: position, message: message, hint: hint)
    }

    /// libyaml's words, and where they don't help, better ones.
    private static func syntax(
        _ problem: String, _ context: YamlError.Context?, _ found: Unicode.Scalar?
    ) -> (message: String, hint: String) {
        if problem.contains("another document") {
            return (
                "a second document begins here", "a file is about one cluster: remove the `---`"
            )
        }
        if problem.contains("nesting") {
            return ("this is nested too deeply", "no setting needs that; close the brackets")
        }
        if found == "\t" {
            return ("this is not YAML: a tab can't indent a line", "indent with spaces")
        }
        let started = context.map { ": \($0.text) (begun at \($0.mark.line):\($0.mark.column))" }
        return (
            "this is not YAML: \(problem)\(started ?? "")",
            "correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @`"
                + " need quotes"
        )
    }

    private mutating func duplicate(_ key: String, first: Mark, in text: String) {
        let found = Position(line: first.line, column: first.column)
        laterKey = Self.secondPlace(of: key, first: found, in: text)
        let also = laterKey == nil ? "" : ", first at \(found)"
        let name = text.contains(key) ? "`\(Found.printable(key))`" : "a key"
        code = "key.duplicate"
        position = laterKey ?? found
        message = "\(name) is written more than once here\(also)"
        hint = "keep one of them"
    }

    /// Yams tells where the key stands first; in block style the next one starts in the same
    /// column.
    private static func secondPlace(
        of key: String, first: Position, in text: String
    ) -> Position? {
        for (index, line) in Lines.of(text).enumerated().dropFirst(first.line) {
            let content = line.drop { $0 == " " }
            guard let start = content.first, start != "#" else { continue }
            let column = line.count - content.count + 1
            if column < first.column { return nil }
            let rest = String(content)
            let isKey = [key, "\"\(key)\"", "'\(key)'"].contains { spelling in
                rest.hasPrefix(spelling)
                    && rest.dropFirst(spelling.count).first { $0 != " " } == ":"
            }
            if column == first.column, isKey { return Position(line: index + 1, column: column) }
        }
        return nil
    }
}

/// Lines and columns of a text as libyaml counts them: columns in Unicode scalars, and `\r\n` is
/// one break.
enum Lines {
    static func of(_ text: String) -> [Substring.UnicodeScalarView] {
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
            .map(\.unicodeScalars)
    }

    static func index(of place: Position, in text: String) -> String.UnicodeScalarView.Index? {
        let lines = of(text)
        guard lines.indices.contains(place.line - 1) else { return nil }
        let line = lines[place.line - 1]
        return line.index(line.startIndex, offsetBy: place.column - 1, limitedBy: line.endIndex)
            .flatMap { $0 < line.endIndex ? $0 : nil }
    }

    static func scalar(at place: Position, in text: String) -> Unicode.Scalar? {
        index(of: place, in: text).map { text.unicodeScalars[$0] }
    }

    /// After the last character that is no line break.
    static func end(of text: String) -> Position {
        let lines = of(text)
        let last = lines.lastIndex { !$0.isEmpty } ?? 0
        return Position(line: last + 1, column: lines[last].count + 1)
    }

    static func position(ofCharacter offset: Int, in text: String) -> Position {
        let before = text.prefix(offset).unicodeScalars
        let line = before.count { $0 == "\n" } + 1
        let column = before.reversed().prefix { $0 != "\n" }.count + 1
        return Position(line: line, column: column)
    }
}
