/// A node's state, as assigned by the core or as reported by the node. Names are
/// pg_auto_failover's where the meaning is equal.
public enum NodeState: String, Hashable, Codable, Sendable, CaseIterable {
    /// Known, nothing done yet. Nobody writes.
    case initializing = "init"
    /// The only node: primary, open, commits wait for nobody.
    case single
    /// Primary, open, without a voter: commits are in one place only.
    case waitPrimary = "wait_primary"
    /// Primary, open, `ANY k (S)` in force.
    case primary
    /// As primary, while its quorum changes.
    case applySettings = "apply_settings"
    /// Primary of a switchover: locked, being stopped. Nobody writes.
    case draining
    /// Old primary: to be fenced, not seen stopped. Locked, or unable to acknowledge.
    case demoteTimeout = "demote_timeout"
    /// Old primary, stopped, its opening removed.
    case demoted
    /// Standby, locked, follows the primary, not counted for commits.
    case catchingUp = "catchingup"
    /// Standby, locked, streams from the primary, may be elected.
    case secondary
    /// Standby cut off from every upstream; its position is known.
    case reportLSN = "report_lsn"
    /// Standby cut off from the primary that fetches WAL from a peer that is cut off, too.
    case fastForward = "fast_forward"
    /// Standby that is to be left to the operator; still counted for commits, or not yet cut off.
    case waitMaintenance = "wait_maintenance"
    /// Left to the operator: nothing is done to it.
    case maintenance
    /// The candidate, still in recovery.
    case preparePromotion = "prepare_promotion"
    /// The candidate out of recovery, locked: read-only, acknowledges nothing.
    case stopReplication = "stop_replication"
    /// Standby that was pointed at the candidate.
    case joinSecondary = "join_secondary"
    /// Fails the rejoin test: needs a rewind or a clone.
    case diverged
}
