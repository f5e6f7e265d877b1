import ClusterFile

/// `key = 'value'  # comment`: repmgr.conf and, with sections, pg_autoctl.cfg.
struct LineReader {
    enum Syntax {
        case repmgr
        case ini
    }

    var file: String
    var syntax: Syntax
    private(set) var settings: [SourceSetting] = []
    private(set) var problems: [Finding] = []
    private var section = ""

    /// Reads all lines, and throws when one of them is wrong.
    static func read(
        _ file: ImportFile, _ syntax: Syntax
    ) throws(ImportError) -> SourceDocument {
        var reader = LineReader(file: file.path, syntax: syntax)
        let body = file.text.hasPrefix("\u{FEFF}") ? file.text.dropFirst() : file.text[...]
        let lines = body.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() { reader.take(line, number: index + 1) }
        guard reader.problems.isEmpty else { throw ImportError(problems: reader.problems) }
        return SourceDocument(file: file.path, settings: reader.settings)
    }

    private init(file: String, syntax: Syntax) {
        self.file = file
        self.syntax = syntax
    }

    private mutating func take(_ line: Substring, number: Int) {
        let content = line.drop(while: \.isWhitespace)
        let column = line.unicodeScalars.count - content.unicodeScalars.count + 1
        let position = Position(line: number, column: column)
        guard let first = content.first, first != "#" else { return }
        if syntax == .ini {
            if first == ";" { return }
            if first == "[" { return take(section: content, position) }
        }
        let name = content.prefix { $0.isLetter || $0.isNumber || "_-.".contains($0) }
        let rest = content.dropFirst(name.count).drop(while: \.isWhitespace)
        guard !name.isEmpty, rest.first == "=" || isBare(name, rest) else {
            return refuse(position, "", "this is no line `name = value`", "correct or remove it")
        }
        let written = (rest.first == "=" ? rest.dropFirst() : rest).drop(while: \.isWhitespace)
        guard let value = value(written) else {
            return refuse(
                position, String(name), "the quote is not closed, or text follows it",
                "end the value with a single quote; two of them stand for one inside it")
        }
        if let scalar = value.unicodeScalars.first(where: { $0.value < 0x20 && $0 != "\t" }) {
            return refuse(
                position, String(name), "its value holds the control character \(scalar.value)",
                "write it without control characters")
        }
        let full = section.isEmpty ? String(name) : "\(section).\(name)"
        settings.append(
            SourceSetting(
                name: syntax == .repmgr ? full.lowercased() : full, value: value, file: file,
                position: position))
    }

    /// repmgr takes `name value`, as postgresql.conf does; `include` is written so.
    private func isBare(_ name: Substring, _ rest: Substring) -> Bool {
        syntax == .repmgr && name.hasPrefix("include") && !rest.isEmpty
    }

    private mutating func take(section content: Substring, _ position: Position) {
        let inside = content.dropFirst().prefix { $0 != "]" }
        guard content.dropFirst(inside.count + 1).first == "]", !inside.isEmpty else {
            return refuse(position, "", "the section's name is not closed", "write `[name]`")
        }
        section = String(inside)
    }

    /// Nil when its quotes don't fit.
    private func value(_ text: Substring) -> String? {
        guard syntax == .repmgr else { return String(text).trimmingEnd }
        guard text.first == "'" else {
            return String(text.prefix { $0 != "#" }).trimmingEnd
        }
        var value = String.UnicodeScalarView()
        var rest = text.dropFirst().unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\\", let next = rest.popFirst() {
                value.append(next)
            } else if scalar == "'", rest.first == "'" {
                rest.removeFirst()
                value.append("'")
            } else if scalar == "'" {
                let after = rest.drop { $0 == " " || $0 == "\t" }
                return after.isEmpty || after.first == "#" ? String(value) : nil
            } else {
                value.append(scalar)
            }
        }
        return nil
    }

    private mutating func refuse(
        _ position: Position, _ name: String, _ message: String, _ hint: String
    ) {
        problems.append(
            Finding(
                code: "syntax", file: file, position: position, setting: name, message: message,
                hint: hint))
    }
}

extension String {
    fileprivate var trimmingEnd: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
