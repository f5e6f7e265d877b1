/// Two texts, compared by lines, as `diff -u` prints them.
public struct UnifiedDiff: Hashable, Sendable {
    private struct Line: Hashable {
        var mark: Character
        var text: Substring
    }

    private static let context = 3

    /// Empty when the texts are equal.
    public let text: String

    /// `old` and `new` are what the two are called.
    public init(from oldText: String, to newText: String, old: String, new: String) {
        let lines = Self.lines(Self.split(oldText), Self.split(newText))
        guard lines.contains(where: { $0.mark != " " }) else {
            text = ""
            return
        }
        text = "--- \(old)\n+++ \(new)\n" + Self.hunks(of: lines).joined()
    }

    public var isEmpty: Bool { text.isEmpty }

    /// Each line with its end, so that a missing one at the end of a text is a difference.
    private static func split(_ text: String) -> [Substring] {
        var lines: [Substring] = []
        var rest = text[...]
        while let end = rest.utf8.firstIndex(of: UInt8(ascii: "\n")) {
            let next = rest.utf8.index(after: end)
            lines.append(rest[..<next])
            rest = rest[next...]
        }
        return rest.isEmpty ? lines : lines + [rest]
    }

    private static func lines(_ old: [Substring], _ new: [Substring]) -> [Line] {
        // By bytes: for Swift é and e with an accent are equal.
        let difference = new.difference(from: old) { $0.utf8.elementsEqual($1.utf8) }
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [Line] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left < old.count, removed.contains(left) {
                lines.append(Line(mark: "-", text: old[left]))
                left += 1
            } else if right < new.count, inserted.contains(right) {
                lines.append(Line(mark: "+", text: new[right]))
                right += 1
            } else {
                lines.append(Line(mark: " ", text: old[left]))
                left += 1
                right += 1
            }
        }
        return lines
    }

    /// Changes with the lines around them; changes that are near share a hunk.
    private static func hunks(of lines: [Line]) -> [String] {
        let changed = lines.indices.filter { lines[$0].mark != " " }
        var ranges: [Range<Int>] = []
        for index in changed {
            let range = max(0, index - context)..<min(lines.count, index + context + 1)
            if let last = ranges.last, last.upperBound >= range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        return ranges.map { range in
            let before = lines[..<range.lowerBound]
            let old = position(
                before.count { $0.mark != "+" }, lines[range].count { $0.mark != "+" })
            let new = position(
                before.count { $0.mark != "-" }, lines[range].count { $0.mark != "-" })
            let body = lines[range].map { line in
                line.text.utf8.last == UInt8(ascii: "\n")
                    ? "\(line.mark)\(line.text)"
                    : "\(line.mark)\(line.text)\n\\ No newline at end of file\n"
            }
            return "@@ -\(old) +\(new) @@\n" + body.joined()
        }
    }

    /// An empty side is named by the line before it.
    private static func position(_ before: Int, _ count: Int) -> String {
        let start = count == 0 ? before : before + 1
        return count == 1 ? "\(start)" : "\(start),\(count)"
    }
}
