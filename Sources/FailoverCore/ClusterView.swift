/// What `toolkit state` shows: the cluster as it is decided and as it was last seen.
public struct ClusterView: Hashable, Codable, Sendable {
    public struct Node: Hashable, Codable, Sendable {
        public var id: NodeID
        /// What the core wants it to be.
        public var assigned: NodeState
        /// What it was last seen to be; nil: never seen, or not understood.
        public var reported: NodeState?
        /// Nil while it answers, else why it does not.
        public var unreachable: Unreachable?
        /// Milliseconds since the last answer; nil: none since the scheduler's start.
        public var seenAgoMs: Int64?
        public var timeline: TimelineID?
        public var position: LSN?
        /// Bytes behind the primary's flushed position, where both are known.
        public var lagBytes: UInt64?
        public var isVoter: Bool
        public var priority: Int
        /// Work in progress on this node, and why.
        public var work: String?
        /// Left to the operator, or about to be.
        public var maintenance: Member.Maintenance?
        /// The standby that it follows instead of the primary; nil: the primary.
        public var upstream: NodeID?
    }

    public var name: String
    public var phase: Phase
    public var term: Term
    public var revision: Revision
    public var primary: NodeID?
    /// Who was opened last; equal to `primary` while there is one.
    public var lastPrimary: NodeID
    public var configs: [QuorumConfig]
    public var floor: LSN
    public var timeline: TimelineID
    /// What is waited for, in one sentence; empty when nothing is.
    public var waitingFor: String
    public var alarms: [String]
    /// Since when an operator wants nothing to be done.
    public var pausedSinceWallMs: Int64?
    public var nodes: [Node]

    /// Primary open, every member a secondary, the quorum as configured.
    public var isHealthy: Bool
}
