/// One legal change of a node's assigned state, and what is done for it. `toolkit fsm` prints
/// these rows; `Closure` proves that every change that a rule can cause has one.
public struct Transition: Hashable, Sendable {
    public let from: NodeState
    public let to: NodeState
    /// The effects that bring it about; empty: nothing is done to the node.
    public let steps: [String]
    public let says: String

    init(_ from: NodeState, _ to: NodeState, _ steps: [String], _ says: String) {
        self.from = from
        self.to = to
        self.steps = steps
        self.says = says
    }

    public static let all: [Transition] = primary + failover + members + maintenance

    private static let primary = [
        Transition(.initializing, .waitPrimary, ["open"], "the first node is opened"),
        Transition(.initializing, .single, ["open"], "the only node is opened"),
        Transition(.single, .applySettings, ["reconfigure"], "a standby is to be counted"),
        Transition(.waitPrimary, .applySettings, ["reconfigure"], "a standby is to be counted"),
        Transition(.primary, .applySettings, ["reconfigure"], "the quorum changes"),
        Transition(.applySettings, .primary, [], "the quorum is in force"),
        Transition(.applySettings, .waitPrimary, [], "no standby is counted any more"),
        Transition(.applySettings, .single, [], "no standby is counted any more"),
    ]

    private static let failover = [
        Transition(.primary, .draining, ["stop"], "a switchover locks and stops it"),
        Transition(.waitPrimary, .draining, ["stop"], "a switchover locks and stops it"),
        Transition(.draining, .demoted, [], "it was seen shut down"),
        Transition(.draining, .demoteTimeout, [], "it was lost before it was seen shut down"),
        Transition(.draining, .primary, ["open"], "the switchover is undone"),
        Transition(.draining, .waitPrimary, ["open"], "the switchover is undone"),
        Transition(.primary, .demoteTimeout, [], "it is lost"),
        Transition(.waitPrimary, .demoteTimeout, [], "it is lost"),
        Transition(.applySettings, .demoteTimeout, [], "it is lost while its quorum changes"),
        Transition(.demoteTimeout, .primary, ["open"], "it is well again, nothing was promoted"),
        Transition(.demoteTimeout, .waitPrimary, ["open"], "it is well again"),
        Transition(.demoteTimeout, .demoted, ["fence"], "it is fenced"),
        Transition(.demoted, .demoteTimeout, [], "its clean stop proves nothing any more"),
        Transition(.demoted, .primary, ["start", "open"], "no successor: it is opened again"),
        Transition(.demoted, .waitPrimary, ["start", "open"], "no successor: opened again"),
        Transition(.reportLSN, .stopReplication, ["promote"], "it has the most WAL"),
        Transition(.stopReplication, .reportLSN, ["seal"], "it was lost before it was opened"),
        Transition(.stopReplication, .primary, ["open"], "it is opened"),
        Transition(.stopReplication, .waitPrimary, ["open"], "it is opened alone"),
        Transition(.reportLSN, .joinSecondary, ["follow"], "it is not ahead of the candidate"),
        Transition(.joinSecondary, .reportLSN, ["seal"], "the candidate is lost"),
        Transition(.secondary, .stopReplication, ["promote"], "the old primary is emptied"),
        Transition(.waitMaintenance, .stopReplication, ["promote"], "it has the most WAL"),
        Transition(.stopReplication, .waitMaintenance, ["seal"], "it was lost, and is wanted"),
        Transition(.secondary, .joinSecondary, ["follow"], "the primary moves"),
        Transition(.catchingUp, .joinSecondary, ["follow"], "the primary moves"),
        Transition(.reportLSN, .fastForward, ["fast_forward"], "it is preferred, and behind"),
        Transition(.fastForward, .reportLSN, ["seal"], "it has everything, or can't get it"),
        Transition(.fastForward, .catchingUp, ["follow"], "the old primary is well again"),
        Transition(.fastForward, .secondary, ["follow"], "the old primary is well again"),
    ]

    private static let members = [
        Transition(.initializing, .catchingUp, ["clone", "start"], "it is cloned"),
        Transition(.initializing, .reportLSN, ["seal"], "where does its WAL end?"),
        Transition(.initializing, .demoted, ["fence"], "it is out of recovery, not elect"),
        Transition(.catchingUp, .secondary, [], "it has caught up and is counted"),
        Transition(.secondary, .catchingUp, ["follow", "start"], "it is not counted any more"),
        Transition(.secondary, .reportLSN, ["seal"], "it is cut off"),
        Transition(.catchingUp, .reportLSN, ["seal"], "it is cut off"),
        Transition(.secondary, .demoted, ["fence"], "it left recovery without being elect"),
        Transition(.catchingUp, .demoted, ["fence"], "it left recovery without being elect"),
        Transition(.reportLSN, .demoted, ["fence"], "it left recovery without being elect"),
        Transition(.reportLSN, .catchingUp, ["follow", "rewind", "clone"], "it is brought back"),
        Transition(.reportLSN, .secondary, ["follow"], "it is brought back"),
        Transition(.reportLSN, .initializing, [], "it was never attached"),
        Transition(.catchingUp, .initializing, [], "it runs, and was never attached"),
        Transition(.demoted, .initializing, [], "it is stopped, and was never attached"),
        Transition(.joinSecondary, .catchingUp, [], "it follows the new primary"),
        Transition(.joinSecondary, .secondary, [], "it follows the new primary"),
        Transition(.demoted, .catchingUp, ["rejoin", "rewind", "clone"], "it is brought back"),
        Transition(.demoted, .reportLSN, ["seal"], "it is cut off"),
    ]

    private static let maintenance =
        [NodeState.initializing, .catchingUp, .secondary, .demoted, .reportLSN].map {
            Transition($0, .waitMaintenance, [], "an operator wants it")
        } + [
            Transition(.demoteTimeout, .waitMaintenance, [], "it has a successor, and is wanted"),
            Transition(.waitMaintenance, .joinSecondary, ["follow"], "it is needed"),
            Transition(.joinSecondary, .waitMaintenance, [], "it is wanted as before"),
            Transition(.waitMaintenance, .maintenance, ["seal"], "it is cut off, or stopped"),
        ]
        + [NodeState.waitMaintenance, .maintenance].flatMap { from in
            [NodeState.initializing, .catchingUp, .secondary, .demoted, .reportLSN].map {
                Transition(from, $0, [], "the operator gives it back")
            }
        }
}

extension Transition {
    /// The changes of assigned states between two stored states, as `from → to`.
    public static func changes(from old: Cluster, to new: Cluster, _ policy: Policy) -> [String] {
        let now = Instant(monotonicMs: 0, wallMs: 0)
        let unseen = Observed(new.members.map(\.id))
        let before = Situation(Premises(old, policy), unseen, at: now)
        let after = Situation(Premises(new, policy), unseen, at: now)
        return new.members.compactMap { member in
            let (from, to) = (before.assignedState(member.id), after.assignedState(member.id))
            return from == to ? nil : "\(from.rawValue) → \(to.rawValue)"
        }
    }
}
