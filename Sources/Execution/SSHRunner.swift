import Synchronization

/// Runs commands on another machine over SSH, on sessions that all runners of a target share.
///
/// Each command is the leader of a process group there. Past its deadline, or when the calling task
/// is cancelled, the group gets SIGTERM and two seconds later SIGKILL, by a channel beside the
/// command's; should the connection be gone, `timeout` on the other side ends it soon after.
public final class SSHRunner: CommandRunner {
    public let target: SSHTarget
    private let pool: SSHPool
    private let isMember = Mutex(true)
    private let lane: SSHLane

    public init(_ target: SSHTarget, pool: SSHPool = .shared) {
        self.target = target
        self.pool = pool
        lane = pool.join(target)
    }

    deinit {
        guard leave() else { return }
        let lane = lane
        Task { await lane.close() }
    }

    public var place: String { target.place }

    /// Opens a session, unless one is open: every reason why commands would fail, in advance.
    public func connect() async throws(ExecutionError) {
        rejoin()
        try await lane.connect()
    }

    public func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        try command.check(for: place)
        rejoin()
        return try await lane.run(command)
    }

    public func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        rejoin()
        try await lane.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    /// Closes the target's sessions when no other runner shares them.
    public func close() async {
        if leave() { await lane.close() }
    }

    /// True for the last one.
    private func leave() -> Bool {
        let wasMember = isMember.withLock { isMember in
            defer { isMember = false }
            return isMember
        }
        return wasMember && pool.leave(target)
    }

    private func rejoin() {
        let wasMember = isMember.withLock { isMember in
            defer { isMember = true }
            return isMember
        }
        if !wasMember { pool.rejoin(target, lane) }
    }
}

/// The sessions of this process by target, so that two nodes on one VM share them.
public final class SSHPool: Sendable {
    public static let shared = SSHPool()

    private struct Entry {
        var lane: SSHLane
        var members: Int
    }
    private let entries = Mutex<[SSHTarget: Entry]>([:])

    public init() {}

    func join(_ target: SSHTarget) -> SSHLane {
        entries.withLock { entries in
            var entry = entries[Self.key(target)] ?? Entry(lane: SSHLane(target), members: 0)
            entry.members += 1
            entries[Self.key(target)] = entry
            return entry.lane
        }
    }

    func rejoin(_ target: SSHTarget, _ lane: SSHLane) {
        entries.withLock { entries in
            entries[Self.key(target), default: Entry(lane: lane, members: 0)].members += 1
        }
    }

    /// True when nobody is left.
    func leave(_ target: SSHTarget) -> Bool {
        entries.withLock { entries in
            let key = Self.key(target)
            guard var entry = entries[key] else { return false }
            entry.members -= 1
            entries[key] = entry.members > 0 ? entry : nil
            return entry.members <= 0
        }
    }

    /// How patient a runner is does not make another session.
    private static func key(_ target: SSHTarget) -> SSHTarget {
        var key = target
        key.connectTimeout = .zero
        return key
    }
}
