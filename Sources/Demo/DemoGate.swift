import Execution
import Synchronization

/// A node's runner with a door: while it is shut the node can't be reached, as without its sshd.
final class DemoGate: CommandRunner {
    private let runner: any CommandRunner
    private let isShut = Mutex(false)

    init(_ runner: any CommandRunner) { self.runner = runner }

    var place: String { runner.place }

    func shut(_ value: Bool) { isShut.withLock { $0 = value } }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        try pass()
        return try await runner.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try pass()
        try await runner.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async { await runner.close() }

    private func pass() throws(ExecutionError) {
        guard isShut.withLock({ $0 }) else { return }
        throw ExecutionError(
            .refused, "cannot reach \(place)", because: "the demo has cut it off",
            next: "wait until the demo lets it back")
    }
}
