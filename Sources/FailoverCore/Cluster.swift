/// All that must survive a restart of the scheduler. It changes only in `FailoverMachine.step`,
/// and is stored before any effect of the change runs.
public struct Cluster: Hashable, Codable, Sendable {
    public static let currentSchema = 1

    public var schema: Int
    public var name: String
    /// PostgreSQL's system identifier: a node with another one is none of ours.
    public var systemIdentifier: String
    /// Invariant: grows by one with every stored change.
    public var revision: Revision
    /// Invariant: never falls.
    public var term: Term
    /// The one node that may be opened for writes in this term; nil while a failover runs.
    public var elect: NodeID?
    public var phase: Phase
    /// One config, or more while the quorum changes: then a failover must satisfy each. A third
    /// comes when a voter of the second is lost before that was proven.
    /// Invariant: not empty; several are left only forward to the last, or by a failover.
    public var configs: [QuorumConfig]
    /// The timelines in the opened node's own history, oldest first. Invariant: not empty.
    public var lineage: [LineageEntry]
    /// No node below it is ever promoted. Invariant: never falls.
    public var floor: LSN
    /// The seals that make `floor` sufficient; ends at open.
    public var certificate: Certificate?
    /// Invariant: sorted by id; one for every node of the policy.
    public var members: [Member]
    /// The cluster's work in progress.
    public var intent: Intent?
    /// Boot id of the elect's machine, noted by node-apply at its opening (D21). Nil: it was not
    /// seen open yet. Empty: it was opened over SQL, which can't tell.
    public var openedBootID: String?
    /// synchronous_standby_names of the primary were seen changed by another hand, and the quorum
    /// is not proven since: a weaker one may have been in force (D8).
    public var quorumIsTampered: Bool
    /// When the running failover or switchover was begun, wall milliseconds.
    public var outageSinceWallMs: Int64?
    /// Why the running failover may open nobody before the old primary was seen stopped; nil: the
    /// seals alone suffice.
    public var fenceNeed: FenceNeed?
    /// The running failover may lose acknowledged commits: an operator said so.
    public var acceptedLoss: AcceptedLoss?
    /// Since when it is known that this is an old copy of the store, wall milliseconds. Stored, for
    /// its revision grows with each start and would pass what the nodes have accepted.
    public var rewoundSinceWallMs: Int64?
    /// Since when an operator wants nothing to be done, wall milliseconds.
    public var pausedSinceWallMs: Int64?

    public init(
        name: String, systemIdentifier: String, members: [Member], lineage: [LineageEntry]
    ) {
        precondition(!lineage.isEmpty, "a cluster without a timeline")
        schema = Self.currentSchema
        self.name = name
        self.systemIdentifier = systemIdentifier
        revision = Revision(0)
        term = Term(0)
        elect = nil
        phase = .initializing
        configs = [.none]
        self.lineage = lineage
        floor = .zero
        certificate = nil
        self.members = members.sorted { $0.id < $1.id }
        intent = nil
        openedBootID = nil
        quorumIsTampered = false
        outageSinceWallMs = nil
        fenceNeed = nil
        acceptedLoss = nil
        rewoundSinceWallMs = nil
        pausedSinceWallMs = nil
    }

    public subscript(_ id: NodeID) -> Member? {
        get { members.first { $0.id == id } }
        set {
            guard let newValue, let index = members.firstIndex(where: { $0.id == id }) else {
                return
            }
            members[index] = newValue
        }
    }

    /// The newest accepted timeline.
    public var tip: LineageEntry { lineage[lineage.count - 1] }

    /// The node that was opened last. Invariant: elect, when there is one, is this node.
    public var lastPrimary: NodeID { tip.node }

    /// application_name of a node under its current attach number; unique per physical copy and
    /// primary, so that an old list can't count a re-pointed node (D20).
    public func applicationName(_ id: NodeID) -> String { "\(id)_\(self[id]?.attach.number ?? 0)" }

    /// Whether an effect of this id is still asked for.
    public func wants(_ id: Effect.ID) -> Bool {
        id.stamp.term == term
            && (id.stamp == intent?.stamp || id.stamp == self[id.node]?.work?.stamp)
    }

    /// It was attached in the term of the newest timeline or later.
    func isProvenOnTip(_ member: Member) -> Bool {
        member.attach.term.map { $0 >= tip.term } ?? false
    }

    /// What the primary's synchronous_standby_names must be for `config`.
    public func standbyNames(_ config: QuorumConfig) -> String {
        config.standbyNames(applicationName)
    }
}

/// A timeline that was accepted: its node was opened on it, or a later one grew from it.
public struct LineageEntry: Hashable, Codable, Sendable {
    public var timeline: TimelineID
    /// Where the timeline begins.
    public var begin: LSN
    /// The term in which it was accepted.
    public var term: Term
    /// The node that made it.
    public var node: NodeID
    public var history: TimelineHistory

    public init(
        timeline: TimelineID, begin: LSN, term: Term, node: NodeID, history: TimelineHistory
    ) {
        self.timeline = timeline
        self.begin = begin
        self.term = term
        self.node = node
        self.history = history
    }
}

/// Lemma 3: with these positions sealed, any single sealed node at `Cluster.floor` or above holds
/// every acknowledged commit.
public struct Certificate: Hashable, Codable, Sendable {
    public var term: Term
    /// Each sealed node with its position, or the old primary itself: with the start of its shutdown
    /// checkpoint when it was stopped cleanly, with the end of its last record when it was emptied.
    /// Invariant: sorted by node.
    public var positions: [Position]

