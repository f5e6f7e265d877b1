/// Proves that the rulebook and the transitions fit: every change of an assigned state that a rule
/// can cause has a transition. (pg_auto_failover needed 14 regression specs for such gaps.)
public enum Closure {
    /// Changes without a transition, each with the rule that causes it; empty is right.
    public static func gaps() -> [String] {
        let known = Set(Transition.all.map { Pair(from: $0.from, to: $0.to) })
        var gaps: [String] = []
        for rule in Rulebook.standard {
            for from in rule.phases.sorted(by: { $0.rawValue < $1.rawValue }) {
                for to in rule.leadsTo.sorted(by: { $0.rawValue < $1.rawValue }) {
                    for pair in pairs(from, to) where pair.from != pair.to && !known.contains(pair) {
                        gaps.append(
                            "\(rule.id): \(pair.from.rawValue) → \(pair.to.rawValue) "
                                + "(\(from.rawValue) → \(to.rawValue))")
                    }
                }
            }
        }
        return gaps
    }

    /// Duplicate rule ids, phases that no rule leads to, phases without a way on.
    public static func defects() -> [String] {
        let ids = Rulebook.standard.map(\.id.rawValue)
        let twice = Set(ids.filter { id in ids.count(where: { $0 == id }) > 1 }).sorted()
        let reached = Rulebook.standard.reduce(into: Set<Phase>()) { $0.formUnion($1.leadsTo) }
        let left = Rulebook.standard.filter { !$0.leadsTo.isEmpty }
            .reduce(into: Set<Phase>()) { $0.formUnion($1.phases) }
        let phases = Phase.allCases
        return twice.map { "rule \($0) stands twice" }
            + phases.filter { $0 != .initializing && !reached.contains($0) }.map {
                "no rule leads to phase \($0.rawValue)"
            }
            + phases.filter { !left.contains($0) }.map { "no rule leaves phase \($0.rawValue)" }
    }

    private struct Pair: Hashable {
        var from: NodeState
        var to: NodeState
    }

    /// What a node of each role may be assigned in a phase, and in the next.
    private static func pairs(_ from: Phase, _ to: Phase) -> [Pair] {
        var pairs: [Pair] = []
        for (role, next) in successions(from, to) {
            for before in role.states(in: from) {
                for after in next.states(in: to) { pairs.append(Pair(from: before, to: after)) }
            }
        }
        return pairs
    }

    enum Role {
        case primary
        case candidate
        case standby

        /// All that `Situation.assignedState` may answer for this role.
        func states(in phase: Phase) -> [NodeState] {
            switch (self, phase) {
            case (_, .initializing): [.initializing]
            case (.primary, .switchover): [.draining]
            case (.primary, .sealing), (.primary, .blocked), (.primary, .promoting):
                [.demoteTimeout, .demoted]
            case (.primary, _): [.single, .waitPrimary, .primary, .applySettings]
            case (.candidate, .promoting): [.preparePromotion, .stopReplication]
            case (.standby, .promoting): [.joinSecondary, .reportLSN]
            case (_, .sealing), (_, .blocked): [.reportLSN]
            case (_, _): [.initializing, .catchingUp, .secondary, .demoted, .reportLSN]
            }
        }
    }

    /// Who takes which role when the phase changes.
    private static func successions(_ from: Phase, _ to: Phase) -> [(Role, Role)] {
        switch (from, to) {
        case (.sealing, .promoting), (.blocked, .promoting):
            [(.primary, .primary), (.standby, .candidate), (.standby, .standby)]
        case (.promoting, .opening):
            [(.primary, .standby), (.candidate, .primary), (.standby, .standby)]
        case (.promoting, .sealing):
            [(.primary, .primary), (.candidate, .standby), (.standby, .standby)]
        default: [(.primary, .primary), (.standby, .standby)]
        }
    }
}
