import ClusterFile
import FailoverCore
import Logging
import Scheduler

/// A scheduler in this process, for an operation while no daemon runs. It holds the store's lock.
struct InProcess: Sendable {
    let settings: ClusterSettings

    /// Runs `body` beside the scheduler, and stops the scheduler after it.
    func with<T: Sendable>(
        _ body: @escaping @Sendable (Scheduler) async throws -> T
    ) async throws -> T {
        let (schedulers, started) = AsyncStream.makeStream(of: Scheduler.self)
        // What happens is told as progress.
        let logger = Logger(label: "toolkit.scheduler") { _ in SwiftLogNoOpLogHandler() }
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                try await SchedulerDaemon.run(settings, logger: logger) { started.yield($0) }
                started.finish()
                return nil
            }
            group.addTask {
                for await scheduler in schedulers { return try await body(scheduler) }
                return nil
            }
            // A scheduler that fails throws here, and ends the body with it.
            let ended = try await group.next()
            group.cancelAll()
            guard let ended, let value = ended else { throw CancellationError() }
            return value
        }
    }
}

extension SchedulerClient {
    /// Nil when no scheduler runs.
    func stateIfRunning() async throws(SchedulerError) -> ClusterView? {
        do throws(SchedulerError) {
            return try await state()
        } catch {
            if error.code == .unreachable { return nil }
            throw error
        }
    }
}

extension Scheduler {
    func isAtWork(on node: NodeID) -> Bool {
        view.nodes.first { $0.id == node }?.work != nil
    }

    /// Waits until every node has answered once or is known not to: an order before that would be
    /// refused for what nobody has looked at yet.
    func untilSeen(
        within span: Duration, isReady: (ClusterView) -> Bool = { $0.waitingFor.isEmpty }
    ) async {
        let deadline = ContinuousClock.now + span
        for await update in updates() {
            let isSeen = update.view.nodes.allSatisfy {
                $0.seenAgoMs != nil || $0.unreachable != nil
            }
            if isSeen && isReady(update.view) || ContinuousClock.now > deadline { return }
        }
    }
}