    public struct Position: Hashable, Codable, Sendable {
        public var node: NodeID
        public var lsn: LSN
    }
}

/// The old primary could do harm that no seal prevents: it has to be seen stopped.
public struct FenceNeed: Hashable, Codable, Sendable {
    public enum Reason: String, Hashable, Codable, Sendable {
        /// It was locked and emptied by plan, and still runs.
        case quiesced
        /// It answers, but its disk hangs.
        case stalled
        /// Its commits wait for nobody.
        case asynchronous
        /// An operator accepted a loss: no set of seals proves anything.
        case acceptedLoss
    }

    public var reason: Reason
    /// Seen stopped, or said to be by an operator.
    public var isConfirmed: Bool

    public init(_ reason: Reason, isConfirmed: Bool = false) {
        self.reason = reason
        self.isConfirmed = isConfirmed
    }
}

/// What an operator agreed to lose: whatever `candidate` does not have.
public struct AcceptedLoss: Hashable, Codable, Sendable {
    public var candidate: NodeID
}

public struct Member: Hashable, Codable, Sendable {
    /// `number` makes the application_name; it grows when the node is pointed at another primary
    /// or gets new data. `term` is set when the node has passed the rejoin test or was cloned, nil
    /// while it proves nothing.
    public struct Attach: Hashable, Codable, Sendable {
        public var number: Int
        public var term: Term?
    }

    public var id: NodeID
    public var attach: Attach
    /// The node whose WAL it was last pointed at, sealed since or not; nil: never, or fenced.
    public var upstream: NodeID?
    /// This node's own work in progress.
    public var work: NodeWork?
    /// Left to the operator, or about to be.
    public var maintenance: Maintenance?
    /// As a primary it was locked and emptied by a switchover, with its last record ending here.
    public var quiescedAt: LSN?

    public struct Maintenance: Hashable, Codable, Sendable {
        /// Nil: until it is ended by an order.
        public var untilWallMs: Int64?
        /// Out of the quorum and cut off: from here on nothing is done to the node.
        public var isEntered: Bool
    }

    /// Nothing is done to it, and it counts for nothing.
    var isLeftAlone: Bool { maintenance?.isEntered ?? false }

    public init(id: NodeID) {
        self.id = id
        attach = Attach(number: 0, term: nil)
        upstream = nil
        work = nil
        maintenance = nil
        quiescedAt = nil
    }
}

/// Work on one node that conflicts with nothing else; the cluster's intent pre-empts it.
public struct NodeWork: Hashable, Codable, Sendable {
    public enum Kind: Hashable, Codable, Sendable {
        /// Make it harmless and look: upstream blank, position read. Nothing is decided yet.
        case seal
        /// Stop what runs out of recovery without being elect.
        case fence
        /// Point it at the primary: it passed the rejoin test.
        case follow
        /// Start it: with a blank upstream first, or as its node files say.
        case start(isSealed: Bool)
        case rejoin(RejoinMethod)
        /// A fresh base backup; the old directory is moved aside.
        case clone
    }

    public var kind: Kind
    public var stamp: Stamp
    public var upstream: NodeID?
    /// Why this and nothing cheaper, for the operator.
    public var because: String
    public init(
        kind: Kind, stamp: Stamp, upstream: NodeID? = nil, because: String
    ) {
        self.kind = kind
        self.stamp = stamp
        self.upstream = upstream
        self.because = because
    }
}

public enum RejoinMethod: String, Hashable, Codable, Sendable {
    /// Its WAL ends where, or before, the lineage leaves its timeline.
    case start
    /// Its WAL went on past that point.
    case rewind
}

/// Where the cluster is. Stored.
public enum Phase: String, Hashable, Codable, Sendable, CaseIterable {
    /// No node was opened yet.
    case initializing
    /// The elect is open, or about to be reopened; nothing is wrong.
    case steady
    /// The primary did not answer; others are asked. Left by an answer or into `sealing`.
    case suspect
    /// The primary is being locked and stopped by plan. Left into `sealing`, or undone.
    case switchover
    /// No node may write; standbys are being cut off and their positions read.
    case sealing
    /// As `sealing`, but something is missing; it goes on trying.
    case blocked
    /// Past the point of no return: the candidate is promoted, locked.
    case promoting
    /// The elect gets its opening.
    case opening
    /// The elect is open; members are brought to it.
    case following
}

/// The cluster's work in progress, stored before its first effect.
public struct Intent: Hashable, Codable, Sendable {
    public enum Kind: Hashable, Codable, Sendable {
        /// The last of `Cluster.configs` is being brought into force on the primary.
        case reconfigure
        /// Cut off every standby; `preferred` is the target of a switchover.
        case seal(preferred: NodeID?)
        /// A sealed candidate that is worth it fetches what it lacks from a sealed peer.
        case fastForward(candidate: NodeID, source: NodeID, to: LSN)
        case promote(candidate: NodeID)
        case open(OpenReason)
        /// Stop `from` cleanly so that `to` has all of its WAL.
        case switchover(from: NodeID, to: NodeID)
    }

    public enum OpenReason: String, Hashable, Codable, Sendable {
        case bootstrap
        case failover
        /// It restarted in the same term and came up locked.
        case restart
        /// A failover or switchover was given up before its point of no return.
        case abort
    }

    public var kind: Kind
    public var stamp: Stamp
    /// When it was begun, wall milliseconds, to be shown.
    public var sinceWallMs: Int64
}
