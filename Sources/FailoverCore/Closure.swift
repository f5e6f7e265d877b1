/// Proves that the rulebook and the transitions fit: every change of an assigned state that a rule
/// can cause has a transition. (pg_auto_failover needed 14 regression specs for such gaps.)
public enum Closure {
    /// Changes without a transition, each with the rule that causes it; empty is right.
    public static func gaps() -> [String] {
        let known = Set(Transition.all.map { Change($0.from, $0.to) })
        return Rulebook.standard.flatMap { rule in
            changes(of: rule).subtracting(known).sorted().map {
                "\(rule.id): \($0.from.rawValue) → \($0.to.rawValue)"
            }
        }
    }

    /// Duplicate rule ids, phases that no rule leads to or leaves, transitions that no rule needs.
    public static func defects() -> [String] {
        let ids = Rulebook.standard.map(\.id.rawValue)
        let twice = Set(ids.filter { id in ids.count(where: { $0 == id }) > 1 }).sorted()
        let reached = Rulebook.standard.reduce(into: Set<Phase>()) { $0.formUnion($1.leadsTo) }
        let left = Rulebook.standard.filter { !$0.leadsTo.isEmpty }
            .reduce(into: Set<Phase>()) { $0.formUnion($1.phases) }
        let needed = Rulebook.standard.reduce(into: Set<Change>()) { $0.formUnion(changes(of: $1)) }
        let idle = Transition.all.filter { !needed.contains(Change($0.from, $0.to)) }
        return twice.map { "rule \($0) stands twice" }
            + Phase.allCases.filter { $0 != .initializing && !reached.contains($0) }.map {
                "no rule leads to phase \($0.rawValue)"
            }
            + Phase.allCases.filter { !left.contains($0) }.map {
                "no rule leaves phase \($0.rawValue)"
            }
            + idle.map { "no rule needs \($0.from.rawValue) → \($0.to.rawValue)" }
    }

    struct Change: Hashable, Comparable {
        var from: NodeState
        var to: NodeState

        init(_ from: NodeState, _ to: NodeState) {
            self.from = from
            self.to = to
        }

        static func < (left: Change, right: Change) -> Bool {
            (left.from.rawValue, left.to.rawValue) < (right.from.rawValue, right.to.rawValue)
        }
    }

    enum Role {
        case primary
        case candidate
        case standby
    }

    /// Every change of an assigned state that this rule can cause.
    static func changes(of rule: Rule) -> Set<Change> {
        var changes: Set<Change> = []
        for from in rule.phases {
            for to in rule.leadsTo.isEmpty ? [from] : rule.leadsTo {
                for (before, after) in successions(from, to) {
                    changes.formUnion(self.changes(rule.alters, before, from, after, to))
                }
            }
        }
        return changes.filter { $0.from != $0.to }
    }

    private static func changes(
        _ alters: Rule.Alteration, _ before: Role, _ from: Phase, _ after: Role, _ to: Phase
    ) -> Set<Change> {
        let (old, new) = (states(before, from), states(after, to))
        var changes: Set<Change> = []
        for state in old {
            // What a rule does not touch stays: only then may the same state be kept.
            let isKept = before == after && new.contains(state) && !touches(alters, after)
            for next in isKept ? [state] : new { changes.insert(Change(state, next)) }
        }
        return changes.filter {
            !isImpossible($0, from: before, to: after)
                && (before != after
                    || isMarked($0, by: alters, mayBeKept: new.contains($0.from)))
                // Who is pointed at a candidate is so from its promotion's beginning on.
                && !(from == to && $0.to == .joinSecondary)
        }
    }

    /// Whether a rule that alters so much can cause this change: maintenance and a fetch begin and
    /// end by rules of their own, and these change nothing else.
    private static func isMarked(
        _ change: Change, by alters: Rule.Alteration, mayBeKept: Bool
    ) -> Bool {
        let operators: Set<NodeState> = [.waitMaintenance, .maintenance]
        if change.to == .waitMaintenance {
            // Who was pointed at a candidate is wanted as before when that is over.
            if change.from == .joinSecondary { return !mayBeKept }
            return alters.contains(.asksForMaintenance) && change.from != .maintenance
        }
        if change.to == .maintenance {
            return alters.contains(.entersMaintenance) && change.from == .waitMaintenance
        }
        if change.to == .fastForward {
            return alters.contains(.fetches) && change.from == .reportLSN
        }
        if operators.contains(change.from) {
            let isNeeded = change.from == .waitMaintenance && change.to == .joinSecondary
            return alters.contains(isNeeded ? .members : .endsMaintenance)
        }
        if change.from == .fastForward {
            // Given up for the old primary, it follows that one again.
            let isGivenUp = !mayBeKept && [.catchingUp, .secondary].contains(change.to)
            return isGivenUp || alters.contains(.fetches) && change.to == .reportLSN
        }
        return !mayBeKept || !alters.isDisjoint(with: [.members, .quorum])
    }

