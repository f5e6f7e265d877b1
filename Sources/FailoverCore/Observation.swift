/// What one probe of a running node showed: one round trip over libpq.
public struct NodeObservation: Hashable, Sendable, Codable {
    /// Its WAL receiver, if it has one.
    public struct Receiver: Hashable, Sendable, Codable {
        /// `pg_stat_wal_receiver.status`; `streaming` alone proves nothing (F17).
        public var status: String
        /// Milliseconds since the last message of the sender, computed on the standby; nil when
        /// the clock made no sense (A50).
        public var messageAgeMs: Int64?

        public init(status: String, messageAgeMs: Int64?) {
            self.status = status
            self.messageAgeMs = messageAgeMs
        }
    }

    /// A row of pg_stat_replication.
    public struct Sender: Hashable, Sendable, Codable {
        public var applicationName: String
        public var state: String
        public var flush: LSN?
        /// `reply_time` as PostgreSQL printed it: only whether it *changed* is used.
        public var replyTime: String?

        public init(applicationName: String, state: String, flush: LSN?, replyTime: String?) {
            self.applicationName = applicationName
            self.state = state
            self.flush = flush
            self.replyTime = replyTime
        }
    }

    /// A physical replication slot.
    public struct Slot: Hashable, Sendable, Codable {
        public var name: String
        public var isActive: Bool
        /// `wal_status`: `lost` means that its standby must be cloned.
        public var walStatus: String?

        public init(name: String, isActive: Bool, walStatus: String?) {
            self.name = name
            self.isActive = isActive
            self.walStatus = walStatus
        }
    }

    public var systemIdentifier: String
    public var isInRecovery: Bool
    /// Out of recovery: the timeline it writes. In recovery: the newest timeline whose WAL it has.
    public var timeline: TimelineID
    public var history: TimelineHistory
    /// Out of recovery: flushed. In recovery: replayed.
    public var position: LSN
    /// In recovery: received and flushed; nil after a restart without an upstream (F14).
    public var received: LSN?
    public var receiver: Receiver?
    public var senders: [Sender]
    public var slots: [Slot]
    /// synchronous_standby_names in force in a new session.
    public var standbyNames: String
    public var isReadOnly: Bool
    /// application_name in its primary_conninfo; nil when that is empty.
    public var attachedAs: String?
    /// Stamp of the node files in force.
    public var stamp: Stamp?
    public var isReplayPaused: Bool
    /// pg_postmaster_start_time, as text: another value is another run of the server.
    public var postmasterStart: String

    public init(
        systemIdentifier: String, isInRecovery: Bool, timeline: TimelineID,
        history: TimelineHistory, position: LSN, received: LSN? = nil, receiver: Receiver? = nil,
        senders: [Sender] = [], slots: [Slot] = [], standbyNames: String, isReadOnly: Bool,
        attachedAs: String? = nil, stamp: Stamp? = nil, isReplayPaused: Bool = false,
        postmasterStart: String = ""
    ) {
        self.systemIdentifier = systemIdentifier
        self.isInRecovery = isInRecovery
        self.timeline = timeline
        self.history = history
        self.position = position
        self.received = received
        self.receiver = receiver
        self.senders = senders
        self.slots = slots
        self.standbyNames = standbyNames
        self.isReadOnly = isReadOnly
        self.attachedAs = attachedAs
        self.stamp = stamp
        self.isReplayPaused = isReplayPaused
        self.postmasterStart = postmasterStart
    }

    /// The lock of every node that is not the opened primary (`ANY 1 (toolkit_locked)`).
    public static let lockedNames = "ANY 1 (toolkit_locked)"

    public var isLocked: Bool { standbyNames == Self.lockedNames && isReadOnly }
    /// A receiver alone is none: that of a standby past the fork stays, and waits (F35).
    var isStreaming: Bool { receiver?.status == "streaming" }
    /// Out of recovery and not locked: clients may write.
    public var isOpen: Bool { !isInRecovery && !isReadOnly }
}

/// Why a probe got no answer. "Refused" is evidence of a dead postmaster, "timed out" is not.
public enum Unreachable: String, Hashable, Sendable, Codable {
    case refused
    case timedOut = "timed out"
    case authentication = "authentication failed"
    case startingUp = "starting up"
    case inRecoveryMode = "in recovery mode"
    case shuttingDown = "shutting down"
    case tooManyConnections = "out of connections"
    /// An idle session was ended by an administrator's command: a stop by hand.
    case administratorStop = "stopped by an administrator"
    case other = "failed"
}

/// What a look at a node from outside PostgreSQL showed, over SSH.
public struct NodeInspection: Hashable, Sendable, Codable {
    public enum DataDirectory: String, Hashable, Sendable, Codable {
        case missing
        case empty
        /// Something that is no PostgreSQL data directory: never touched.
        case foreign
        case present
    }

    public enum Marker: String, Hashable, Sendable, Codable {
        case none
        case rewinding
        case cloning
    }

    public var bootID: String
    public var stamp: Stamp?
    public var isPostmasterRunning: Bool
    /// A killed postmaster has left backends behind, which may go on acknowledging (F19); or it
    /// could not be told.
    public var hasOrphans: Bool
    public var dataDirectory: DataDirectory
    public var marker: Marker
    public var systemIdentifier: String?
    /// pg_control's state: `shut down`, `in production`, `shut down in recovery` …
    public var controlState: String?
    public var checkpoint: LSN?
    /// Where a standby's replay had got to, on `timeline`; it does not start on another branch below
    /// that.
    public var minRecoveryEnd: LSN?
    public var timeline: TimelineID?
    /// History of `timeline`, nil when its file is missing or unreadable.
    public var history: TimelineHistory?
    public var hasStandbySignal: Bool
    /// Whether pg_rewind can work at all: checksums or wal_log_hints.
    public var canRewind: Bool

    public init(
        bootID: String, stamp: Stamp?, isPostmasterRunning: Bool, hasOrphans: Bool = false,
        dataDirectory: DataDirectory, marker: Marker = .none, systemIdentifier: String? = nil,
        controlState: String? = nil, checkpoint: LSN? = nil, minRecoveryEnd: LSN? = nil,
        timeline: TimelineID? = nil, history: TimelineHistory? = nil,
        hasStandbySignal: Bool = false, canRewind: Bool = true
    ) {
        self.bootID = bootID
        self.stamp = stamp
        self.isPostmasterRunning = isPostmasterRunning
        self.hasOrphans = hasOrphans
        self.dataDirectory = dataDirectory
        self.marker = marker
        self.systemIdentifier = systemIdentifier
        self.controlState = controlState
        self.checkpoint = checkpoint
        self.minRecoveryEnd = minRecoveryEnd
        self.timeline = timeline
        self.history = history
        self.hasStandbySignal = hasStandbySignal
        self.canRewind = canRewind
    }
}
