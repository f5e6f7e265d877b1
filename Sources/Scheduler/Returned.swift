import FailoverCore
import Synchronization

/// What a canary's commit returned, once it has: its position, or nil when it failed.
final class Returned: Sendable {
    private let value = Mutex<LSN??>(nil)

    func set(_ lsn: LSN?) { value.withLock { $0 = .some(lsn) } }
    /// Nil while it waits.
    var result: LSN?? { value.withLock { $0 } }
}
