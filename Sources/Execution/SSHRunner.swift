/// Runs commands on another machine over SSH, on sessions that all runners of a target share.
public final class SSHRunner: CommandRunner {
    public let target: SSHTarget

    public init(_ target: SSHTarget) { self.target = target }

    public var place: String { target.place }

    /// Opens a session, unless one is open: every reason why commands would fail, in advance.
    public func connect() async throws(ExecutionError) {}

    public func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        throw ExecutionError(.notStarted, "cannot run", because: "", next: "")
    }

    public func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        throw ExecutionError(.notStarted, "cannot upload", because: "", next: "")
    }

    public func close() async {}
}

extension CommandRunner {
    /// Leaves the contents in `directory` under their SHA-256 and returns the path. A file that is
    /// there with the right bytes is not sent again.
    public func uploadOnce(
        _ contents: [UInt8], into directory: String, mode: UInt32 = 0o700, timeout: Duration
    ) async throws(ExecutionError) -> String {
        throw ExecutionError(.notStarted, "cannot upload", because: "", next: "")
    }
}
