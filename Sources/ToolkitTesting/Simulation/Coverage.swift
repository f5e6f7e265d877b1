import FailoverCore

/// What the seeds have reached of the rulebook and of its transitions.
public struct Coverage: Sendable {
    public private(set) var rules: [String: Int] = [:]
    public private(set) var transitions: [String: Int] = [:]
    public private(set) var endings: [String: Int] = [:]

    public init() {}

    mutating func fired(_ rule: RuleID) { rules[rule.rawValue, default: 0] += 1 }

    mutating func held(_ rule: RuleID) { rules[rule.rawValue, default: 0] += 1 }

    mutating func ended(_ effect: Effect, _ outcome: Outcome) {
        let words = ["done", "failed", "try again", "stale", "unknown"]
        endings[effect.action.name + " " + words[outcome.number], default: 0] += 1
    }

    mutating func changed(from old: Cluster, to new: Cluster, _ policy: Policy) {
        for change in Transition.changes(from: old, to: new, policy) {
            transitions[change, default: 0] += 1
        }
    }

    public mutating func add(_ other: Coverage) {
        rules.merge(other.rules, uniquingKeysWith: +)
        transitions.merge(other.transitions, uniquingKeysWith: +)
        endings.merge(other.endings, uniquingKeysWith: +)
    }

    /// Rules of the rulebook, and transitions, that were never reached.
    public var missing: [String] {
        Rulebook.standard.map(\.id.rawValue).filter { rules[$0] == nil }
            + Self.listed.filter { transitions[$0] == nil }.sorted()
    }

    /// Changes of a state that happened although no transition tells of them.
    public var unlisted: [String] {
        transitions.keys.filter { !Self.listed.contains($0) }.sorted()
    }

    private static let listed = Set(
        Transition.all.map { "\($0.from.rawValue) → \($0.to.rawValue)" })
}

extension Coverage {
    /// How often each was reached, for a reader.
    public var listing: String {
        func lines(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
                .joined(separator: "\n")
        }
        return "rules\n\(lines(rules))\ntransitions\n\(lines(transitions))\neffects\n"
            + "\(lines(endings))\nnever reached: \(missing.joined(separator: ", "))"
    }
}
