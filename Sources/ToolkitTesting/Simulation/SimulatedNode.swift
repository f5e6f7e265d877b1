import FailoverCore

/// What `node.conf` says beside the lock.
struct NodeConf {
    var upstream: Upstream?
    /// What `node-apply` wrote there; another hand may have changed it since.
    var written: Upstream?
    var stamp = Stamp(term: Term(0), step: Revision(0))
}

/// An upstream and the name under which it is asked.
struct Upstream: Equatable {
    var node: Int
    var name: Int
    var hasSlot = true
}

/// What `open.conf` says: it lies on a tmpfs.
struct OpenConf {
    var names: SyncNames
    var stamp: Stamp
}

/// The configuration that a process has read.
struct LoadedConf {
    var names = SyncNames.locked
    var isReadOnly = true
    var upstream: Upstream?
    var stamp = Stamp(term: Term(0), step: Revision(0))
    /// The term of the opening that is in force.
    var openTerm: Int?
    /// The names were put there by another hand.
    var isTampered = false
}

/// A walsender on the node that has it, with its own copy of the names (F7).
struct WalSender {
    var id: Int
    var standby: Int
    var name: Int
    var names: SyncNames
    /// Whether its own name stands in its own copy.
    var counts: Bool
    /// Where it has sent to, and whether something is on its way.
    var sent: Int
    var isSending = false
    /// Nil until the first reply.
    var flush: Int?
    var replies = 0
    var heardAt: Int64
    /// The other end is gone; it is noticed by the next message, or by a timeout.
    var isHalfOpen = false
    /// No server: a program that only receives.
    var isTool = false
    /// SIGHUP was delivered: the next turn of its loop reads the file before it reads replies.
    var hasPendingConfig = false
    var isInTurn = false
}

/// The WAL receiver of a standby.
struct WalReceiver {
    var connection: Int
    var upstream: Upstream
    var sender: Int
    var heardAt: Int64
    /// What it reports as flushed although it came before this stream (F20).
    var floor: Int
    var isEnding = false
    var hasAsked = false
    /// Its log is past the fork: nothing comes, and what it has is reported all the same (F35).
    var isWaiting = false
}

/// A commit that waits for its copies.
struct Waiter {
    var id: Int32
    var start: Int
    var end: Int
    var client: Int
    var token: Int
    /// Whether the client's session waits for copies at all.
    var isSynchronous: Bool
    var isFlushed = false
}

struct ReplicationSlot {
    var node: Int
    /// The walsender that holds it.
    var sender: Int?
    var isLost = false
}

struct SimulatedNode {
    enum ServerState: UInt8 {
        case stopped
        case starting
        case running
        case crashRecovery
        case shuttingDown
    }

    // The machine.
    var isUp = true
    var isMachineFrozen = false
    var boot = 1
    var hasSSH = true

    // Files outside the data directory.
    var stamp: Stamp?
    var nodeConf = NodeConf()
    var openConf: OpenConf?
    /// When it was locked last, and the term that ended.
    var lockedAt: Int64 = -100_000_000
    var formerTerm: Int?
    var formerUpstream: Upstream?
    /// Another hand's opening over ours, until it is written anew.
    var tamperedNames: SyncNames?
    var marker = NodeInspection.Marker.none
    var marks: [HookMark] = []
    /// The job whose hook runs.
    var hook: Int?
    /// Copies of data directories that were moved aside.
    var setAside: [(log: WriteAheadLog, branch: Branch)] = []
    /// A line that PostgreSQL can't read stands in a file (F34).
    var hasBadLine = false

    // The data directory.
    var hasData = false
    var log = WriteAheadLog()
    var branch = Branch()
    var flushed = WriteAheadLog.begin
    var controlState = "in production"
    var controlCheckpoint = WriteAheadLog.begin
    var controlTimeline: Int32 = 1
    var hasStandbySignal = false
    var highestTimeline: Int32 = 1
    var canRewind = true
    var isCorrupt = false
    /// Its disk has lost WAL that was reported flushed.
    var hasForgotten = false
    /// Another one since its data were replaced.
    var dataVersion = 0

    // The server.
    var server = ServerState.stopped
    var isInRecovery = false
    var run = 0
    var stageToken = 0
    /// Counts postmasters.
    var postmaster = 0
    var isFrozen = false
    var orphansUntil: Int64 = 0
    var conf = LoadedConf()
    /// The checkpointer's "sync on" (F6).
    var isSyncDefined = true
    /// What the walsenders have let go.
    var syncReleased = 0
    var shutdownDeadline: Int64 = 0
    var hasStartedUp = false
    /// A start path of ours has begun this run, and nothing was opened since.
    var startsLocked = false
    var deferred: [Happening] = []

    // As a standby.
    var received = WriteAheadLog.begin
    var isReceivedKnown = false
    var replayed = WriteAheadLog.begin
    var isPaused = false
    var conflictUntil: Int64 = 0
    var receiver: WalReceiver?
    var streamEndedAt: Int64 = 0
    var connectToken = 0
    var promotionToken = 0
    var isPromotionAsked = false
    var promotionAskedAt: Int64 = 0
    var isPromotionAsleep = false
    /// What the startup process has read.
    var startupUpstream: Upstream?

    // As a sender.
    var senders: [WalSender] = []
    var slots: [ReplicationSlot] = []
    var waiters: [Waiter] = []
    var isFlushing = false
    var duplicateAt: Int64 = -100_000_000
    /// When names of another hand went out of force.
    var untamperedAt: Int64 = -100_000_000

    var sshIsStuckUntil: Int64 = 0

    // The disk.
    var isHung = false
    var isDiskFull = false
    var slowness = 1

    var answers: Bool { isUp && !isMachineFrozen && !isFrozen && server == .running }
    var isStopped: Bool { isFrozen || isMachineFrozen }
    var isReplayBlocked: Bool { isPaused || conflictUntil > 0 }
    var hasPostmaster: Bool { server != .stopped }
    /// Clients may write.
    var isWritable: Bool { server == .running && !isInRecovery && !conf.isReadOnly }
}

/// A hook was done in this step.
struct HookMark {
    var stamp: Stamp
    var hook: Hook
}

/// The hooks that the model runs.
enum Hook: UInt8 {
    case promote
    case follow
    case rejoinStart
    case rejoinRewind
    case clone
    case start
    case stop
    case restart
    case disconnect
    case fence

    /// Done once in a step, it is not done again in it; the others look for themselves.
    var isMarked: Bool {
        switch self {
        case .rejoinStart, .rejoinRewind, .clone, .disconnect: true
        case .promote, .follow, .start, .stop, .restart, .fence: false
        }
    }
}
