/// What is asked of every file, on its text alone.
enum Checks {
    static let fileLinesMax = 400
    static let functionLinesMax = 70

    static func length(of file: SourceFile) -> [Finding] {
        let count = file.text.utf8.count { $0 == UInt8(ascii: "\n") }
        guard count > fileLinesMax else { return [] }
        return [Finding(path: file.path, line: count, says: "\(count) lines; split it")]
    }

    // MARK: Words

    private static var banned: [(pattern: Regex<Substring>, says: String)] {
        [
            (/\bTODO\b/, "TODO: do it, or write the limit into the manual"),
            (/\bFIXME\b/, "FIXME: fix it"),
            (/\bXXX\b/, "XXX: fix it"),
            (/\btry!/, "try!: handle the error"),
            (/\bas!/, "as!: handle the other type"),
            (/\bfatalError\(/, "fatalError: throw, or preconditionFailure with the state"),
        ]
    }

    private static let suspicious = [
        "TODO", "FIXME", "XXX", "try!", "as!", "fatalError", "print", "@unchecked",
    ]

    static func words(in file: SourceFile) -> [Finding] {
        let printing = /(?:^|[^\w.])print\(/
        let mayPrint = ["Toolkit", "Demo"].contains(file.module)
        var findings: [Finding] = []
        for (index, line) in file.lines.enumerated() {
            func find(_ says: String) {
                findings.append(Finding(path: file.path, line: index + 1, says: says))
            }
            guard line.holds(anyOf: suspicious) else { continue }
            for word in banned where line.contains(word.pattern) { find(word.says) }
            if !mayPrint, line.contains(printing) { find("print: only Toolkit and Demo print") }
            if line.contains("@unchecked Sendable"), !hasCommentAbove(index, file.lines) {
                find("@unchecked Sendable: say above it why that is safe")
            }
        }
        return findings
    }

    private static func hasCommentAbove(_ index: Int, _ lines: [Substring]) -> Bool {
        index > 0 && lines[index - 1].contains(/^\s*\/\//)
    }

    // MARK: Functions

    /// Functions that are too long, in formatted code: a body ends at the brace that stands as far
    /// from the margin as its declaration begins.
    static func functions(in file: SourceFile) -> [(name: String, finding: Finding)] {
        let lines = file.lines
        return lines.indices.compactMap { start in
            guard let (indent, name) = declaration(lines[start]) else { return nil }
            let closing = Array("\(indent)}".utf8)
            guard let body = bodyStart(lines, from: start),
                let end = lines[body...].firstIndex(where: { $0.utf8.starts(with: closing) })
            else { return nil }
            let count = end - start + 1
            guard count > functionLinesMax else { return nil }
            return (
                name,
                Finding(
                    path: file.path, line: start + 1,
                    says: "\(name) has \(count) lines; at most \(functionLinesMax)")
            )
        }
    }

    private static func declaration(_ line: Substring) -> (indent: String, name: String)? {
        // Said first, because a regular expression on every line takes seconds.
        guard line.holds(anyOf: ["func ", "init", "subscript", "var ", "() {"]) else {
            return nil
        }
        let swift =
            /^(\s*)(?:[\w@]+(?:\([^)]*\))?\s+)*?(?:func\s+([^\s(<]+)|(init)[?(<]|(subscript)[(<]|var\s+(\w+)\b[^=]*\{$)/
        let shell = /^()([a-z_][a-z0-9_]*)\(\) \{/
        if let match = line.firstMatch(of: swift) {
            let name = match.2 ?? match.3 ?? match.4 ?? match.5 ?? ""
            return (String(match.1), String(name))
        }
        return line.firstMatch(of: shell).map { (String($0.1), String($0.2)) }
    }

    /// The line that opens the body of a declaration; nil when it has none, or one on its line.
    private static func bodyStart(_ lines: [Substring], from start: Int) -> Int? {
        var depth = 0
        for index in start..<min(start + 30, lines.count) {
            for byte in lines[index].utf8 {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") { depth -= 1 }
            }
            guard depth == 0 else { continue }
            if lines[index].contains(/\{(\s*#.*)?$/) { return index + 1 }
            let next = index + 1 < lines.count ? lines[index + 1] : ""
            guard next.contains(/^\s*(\{|async\b|throws\b|->|where\b)/) else { return nil }
        }
        return nil
    }

    // MARK: Hooks

    static let headings = ["Runs on:", "Knows:", "Succeeds:", "Retry:", "Prints:"]

    /// The header of a hook: what an ops team reads before it replaces one.
    static func header(of hook: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        func find(_ line: Int, _ says: String) {
            findings.append(Finding(path: hook.path, line: line, says: says))
        }
        let lines = hook.lines
        if lines.first != "#!/bin/sh" { find(1, "the first line is `#!/bin/sh`") }
        let title = "# \(hook.name.replacing(".sh", with: "")) — "
        if lines.count < 2 || !lines[1].hasPrefix(title) {
            find(2, "the second line is `\(title)` and one sentence")
        }
        let comment = lines.prefix { $0.hasPrefix("#") }
        let found = comment.compactMap { line in
            headings.first { line.hasPrefix("# \($0)") }
        }
        if found != headings {
            find(3, "the header has the headings \(headings.joined(separator: " ")) in that order")
        }
        if !lines.contains("set -eu") { find(1, "it lacks `set -eu`") }
        return findings
    }

    // MARK: Pages

    /// Relative links of a page, outside of its code blocks.
    static func links(in page: SourceFile) -> [(line: Int, target: String)] {
        var isCode = false
        var links: [(line: Int, target: String)] = []
        for (index, line) in page.lines.enumerated() {
            if line.contains(/^\s*```/) { isCode.toggle() }
            guard !isCode else { continue }
            let prose = line.replacing(/`[^`]*`/, with: "code")
            for match in prose.matches(of: /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/) {
                let target = match.1.prefix { $0 != "#" }
                if !target.isEmpty, !target.contains(/^[a-z]+:/) {
                    links.append((index + 1, String(target)))
                }
            }
        }
        return links
    }
}
