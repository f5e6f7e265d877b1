import Glibc
import Reactor
import Synchronization

/// Threads for calls that block: name resolution, the ssh-agent, files.
enum Blocking {
    /// Many unreachable name servers must not turn into many threads.
    private static let threadsMax = 16

    private struct Work {
        var jobs: [@Sendable () -> Void] = []
        var threads = 0
    }
    private static let work = Mutex(Work())

    private enum Handover<Value: Sendable>: Sendable {
        case waiting
        case done(Value)
        case abandoned
    }

    private final class Box<Value: Sendable>: Sendable {
        let state = Mutex(Handover<Value>.waiting)
    }

    /// The value of `body`, or nil when the deadline or a cancellation comes first; `body` then
    /// runs to its end with nobody waiting.
    static func run<Value: Sendable>(
        until deadline: ContinuousClock.Instant, _ body: @escaping @Sendable () -> Value
    ) async -> Value? {
        let poller = Poller.shared
        let token = poller.makeToken()
        let box = Box<Value>()
        enqueue {
            let value = body()
            box.state.withLock { state in
                guard case .waiting = state else { return }
                state = .done(value)
                poller.wake(token)
            }
        }
        let isWoken: Bool
        do {
            _ = try await poller.wait(fd: -1, for: [], until: deadline, token: token)
            isWoken = true
        } catch {
            isWoken = false
        }
        return box.state.withLock { state in
            guard case .done(let value) = state else {
                state = .abandoned
                return nil
            }
            if !isWoken { poller.retire(token) }
            return value
        }
    }

    private static func enqueue(_ job: @escaping @Sendable () -> Void) {
        let needsThread = work.withLock { work in
            work.jobs.append(job)
            guard work.threads < threadsMax else { return false }
            work.threads += 1
            return true
        }
        guard needsThread else { return }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { _ in
                Blocking.drain()
                return nil
            }, nil)
        if status == 0 {
            pthread_detach(thread)
        } else {
            // Out of threads: the jobs wait for one that runs, or end with their deadline.
            work.withLock { $0.threads -= 1 }
        }
    }

    private static func drain() {
        while let job = work.withLock({ work -> (@Sendable () -> Void)? in
            guard !work.jobs.isEmpty else {
                work.threads -= 1
                return nil
            }
            return work.jobs.removeFirst()
        }) {
            job()
        }
    }
}
