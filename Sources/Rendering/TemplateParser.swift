/// Reads a template line by line: a tag never spans lines, so an unclosed one is found where it is.
struct TemplateParser {
    let file: String
    private var open: [OpenBlock] = []
    private var parts: [TemplatePart] = []

    init(file: String) { self.file = file }

    /// A block whose end has not come yet; `outer` is what stood before it.
    private struct OpenBlock {
        var kind: TemplateBlock.Kind
        var subject: TemplateReference
        var position: TemplatePosition
        var outer: [TemplatePart]
        /// The part before `{{else}}`; nil until that has come.
        var body: [TemplatePart]?
    }

    private enum Token {
        case text(String)
        case tag(String, TemplatePosition)
    }

    mutating func parse(_ source: String) throws(TemplateError) -> [TemplatePart] {
        let lines = source.unicodeScalars.split(
            separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            try read(tokens(of: String(line), number: index + 1), lineEnd: isLast ? "" : "\n")
        }
        if let block = open.last {
            throw error(block.position, "{{#\(block.kind.rawValue)}} is never closed")
        }
        return parts
    }

    private func tokens(of line: String, number: Int) throws(TemplateError) -> [Token] {
        var tokens: [Token] = []
        var rest = line[...]
        while let opening = Self.find("{{", in: rest) {
            if opening > rest.startIndex { tokens.append(.text(String(rest[..<opening]))) }
            let column = line.distance(from: line.startIndex, to: opening) + 1
            let position = TemplatePosition(line: number, column: column)
            let inside = rest[opening...].dropFirst(2)
            guard let closing = Self.find("}}", in: inside) else {
                throw error(position, "'{{' without '}}' on the same line")
            }
            tokens.append(.tag(String(inside[..<closing]), position))
            rest = inside[closing...].dropFirst(2)
        }
        if !rest.isEmpty { tokens.append(.text(String(rest))) }
        return tokens
    }

    private mutating func read(_ tokens: [Token], lineEnd: String) throws(TemplateError) {
        let leavesNoLine = Self.leavesNoLine(tokens)
        for token in tokens {
            switch token {
            case .text(let text): if !leavesNoLine { append(text) }
            case .tag(let content, let position): try read(tag: content, at: position)
            }
        }
        if !leavesNoLine { append(lineEnd) }
    }

    private mutating func append(_ text: String) {
        if !text.isEmpty { parts.append(.text(text)) }
    }

    private mutating func read(
        tag content: String, at position: TemplatePosition
    ) throws(TemplateError) {
        if content.hasPrefix("!") { return }
        let words = Self.words(content)
        guard let first = words.first else { throw error(position, "the tag is empty") }
        if first.hasPrefix("#") {
            try openBlock(first.dropFirst(), words.dropFirst(), at: position)
        } else if first == "else" {
            try turnToElse(words, at: position)
        } else if first.hasPrefix("/") {
            try closeBlock(first.dropFirst(), words, at: position)
        } else {
            parts.append(try variable(words, at: position))
        }
    }

    private mutating func openBlock(
        _ name: Substring, _ arguments: ArraySlice<String>, at position: TemplatePosition
    ) throws(TemplateError) {
        guard let kind = TemplateBlock.Kind(rawValue: String(name)) else {
            let known = TemplateBlock.Kind.allCases.map { "#" + $0.rawValue }
            throw error(
                position, "unknown block '#\(name)' (known: \(known.joined(separator: ", ")))")
        }
        guard arguments.count == 1, let subject = arguments.first else {
            throw error(position, "#\(name) wants one name")
        }
        open.append(
            OpenBlock(
                kind: kind, subject: try reference(subject, at: position), position: position,
                outer: parts))
        parts = []
    }

    private mutating func turnToElse(
        _ words: [String], at position: TemplatePosition
    ) throws(TemplateError) {
        guard words.count == 1 else { throw error(position, "else stands alone") }
        guard let last = open.indices.last, open[last].body == nil else {
            throw error(position, "{{else}} belongs to no block")
        }
        open[last].body = parts
        parts = []
    }

    private mutating func closeBlock(
        _ name: Substring, _ words: [String], at position: TemplatePosition
    ) throws(TemplateError) {
        guard words.count == 1, let block = open.last, block.kind.rawValue == name else {
            let expected = open.last.map { "{{/\($0.kind.rawValue)}} is expected" }
            throw error(
                position,
                "{{/\(name)}} closes nothing" + (expected.map { ", \($0)" } ?? ""))
        }
        open.removeLast()
        let closed = TemplateBlock(
            kind: block.kind, subject: block.subject, body: block.body ?? parts,
            otherwise: block.body == nil ? [] : parts)
        parts = block.outer + [.block(closed)]
    }

    private func variable(
        _ words: [String], at position: TemplatePosition
    ) throws(TemplateError) -> TemplatePart {
        let name = try reference(words[0], at: position)
        switch words.count {
        case 1: return .variable(name, nil)
        case 3 where words[1] == "|":
            guard let filter = TemplateFilter(rawValue: words[2]) else {
                throw error(
                    position, "unknown filter '\(words[2])' (known: \(TemplateFilter.known))")
            }
            return .variable(name, filter)
        default:
            throw error(position, "a tag is {{ name }} or {{ name | filter }}")
        }
    }

    private func reference(
        _ text: String, at position: TemplatePosition
    ) throws(TemplateError) -> TemplateReference {
        if text == "." { return TemplateReference(path: [], position: position) }
        let path = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let isName = path.allSatisfy { key in
            !key.isEmpty
                && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
        guard isName else { throw error(position, "'\(text)' is no name") }
        return TemplateReference(path: path, position: position)
    }

    private func error(_ position: TemplatePosition, _ problem: String) -> TemplateError {
        TemplateError(file: file, position: position, problem: problem)
    }

    /// Whether the line is only block tags, remarks and the space around them.
    private static func leavesNoLine(_ tokens: [Token]) -> Bool {
        var hasTag = false
        for token in tokens {
            switch token {
            case .text(let text): if !text.allSatisfy(\.isWhitespace) { return false }
            case .tag(let content, _):
                guard let first = words(content).first else { return false }
                let isVariable = first != "else" && !["#", "/", "!"].contains(first.prefix(1))
                if isVariable { return false }
                hasTag = true
            }
        }
        return hasTag
    }

    /// Words between spaces; a bar is a word of its own.
    private static func words(_ content: String) -> [String] {
        let pieces = content.split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        return Array(pieces.joined(separator: ["|"]))
    }

    private static func find(_ sign: String, in text: Substring) -> Substring.Index? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(sign) { return index }
            index = text.index(after: index)
        }
        return nil
    }
}
