/// What the operator configured, as far as decisions depend on it.
public struct Policy: Hashable, Sendable {
    public struct Node: Hashable, Sendable {
        public var id: NodeID
        /// 0…100; the higher one is promoted among equals, 0 is never promoted.
        public var priority: Int
        /// Whether this node may be counted for commits (a voter).
        public var replicationQuorum: Bool
        /// The standby that this one follows while it can; nil: the primary. A cascaded standby is
        /// never a voter.
        public var upstream: NodeID?

        public init(
            id: NodeID, priority: Int = 50, replicationQuorum: Bool = true, upstream: NodeID? = nil
        ) {
            self.id = id
            self.priority = priority
            self.replicationQuorum = replicationQuorum && upstream == nil
            self.upstream = upstream
        }
    }

    /// What happens when the last standby is lost.
    public enum Alone: String, Hashable, Sendable, CaseIterable {
        /// The primary goes on without a copy.
        case allow
        /// Commits wait until a standby is back.
        case block
    }

    public enum Mode: String, Hashable, Sendable, CaseIterable {
        case automatic
        case manual
    }

    /// How a planned switchover takes the primary's last commit over.
    public enum HandOver: String, Hashable, Sendable, CaseIterable {
        /// Locked, sessions ended, a last record written; stopped while the target is promoted.
        case quiesce
        /// Stopped cleanly first; its shutdown checkpoint is the last record.
        case stop
    }

    /// What happens when a primary answers, but its disk does not take a write for `stallTimeout`.
    public enum Stall: String, Hashable, Sendable, CaseIterable {
        case alarm
        case failover
    }

    public var nodes: [Node]
    /// k of `ANY k (S)`.
    public var numberSyncStandbys: Int
    public var alone: Alone
    public var mode: Mode
    /// Whether `failover_validation_command` is asked before a failover.
    public var validatesFailover: Bool
    public var handOver: HandOver
    public var stall: Stall
    /// Asynchronous replication only: open a successor though the old primary was not seen stopped.
    public var acceptsSplitBrainWindow: Bool
    /// How far behind a preferred candidate may be that fetches the rest from a peer.
    public var fastForwardBytesMax: UInt64
    public var timers: Timers
    #if TOOLKIT_MUTANTS
        public var mutant: Mutant?
    #endif

    public init(
        nodes: [Node], numberSyncStandbys: Int = 1, alone: Alone = .allow,
        mode: Mode = .automatic, validatesFailover: Bool = false, handOver: HandOver = .quiesce,
        stall: Stall = .failover, acceptsSplitBrainWindow: Bool = false,
        fastForwardBytesMax: UInt64 = 16 << 20, timers: Timers = .default
    ) {
        self.nodes = nodes
        self.numberSyncStandbys = numberSyncStandbys
        self.alone = alone
        self.mode = mode
        self.validatesFailover = validatesFailover
        self.handOver = handOver
        self.stall = stall
        self.acceptsSplitBrainWindow = acceptsSplitBrainWindow
        self.fastForwardBytesMax = fastForwardBytesMax
        self.timers = timers
    }

    public func node(_ id: NodeID) -> Node? { nodes.first { $0.id == id } }
}

/// Every timer of the protocol, in milliseconds. The table is PROTOCOL 4.6's (`docs/protocol.md`).
public struct Timers: Hashable, Sendable {
    /// From one probe of a node to the next.
    public var monitorInterval: Int64
    /// A probe that takes longer has failed.
    public var probeTimeout: Int64
    /// Shortest time between write canaries on an idle primary.
    public var canaryInterval: Int64
    /// Failed probes of the primary in a row before a failover may start.
    public var reconnectAttempts: Int
    /// How long too few voters must have been fresh before a failover starts.
    public var confirm: Int64
    /// The same when the connection is refused and every reachable voter's receiver is gone.
    public var confirmRefused: Int64
    /// How long a primary that said it was shut down by an administrator gets to come back.
    public var cleanStopGrace: Int64
    /// How long a primary gets that answers "starting up" or "in recovery mode".
    public var crashRestartGrace: Int64
    /// Rendered on every node.
    public var walReceiverTimeout: Int64
    /// A voter whose last message from the primary is older is not fresh.
    public var freshMax: Int64
    /// Rendered on every node.
    public var walSenderTimeout: Int64
    /// Rendered on every node.
    public var walReceiverStatusInterval: Int64
    /// Rendered on every node.
    public var walRetrieveRetryInterval: Int64
    public var sealTimeout: Int64
    public var promoteTimeout: Int64
    /// A voter silent for so long leaves the quorum.
    public var degradeAfter: Int64
    /// A voter that streams but that the scheduler can't reach leaves the quorum after this.
    public var voterUnreachable: Int64
    /// Shortest time between two failovers that no crash confirms.
    public var minInterval: Int64
    /// How long a planned switchover may take until it is undone.
    public var switchoverTimeout: Int64
    /// How long a preferred candidate may take to fetch what it lacks from a peer.
    public var fastForwardTimeout: Int64
    /// How long the disk of a primary that answers may take no write.
    public var stallTimeout: Int64

    public static let `default` = Timers(
        monitorInterval: 500, probeTimeout: 750, canaryInterval: 10_000, reconnectAttempts: 2,
        confirm: 300, confirmRefused: 100, cleanStopGrace: 5_000, crashRestartGrace: 5_000,
        walReceiverTimeout: 3_000, freshMax: 2_000, walSenderTimeout: 10_000,
        walReceiverStatusInterval: 1_000, walRetrieveRetryInterval: 200, sealTimeout: 5_000,
        promoteTimeout: 30_000, degradeAfter: 3_000, voterUnreachable: 30_000,
        minInterval: 60_000, switchoverTimeout: 60_000, fastForwardTimeout: 5_000,
        stallTimeout: 20_000)

    public static let fast = Timers(
        monitorInterval: 200, probeTimeout: 300, canaryInterval: 10_000, reconnectAttempts: 2,
        confirm: 150, confirmRefused: 100, cleanStopGrace: 2_000, crashRestartGrace: 3_000,
        walReceiverTimeout: 1_000, freshMax: 800, walSenderTimeout: 5_000,
        walReceiverStatusInterval: 1_000, walRetrieveRetryInterval: 200, sealTimeout: 3_000,
        promoteTimeout: 10_000, degradeAfter: 2_000, voterUnreachable: 15_000,
        minInterval: 30_000, switchoverTimeout: 30_000, fastForwardTimeout: 3_000,
        stallTimeout: 10_000)

    public static let patient = Timers(
        monitorInterval: 2_000, probeTimeout: 3_000, canaryInterval: 10_000, reconnectAttempts: 3,
        confirm: 2_000, confirmRefused: 100, cleanStopGrace: 30_000, crashRestartGrace: 15_000,
        walReceiverTimeout: 10_000, freshMax: 6_000, walSenderTimeout: 30_000,
        walReceiverStatusInterval: 1_000, walRetrieveRetryInterval: 1_000, sealTimeout: 10_000,
        promoteTimeout: 60_000, degradeAfter: 15_000, voterUnreachable: 120_000,
        minInterval: 300_000, switchoverTimeout: 120_000, fastForwardTimeout: 30_000,
        stallTimeout: 60_000)
}
