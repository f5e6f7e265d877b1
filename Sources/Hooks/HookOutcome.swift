public import Execution

/// How a hook ended. A failing script is a result, not an error.
public enum HookOutcome: Hashable, Sendable {
    /// Exit 0, or done by an earlier attempt of the same step. `results` are its
    /// `toolkit:key=value` lines.
    case done(results: [String: String], output: String)
    /// Exit 75 on every attempt: the node is not ready yet.
    case tryAgain(output: String)
    /// Exit 76: the node has accepted a higher term or step.
    case stale
    case failed(status: Int32, output: String)
    /// The deadline passed, or the connection was lost: what it did must be looked at.
    case unknown(after: Duration, output: String)
    /// Nothing has run: the machine can't be reached, or the script can't be found.
    case notStarted(ExecutionError)
    /// No command is configured, and none is shipped.
    case skipped
}
