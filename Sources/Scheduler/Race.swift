import Synchronization

/// Waits for a task, but not longer than it is allowed to; the task itself goes on.
final class Race<Value: Sendable>: Sendable {
    private let waiter: Mutex<CheckedContinuation<Value?, Never>?>

    private init(_ waiter: CheckedContinuation<Value?, Never>) { self.waiter = Mutex(waiter) }

    /// Nil when `task` is not done in time.
    static func value(of task: Task<Value, Never>, within timeout: Duration) async -> Value? {
        await withCheckedContinuation { continuation in
            let race = Race(continuation)
            Task { race.end(with: await task.value) }
            Task {
                try? await Task.sleep(for: timeout)
                race.end(with: nil)
            }
        }
    }

    private func end(with value: Value?) {
        let first = waiter.withLock { waiter in
            defer { waiter = nil }
            return waiter
        }
        first?.resume(returning: value)
    }
}
