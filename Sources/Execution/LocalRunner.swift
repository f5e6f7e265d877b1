/// Runs commands on this machine, each in a session of its own.
public struct LocalRunner: CommandRunner {
    public init() {}

    public var place: String { "localhost" }

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
