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

    /// What no schedule can reach, and why; the rulebook allows it all the same.
    static let unreachable: [String: String] = [
        "promotion.strayed": "only who reaches the floor is chosen, and its share does not shrink",
        "init → primary": "a first node is opened before any other can be counted",
        "single → draining": "one node has no successor to move to",
        "draining → single": "one node is never drained",
        "single → demote_timeout": "one node has nobody to fail over to",
        "demote_timeout → single": "one node is never failed over from",
        "demoted → single": "one node is never stopped for another",
    ]

    /// What these profiles do not reach in 5,000 seeds, though some schedule may.
    static let rare: Set<String> = [
        "wait_primary → primary", "primary → wait_primary", "apply_settings → draining",
        "draining → wait_primary", "demoted → demote_timeout", "demoted → wait_primary",
        "fast_forward → catchingup", "fast_forward → secondary", "init → report_lsn",
        "init → demoted", "init → secondary", "report_lsn → init", "demoted → secondary",
        "init → wait_maintenance", "report_lsn → wait_maintenance", "wait_maintenance → init",
        "wait_maintenance → catchingup", "wait_maintenance → report_lsn", "maintenance → init",
        "maintenance → secondary", "maintenance → report_lsn", "single → apply_settings",
        "apply_settings → single",
        // A fetch that is asked for again: FastForwardTests reach it.
        "sealing.fast_forward_run",
    ]

    /// Rules of the rulebook, and transitions, that were never reached.
    public var missing: [String] {
        let all =
            Rulebook.standard.map(\.id.rawValue).filter { rules[$0] == nil }
            + Transition.all.map { "\($0.from.rawValue) → \($0.to.rawValue)" }
            .filter { transitions[$0] == nil }
        return all.filter { Self.unreachable[$0] == nil && !Self.rare.contains($0) }
    }

    /// Of those that the profiles reach rarely, if ever: what was not reached this time.
    public var missingRare: [String] { Self.rare.filter { transitions[$0] == nil }.sorted() }
}

extension Coverage {
    /// How often each was reached, for a reader.
    public var listing: String {
        func lines(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
                .joined(separator: "\n")
        }
        return "rules\n\(lines(rules))\ntransitions\n\(lines(transitions))\neffects\n"
            + "\(lines(endings))\nnever reached: \(missing.joined(separator: ", "))\n"
            + "rare, not reached: \(missingRare.joined(separator: ", "))"
    }
}
