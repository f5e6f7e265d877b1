import FailoverCore
import PostgresClient

/// A write of our own on an open primary: a server may answer every question while its disk takes
/// no write (D17). Flushed locally, it waits for no standby.
struct WriteCanary: Sendable {
    let link: NodeLink
    let timeout: Duration

    private static let writeSQL = "SELECT pg_logical_emit_message(true, 'toolkit', '')"

    /// Nil when it proves nothing: no session could be had, or the server refused the write.
    func run() async -> Canary? {
        guard let session = try? await link.connect(within: timeout, writes: true) else {
            return nil
        }
        let pid = await session.backendPID
        do throws(PostgresError) {
            try await session.query(Self.writeSQL, timeout: timeout)
            await session.close()
            return .written
        } catch {
            guard error.code == .timedOut, let pid else {
                await session.close()
                return nil
            }
            // The backend goes on waiting after its client is gone (F31).
            let wait = await whatHolds(pid)
            await session.close()
            return wait == "IPC SyncRep" ? nil : .stalled(wait)
        }
    }

    /// Looks from another session, and ends the one that waits as soon as it can be ended.
    private func whatHolds(_ pid: Int) async -> String {
        let wait = try? await link.inNewSession(within: timeout) {
            (session) throws(PostgresError) in
            try await session.query(
                """
                SELECT coalesce(wait_event_type || ' ' || wait_event, 'no wait event'),
                  pg_terminate_backend(pid)
                FROM pg_stat_activity WHERE pid = $1::int
                """, [String(pid)], timeout: timeout
            ).values.first?[0]
        }
        return (wait ?? nil) ?? "unknown wait"
    }
}

/// When the next canary is due.
struct CanarySchedule {
    /// The flushed position that the last probe saw.
    private var position: LSN?
    private var lastAt: ContinuousClock.Instant?
    private(set) var isStalled = false

    enum Due: Hashable {
        case nothing
        /// WAL was flushed since: the disk takes writes, whatever the last canary said.
        case isWritten
        case canary
    }

    /// While something is wrong, or the last one was stalled, every probe asks.
    mutating func due(
        after seen: NodeObservation, at now: ContinuousClock.Instant, every interval: Duration,
        isUrgent: Bool
    ) -> Due {
        guard seen.isOpen else {
            self = CanarySchedule()
            return .nothing
        }
        let hasMoved = position.map { $0 != seen.position } ?? false
        position = seen.position
        if hasMoved, isStalled {
            isStalled = false
            return .isWritten
        }
        if hasMoved { return .nothing }
        let isDue = lastAt.map { now - $0 >= interval } ?? true
        return isDue || isUrgent || isStalled ? .canary : .nothing
    }

    mutating func note(_ canary: Canary?, at now: ContinuousClock.Instant) {
        guard let canary else { return }
        lastAt = now
        isStalled = canary != .written
    }
}
