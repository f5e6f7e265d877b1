/// The declaration of one setting: what reading, checking, defaults, the reference and the
/// template of `toolkit init` are made from.
public struct Setting: Hashable, Sendable {
    /// `postgresql.version`; `nodes[].port` stands for the port of each node.
    public var path: String
    public var type: SettingType
    public var fallback: Fallback
    public var documentation: String
    /// A value as it is written in the file; of a group nothing.
    public var example: String
    /// What to answer to values that one might try and that are refused.
    public var hints: [String: String]

    init(
        _ path: String, _ type: SettingType, _ fallback: Fallback, example: String = "",
        hints: [String: String] = [:], _ documentation: String
    ) {
        self.path = path
        self.type = type
        self.fallback = fallback
        self.documentation = documentation
        self.example = example
        self.hints = hints
    }

    /// The last word of the path: the key in the file.
    public var name: String {
        String(path[(path.lastIndex(of: ".").map { path.index(after: $0) } ?? path.startIndex)...])
            .replacing("[]", with: "")
    }

    /// The path of the group that this setting stands in; empty at the top.
    public var group: String { path.lastIndex(of: ".").map { String(path[..<$0]) } ?? "" }
}

public enum SettingType: Hashable, Sendable {
    case flag
    case number(ClosedRange<Int>)
    /// Written with a unit; the range is in milliseconds.
    case duration(ClosedRange<Int64>)
    /// Written with a unit; the range is in bytes.
    case size(ClosedRange<Int64>)
    case choice([String])
    case text(TextRule)
    case texts(TextRule)
    /// A mapping of parameter names to values that are taken as they are written.
    case parameters
    /// A mapping of settings.
    case group
    /// A list of mappings.
    case groups
    /// A command, or a mapping that has it as `command`.
    case command

    /// What the reader expects, as the subject of "expected …".
    public var expectation: String {
        switch self {
        case .flag: "true or false"
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration from \(DurationText.render(range.lowerBound)) "
                + "to \(DurationText.render(range.upperBound))"
        case .size(let range):
            "a size from \(SizeText.render(range.lowerBound)) "
                + "to \(SizeText.render(range.upperBound))"
        case .choice(let words): Self.list(words)
        case .text(let rule): rule.noun
        case .texts(let rule): "a list, each entry \(rule.noun)"
        case .parameters: "a mapping of parameter names to values"
        case .group: "a mapping"
        case .groups: "a list of mappings"
        case .command: "a command, or a mapping with it as `command`"
        }
    }

    public var unit: String? {
        switch self {
        case .duration: "ms, s, min or h"
        case .size: "B, kB, MB or GB"
        default: nil
        }
    }

    public var isGroup: Bool {
        switch self {
        case .group, .groups: true
        default: false
        }
    }

    /// `a`, `b` or `c`.
    static func list(_ words: [String]) -> String {
        let quoted = words.map { "`\($0)`" }
        guard quoted.count > 1, let last = quoted.last else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// What stands where the file says nothing.
public enum Fallback: Hashable, Sendable {
    /// The file has to say it.
    case required
    /// Nothing; the text says what that means.
    case none(String)
    /// A value as it would be written.
    case value(String)
    /// A value of each `failover.profile`.
    case profile(default: String, fast: String, patient: String)
    /// A value with `<cluster>`, `<node>` and `<version>` to be filled in.
    case pattern(String)
    /// What another setting has.
    case same(as: String)
    /// Depends on the rest of the file, as the text says.
    case counted(String)
}
