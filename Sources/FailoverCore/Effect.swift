/// One thing that the core asks of the world. A plain value: the same effect is asked for again,
/// under the same id, until it is done or its intent is gone.
public struct Effect: Hashable, Sendable {
    /// Equal for all attempts of one step.
    public struct ID: Hashable, Sendable, Codable, CustomStringConvertible {
        public var stamp: Stamp
        public var node: NodeID
        public var name: String

        public init(stamp: Stamp, node: NodeID, name: String) {
            self.stamp = stamp
            self.node = node
            self.name = name
        }

        public var description: String { "\(stamp).\(node).\(name)" }

        /// Read-only: may be repeated under one id, and changes nothing.
        var isLook: Bool { name == Action.inspect.name }

        /// A question about the whole cluster: it does nothing to its node.
        var isQuestion: Bool { name == Action.validate(visible: 0, total: 0).name }

        /// Done without a proof of its own, it has brought its stamp into force all the same.
        var bringsStamp: Bool {
            name == "follow" || name == "reconfigure" || name == "fast_forward"
        }
    }

    public enum Action: Hashable, Sendable {
        /// Upstream and restore_command blank, the receiver *seen* gone, replay drained, the
        /// position read (PROTOCOL 4.4 SealNode). Done: `.sealed`.
        case seal
        /// End recovery; the node stays locked. `slots` first, for the members that will follow.
        /// Done: `.promoted`.
        case promote(slots: [String])
        /// The opening, with these synchronous_standby_names; read back in a new session.
        /// Done: `.opened`.
        case open(standbyNames: String)
        /// Bring names into force on the open primary and prove it: PROTOCOL 2.3 steps 2 and 3.
        /// Done only when the barrier is proven: `.none`.
        case reconfigure(Reconfiguration)
        /// Upstream of a standby: written, followed by `follow_command`. Done: `.none`; whether
        /// it streams is observed.
        case follow(Attachment)
        /// Stop it if it runs, then make it a standby of the upstream: by a plain start, or by
        /// pg_rewind. Done: `.rejoined`.
        case rejoin(RejoinMethod, Attachment, switchLSN: LSN)
        /// Stop it if it runs, move its data aside, take a base backup, start.
        case clone(Attachment)
        /// Start it: with a blank upstream first (`isSealed`), or as its node files say.
        case start(isSealed: Bool)
        /// The opening removed, the server stopped at once. Done: `.none`, when no process of it
        /// is left; while only SQL reaches it, it is locked and the outcome is `.failed`.
        case fence
        /// Lock, then a fast shutdown whose checkpoint record is the last of its WAL.
        /// Done: `.stopped`.
        case stopForSwitchover
        /// Lock, end every client's session, write a last record, see it flushed by the standby of
        /// this application_name. The server goes on running. Done: `.quiesced`.
        case quiesce(target: String)
        /// A sealed standby fetches WAL from a sealed peer until it has replayed `to`; it is cut
        /// off again by a seal of its own. Done: `.none`.
        case fastForward(Attachment, to: LSN)
        /// Drop these physical slots where they exist and are not in use. Done: `.none`.
        case dropSlots([String])
        /// A read-only look over SSH. Done: `.inspected`.
        case inspect
        /// `failover_validation_command`, on the scheduler: of `total` nodes, `visible` answer.
        /// Done (`.none`) means that the failover may begin.
        case validate(visible: Int, total: Int)
    }

    /// Where a node is pointed, and as what.
    public struct Attachment: Hashable, Sendable {
        public var upstream: NodeID
        public var applicationName: String
        public var slot: String

        public init(upstream: NodeID, applicationName: String, slot: String) {
            self.upstream = upstream
            self.applicationName = applicationName
            self.slot = slot
        }
    }

    public struct Reconfiguration: Hashable, Sendable {
        public var standbyNames: String
        /// k of the new config.
        public var required: Int
        /// application_names of the new config's voters.
        public var voters: [String]
        /// application_names of every voter of the old and the new config.
        public var everyVoter: [String]
        /// The old names were empty: the checkpointer's flag must be proven by a canary (F6).
        public var startsFromNone: Bool
    }

