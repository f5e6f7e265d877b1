import FailoverCore
import Foundation

/// The one source of the core's moments.
struct SchedulerClock: Sendable {
    private let start = ContinuousClock.now

    var now: Instant {
        let elapsed = (ContinuousClock.now - start).milliseconds
        return Instant(
            monotonicMs: elapsed, wallMs: Int64(Date().timeIntervalSince1970 * 1_000))
    }
}

extension Duration {
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
