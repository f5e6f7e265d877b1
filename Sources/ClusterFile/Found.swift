/// How messages speak of what was found in a file.
package enum Found {
    static func describe(_ value: Document.Value) -> String {
        switch value {
        case .nothing: "nothing"
        case .flag(let word): "`\(word)`"
        case .number(let digits): digits
        case .text(let text): quoted(text)
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// In double quotes, control characters escaped, at most 60 characters.
    static func quoted(_ text: String) -> String {
        let cut = text.count > 60
        return "\"\(printable(String(text.prefix(60))))\(cut ? "…" : "")\""
    }

    /// One line of it that no terminal acts upon.
    package static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where isActing(scalar.value):
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Control characters, separators of lines, and what turns the direction of writing around.
    private static func isActing(_ value: UInt32) -> Bool {
        value < 0x20 || (0x7F...0x9F).contains(value) || (0x2028...0x202E).contains(value)
            || (0x2066...0x2069).contains(value)
    }

    /// The text of a scalar, whatever YAML takes it for; nil for lists, mappings and nothing.
    package static func asWritten(_ value: Document.Value) -> String? {
        switch value {
        case .flag(let text), .number(let text), .text(let text): text
        case .nothing, .list, .mapping: nil
        }
    }

    /// What to do about a value that does not fit.
    static func hint(for value: Document.Value, of setting: Setting) -> String {
        if let word = asWritten(value), let hint = setting.hints[word] { return hint }
        let example = "write for example `\(setting.name): \(setting.example)`"
        switch (setting.type, value) {
        case (.group, _): return "write `key: value` lines below it"
        case (.groups, _): return "write a list: `- { name: node1, host: 10.0.0.1 }`"
        case (.texts, _) where setting.example.isEmpty: return "write a list in [ ]"
        case (_, .nothing): return "write a value, or leave the key out"
        case (.flag, .flag(let word)):
            return "write `\(["yes", "on", "true"].contains(word.lowercased()))`"
        case (.number, .text(let text)) where Int(text) != nil:
            return "write it without quotes: `\(setting.name): \(text)`"
        case (.duration, .number(let digits)) where Int(digits) != nil:
            return "add the unit: `\(digits)ms`, `\(digits)s`, `\(digits)min` or `\(digits)h`"
        case (.size, .number(let digits)) where Int(digits) != nil:
            return "add the unit: `\(digits)kB`, `\(digits)MB` or `\(digits)GB`"
        case (.size, _): return example + "; whole numbers with B, kB, MB or GB"
        case (.duration, _): return example + "; whole numbers with ms, s, min or h"
        case (.text, .number(let text)), (.text, .flag(let text)), (.choice, .flag(let text)),
            (.command, .number(let text)), (.command, .flag(let text)):
            return "if it is meant, put it in quotes: `\(setting.name): \"\(text)\"`"
        case (.choice(let words), .text(let text)):
            return Spelling.nearest(to: text, among: words).map { "did you mean `\($0)`?" }
                ?? example
        default: return example
        }
    }
}

/// Finds the word that was meant.
package enum Spelling {
    /// The nearest of `words`; nil when none is near.
    package static func nearest(to word: String, among words: [String]) -> String? {
        let lowered = word.lowercased().replacing("-", with: "_")
        let ranked = words.map { (word: $0, distance: distance(lowered, $0.lowercased())) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, min(word.count, best.word.count) / 3) ? best.word : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours from one to the other.
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count <= 100 else { return left.count }
        var rows = [Array(0...right.count)]
        for i in 0..<left.count {
            var row = [i + 1]
            for j in 0..<right.count {
                let replaced = rows[i][j] + (left[i] == right[j] ? 0 : 1)
                var least = min(rows[i][j + 1] + 1, row[j] + 1, replaced)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    least = min(least, rows[i - 1][j - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