    private static func touches(_ alters: Rule.Alteration, _ role: Role) -> Bool {
        switch role {
        case .primary: alters.contains(.quorum)
        case .standby: !alters.isDisjoint(with: .ofStandbys)
        case .candidate: false
        }
    }

    /// What the states and roles alone would allow, but the cluster's invariants do not.
    private static func isImpossible(_ change: Change, from: Role, to: Role) -> Bool {
        switch (from, to) {
        // The old primary of a promotion has lost its attachment; an operator may want it.
        case (.primary, .standby): return ![.demoted, .waitMaintenance].contains(change.to)
        case (.primary, .primary): return isImpossibleOfPrimary(change)
        // A cluster of one node has no candidate.
        case (.candidate, .primary): return change.to == .single
        // An attach number never falls, and grows only with work or while everybody is cut off;
        // who was pointed at the candidate keeps that upstream, and only who follows, or is cut
        // off, is pointed at it; who left recovery has no upstream until there is work on it.
        case (.standby, .standby):
            let isAttached: Set<NodeState> = [.secondary, .fastForward]
            return change.to == .initializing && isAttached.contains(change.from)
                || change.to == .secondary && [.initializing, .demoted].contains(change.from)
                || change.from == .joinSecondary
                    && [.initializing, .demoted].contains(change.to)
                || change.to == .joinSecondary
                    && ![.reportLSN, .secondary, .catchingUp, .waitMaintenance]
                        .contains(change.from)
        // Whoever is promoted is cut off, or streams from a primary that was emptied.
        case (.standby, .candidate):
            return ![.reportLSN, .secondary, .waitMaintenance].contains(change.from)
        // Who was left alone is no candidate; a fetch begins by a rule of its own.
        case (.candidate, .standby): return [.maintenance, .fastForward].contains(change.to)
        case (.primary, .candidate), (.standby, .primary), (.candidate, .candidate):
            return false
        }
    }

    private static func isImpossibleOfPrimary(_ change: Change) -> Bool {
        // A cluster of one node stays one while its scheduler runs, and never moves its primary.
        if change.from == .single { return change.to != .applySettings }
        if change.to == .single {
            return ![.initializing, .applySettings].contains(change.from)
        }
        switch (change.from, change.to) {
        // Nobody is counted before the first node is open.
        case (.initializing, .primary): return true
        // A quorum changes by way of `applySettings` only.
        case (.waitPrimary, .primary), (.primary, .waitPrimary): return true
        // No switchover is begun while it does; only one sees a clean stop, from `draining` on.
        case (.applySettings, .draining): return true
        case (.waitPrimary, .demoted), (.primary, .demoted), (.applySettings, .demoted): return true
        default: return false
        }
    }

    /// Who takes which role when the phase changes.
    private static func successions(_ from: Phase, _ to: Phase) -> [(Role, Role)] {
        switch (from, to) {
        case (.sealing, .promoting), (.blocked, .promoting), (.switchover, .promoting):
            [(.primary, .primary), (.standby, .candidate), (.standby, .standby)]
        case (.promoting, .opening):
            [(.primary, .standby), (.candidate, .primary), (.standby, .standby)]
        case (.promoting, .sealing):
            [(.primary, .primary), (.candidate, .standby), (.standby, .standby)]
        case (.promoting, .promoting):
            [(.primary, .primary), (.candidate, .candidate), (.standby, .standby)]
        default: [(.primary, .primary), (.standby, .standby)]
        }
    }

    private static let follower: [NodeState] = [
        .initializing, .catchingUp, .secondary, .demoted, .reportLSN, .waitMaintenance,
        .maintenance,
    ]

    /// All that `Situation.assignedState` may answer for a role in a phase.
    static func states(_ role: Role, _ phase: Phase) -> [NodeState] {
        switch (role, phase) {
        case (_, .initializing): [.initializing]
        case (.primary, .switchover): [.draining]
        case (.primary, .sealing), (.primary, .blocked), (.primary, .promoting):
            [.demoteTimeout, .demoted]
        case (.primary, .opening): [.single, .waitPrimary, .primary]
        case (.primary, .steady), (.primary, .suspect), (.primary, .following):
            [.single, .waitPrimary, .primary, .applySettings]
        case (.candidate, _): [.stopReplication]
        case (.standby, .promoting): [.joinSecondary] + follower
        case (.standby, .sealing), (.standby, .blocked):
            [.reportLSN, .fastForward, .waitMaintenance, .maintenance]
        case (.standby, .steady), (.standby, .suspect), (.standby, .switchover),
            (.standby, .opening), (.standby, .following):
            follower
        }
    }
}
