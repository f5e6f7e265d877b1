import ClusterFile
import FailoverCore
import PostgresClient
import Reactor

/// Watches one node's PostgreSQL: a held session with one query per probe, and the session itself,
/// whose end tells of a dead postmaster at once.
actor NodeObserver {
    private let link: NodeLink
    private let timers: Timers
    private let report: @Sendable (Event) -> Void
    private let poller = Poller.shared

    private var held: Connection?
    private var watch: Task<Void, Never>?
    private var isUrgent = false
    /// Probes left of a burst: what a fault does to the other nodes shows within milliseconds.
    private var burst = 0
    private var isWoken = false
    private var sleep: UInt64?
    private var probes = 0
    private var canaries = CanarySchedule()
    private var canary: Task<Void, Never>?

    /// Every so many probes a new connection is made too: a held session lives on when the
    /// postmaster alone is frozen.
    private static let freshEvery = 5

    init(link: NodeLink, timers: Timers, report: @escaping @Sendable (Event) -> Void) {
        self.link = link
        self.timers = timers
        self.report = report
    }

    /// Probes until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let began = ContinuousClock.now
            isWoken = false
            await probe()
            await wait(since: began)
            burst = max(0, burst - 1)
        }
        watch?.cancel()
        canary?.cancel()
        await held?.close()
    }

    /// While something is wrong probes come four times as often.
    func setUrgent(_ urgent: Bool) {
        guard urgent != isUrgent else { return }
        isUrgent = urgent
        // A shorter interval holds for the wait that is under way too.
        if urgent { endSleep() }
    }

    func probeNow() {
        isWoken = true
        endSleep()
    }

    /// Probes now, and a few times more in short order.
    func probeClosely() {
        burst = 5
        probeNow()
    }

    private var interval: Duration {
        if burst > 0 { return .milliseconds(min(25, timers.monitorInterval / 4)) }
        return .milliseconds(isUrgent ? timers.monitorInterval / 4 : timers.monitorInterval)
    }

    private func wait(since began: ContinuousClock.Instant) async {
        while !isWoken, !Task.isCancelled, ContinuousClock.now < began + interval {
            let token = poller.makeToken()
            sleep = token
            do {
                _ = try await poller.wait(fd: -1, for: [], until: began + interval, token: token)
            } catch {
                // The time has come, or the task was cancelled: the loop looks at both.
            }
            if sleep == token { sleep = nil }
            poller.retire(token)
        }
    }

    private func endSleep() {
        guard let token = sleep else { return }
        sleep = nil
        poller.wake(token)
    }
}

// MARK: - One probe

extension NodeObserver {
    private var timeout: Duration { .milliseconds(timers.probeTimeout) }

    private func probe() async {
        probes += 1
        do throws(PostgresError) {
            let seen: NodeObservation
            do throws(PostgresError) {
                seen = try await look()
            } catch {
                // A held session that ended says little: a new connection tells why.
                guard error.code == .closed || error.code == .adminShutdown else { throw error }
                seen = try await look()
            }
            if probes % Self.freshEvery == 0 { try await connectAnew() }
            report(.observed(link.node.id, seen))
            watchWrites(seen)
        } catch {
            await letGo()
            guard error.code != .cancelled else { return }
            report(.unreachable(link.node.id, Unreachable(error)))
        }
    }

    /// Beside the probes: a canary that hangs delays none of them.
    private func watchWrites(_ seen: NodeObservation) {
        guard canary == nil else { return }
        let due = canaries.due(
            after: seen, at: .now, every: .milliseconds(timers.canaryInterval), isUrgent: isUrgent)
        switch due {
        case .nothing: break
        case .isWritten: report(.canary(link.node.id, .written))
        case .canary:
            let writer = WriteCanary(link: link, timeout: timeout)
            canary = Task { [weak self] in await self?.canaryEnded(await writer.run()) }
        }
    }

    private func canaryEnded(_ result: Canary?) {
        canary = nil
        canaries.note(result, at: .now)
        if let result { report(.canary(link.node.id, result)) }
    }

    private func look() async throws(PostgresError) -> NodeObservation {
        let session = try await session()
        let rows: Rows
        do throws(PostgresError) {
            rows = try await session.query(ProbeQuery.sql, timeout: timeout)
        } catch {
            await letGo()
            throw error
        }
        guard let row = rows.values.first, let seen = ProbeQuery.observation(row) else {
            throw PostgresError(
                .unexpectedValue, "cannot observe", subject: link.conninfo.subject,
                message: "the probe's row can't be read")
        }
        return seen
    }

    private func session() async throws(PostgresError) -> Connection {
        if let held, await held.isOpen { return held }
        await letGo()
        let session = try await link.connect(within: timeout)
        held = session
        watch = Task { [weak self] in
            guard let ending = await session.untilClosed() else { return }
            await self?.ended(session, ending)
        }
        return session
    }

    private func connectAnew() async throws(PostgresError) {
        do throws(PostgresError) {
            let fresh = try await link.connect(within: timeout)
            await fresh.close()
        } catch {
            // Clients hold them all, as when commits wait: the session that is held tells more.
            guard error.code == .tooManyConnections else { throw error }
        }
    }

    private func letGo() async {
        watch?.cancel()
        watch = nil
        let session = held
        held = nil
        await session?.close()
    }

    private func ended(_ session: Connection, _ ending: PostgresError) {
        guard session === held else { return }
        held = nil
        watch = nil
        if ending.code == .adminShutdown {
            report(.unreachable(link.node.id, .administratorStop))
        }
        probeNow()
    }
}

extension Unreachable {
    init(_ error: PostgresError) {
        self =
            switch error.code {
            case .refused: .refused
            case .timedOut, .unreachable: .timedOut
            case .authentication: .authentication
            case .startingUp: .startingUp
            case .inRecoveryMode: .inRecoveryMode
            case .shuttingDown: .shuttingDown
            case .tooManyConnections: .tooManyConnections
            default: .other
            }
    }
}