    public var id: ID
    public var action: Action

    public init(id: ID, action: Action) {
        self.id = id
        self.action = action
    }

    public var stamp: Stamp { id.stamp }
    public var node: NodeID { id.node }
}

extension Effect.Action {
    /// A sealed node is no longer what its seal says once this has begun.
    var endsSeal: Bool {
        switch self {
        case .follow, .rejoin, .clone, .start, .fastForward: true
        case .seal, .promote, .open, .reconfigure, .fence, .stopForSwitchover, .quiesce,
            .dropSlots, .inspect, .validate:
            false
        }
    }

    /// The name in ids, events and failpoints.
    public var name: String {
        switch self {
        case .seal: "seal"
        case .promote: "promote"
        case .open: "open"
        case .reconfigure: "reconfigure"
        case .follow: "follow"
        case .rejoin(let method, _, _): method == .rewind ? "rewind" : "rejoin"
        case .clone: "clone"
        case .start: "start"
        case .fence: "fence"
        case .stopForSwitchover: "stop"
        case .quiesce: "quiesce"
        case .fastForward: "fast_forward"
        case .dropSlots: "drop_slots"
        case .inspect: "inspect"
        case .validate: "validate"
        }
    }
}

/// How an attempt of an effect ended. A deadline passed is `unknown`, never `failed`.
public enum Outcome: Hashable, Sendable {
    case done(Proof)
    /// It certainly did not happen, or not completely; the words say why.
    case failed(String)
    /// Not ready: ask again.
    case tryAgain(String)
    /// The node has accepted a higher stamp.
    case stale
    /// It may have happened, or happen later: the node must be looked at.
    case unknown(String)
}

/// What was *seen* when an effect was done.
public enum Proof: Hashable, Sendable {
    case none
    case sealed(SealProof)
    case promoted(PromotionProof)
    case opened(bootID: String)
    case stopped(StopProof)
    case quiesced(QuiesceProof)
    case inspected(NodeInspection)
    /// A rejoin or a clone. `rewoundFrom`: end of the old WAL, when a rewind really took place.
    case rejoined(rewoundFrom: LSN?)
}

/// No WAL receiver in two samples, replay drained, then the position read.
public struct SealProof: Hashable, Sendable, Codable {
    /// End of the last complete record.
    public var position: LSN
    /// The newest timeline whose WAL it has.
    public var timeline: TimelineID
    public var history: TimelineHistory
    /// True when the node was found out of recovery: it can never stream again without a rejoin.
    public var isOutOfRecovery: Bool
    public var postmasterStart: String

    public init(
        position: LSN, timeline: TimelineID, history: TimelineHistory,
        isOutOfRecovery: Bool = false, postmasterStart: String
    ) {
        self.position = position
        self.timeline = timeline
        self.history = history
        self.isOutOfRecovery = isOutOfRecovery
        self.postmasterStart = postmasterStart
    }
}

public struct PromotionProof: Hashable, Sendable, Codable {
    public var timeline: TimelineID
    public var history: TimelineHistory

    public init(timeline: TimelineID, history: TimelineHistory) {
        self.timeline = timeline
        self.history = history
    }

    /// Where the new timeline begins.
    public var switchLSN: LSN? { history.ancestors.last?.end }
}

/// pg_control says `shut down`; no postmaster is left.
public struct StopProof: Hashable, Sendable, Codable {
    /// Where the shutdown checkpoint record starts: whoever has more has everything.
    public var checkpoint: LSN
    public var timeline: TimelineID

    public init(checkpoint: LSN, timeline: TimelineID) {
        self.checkpoint = checkpoint
        self.timeline = timeline
    }
}

/// The old primary is locked, no client session is left, and the target has flushed its last
/// record.
public struct QuiesceProof: Hashable, Sendable, Codable {
    /// End of that record: nothing acknowledged lies behind it.
    public var end: LSN
    public var timeline: TimelineID

    public init(end: LSN, timeline: TimelineID) {
        self.end = end
        self.timeline = timeline
    }
}
