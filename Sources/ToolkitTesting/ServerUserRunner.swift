import Execution

/// Runs commands here, as the user that may run PostgreSQL.
struct ServerUserRunner: CommandRunner {
    private let home: String?
    private let local = LocalRunner()

    /// `home`: another HOME than this process has.
    init(home: String? = nil) { self.home = home }

    var place: String { local.place }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        var command = command
        command.arguments = ThrowawayPostgresRoot.asServerUser(command.arguments)
        if let home { command.environment["HOME"] = home }
        return try await local.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        let script = #"cat >"$1.new" && chmod "$2" -- "$1.new" && mv -f -- "$1.new" "$1""#
        let result = try await run(
            Command(
                ["/bin/sh", "-c", script, "sh", path, String(mode, radix: 8)],
                standardInput: contents, timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot write \(path)", because: result.errorOutput, next: "look")
        }
    }

    func close() async {}
}
