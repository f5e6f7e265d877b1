import Synchronization

/// Whether a node's runner has kept silent lately. SSH whose packets vanish says nothing for seconds,
/// each time anew: whoever waited once need not wait as long again.
final class RunnerSilence: Sendable {
    private let silent = Mutex(false)

    var isKept: Bool { silent.withLock { $0 } }

    /// How long the runner may be silent until SQL is tried beside it. Both carry the same stamp and
    /// contents, under one lock: whichever comes second changes nothing.
    var patience: Duration { isKept ? .milliseconds(50) : .milliseconds(350) }

    func keptSilent() { silent.withLock { $0 = true } }
    func spoke() { silent.withLock { $0 = false } }
}
