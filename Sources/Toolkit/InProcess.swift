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
        var logger = Logger(label: "toolkit.scheduler")
        // What happens is told as progress.
        logger.logLevel = .critical
        return try await withThrowingTaskGroup(of: T?.self) { [logger] group in
            group.addTask {
                defer { started.finish() }
                try await SchedulerDaemon.run(settings, logger: logger) { started.yield($0) }
                return nil
            }
            group.addTask {
                for await scheduler in schedulers { return try await body(scheduler) }
                return nil
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let value = ended { return value }
                if group.isEmpty { break }
            }
            throw CancellationError()
        }
    }
}

extension Scheduler {
    /// Waits until every node has answered once or is known not to: an order before that would be
    /// refused for what nobody has looked at yet.
    func untilSeen(within span: Duration) async {
        let deadline = ContinuousClock.now + span
        for await update in updates() {
            let isSeen = update.view.nodes.allSatisfy {
                $0.seenAgoMs != nil || $0.unreachable != nil
            }
            if isSeen && update.view.waitingFor.isEmpty || ContinuousClock.now > deadline { return }
        }
    }
}
