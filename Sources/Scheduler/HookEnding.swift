import Hooks
import Synchronization

/// Where a hook that runs beside something else leaves its outcome.
final class HookEnding: Sendable {
    private let value = Mutex<HookOutcome?>(nil)

    func set(_ outcome: HookOutcome) { value.withLock { $0 = outcome } }
    var outcome: HookOutcome? { value.withLock { $0 } }
}
