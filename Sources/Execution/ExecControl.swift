import Synchronization

/// What happens around a running command: its caller gave up, its group was ended, its leader is
/// gone. Set from other tasks, read by the task that runs the command.
final class ExecControl: Sendable {
    struct State: Sendable {
        var isCancelled = false
        /// Whether the process group was ended; nil until that has been tried.
        var groupEnded: Bool?
        var leaderIsGone = false
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
}
