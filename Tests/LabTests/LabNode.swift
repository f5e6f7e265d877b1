import Foundation
import Glibc

@testable import ToolkitTesting

/// PostgreSQL on a VM.
extension LabVM {
    static let data = "/mnt/data/pg"
    static let program = "\(ThrowawayPostgres.binDirectory)/postgres"

    var stateDirectory: String { "/mnt/lib/lab/\(name)" }
    var log: String {
        (try? String(contentsOfFile: "\(folder)/lib/lab/\(name)/postgres.log", encoding: .utf8))
            ?? ""
    }

    /// What a boot knows of the node: the environment of its service hooks.
    private var service: [String: String] {
        [
            "PGDATA": Self.data, "PGPORT": "5432", "PGHOST": "/run/postgresql",
            "PG_BINDIR": ThrowawayPostgres.binDirectory, "TOOLKIT_CLUSTER": "lab",
            "TOOLKIT_NODE_NAME": name, "TOOLKIT_RUNTIME": "native",
            "TOOLKIT_CONFIG_FILE": "/mnt/etc/lab/\(name)/postgresql.conf",
            "TOOLKIT_STATE_DIR": stateDirectory, "TOOLKIT_RUNTIME_DIR": "/run/toolkit/lab/\(name)",
            "TOOLKIT_TIMEOUT_SECONDS": "60", "TOOLKIT_HOOK": "service_start_command",
            "TOOLKIT_DRY_RUN": "0",
        ]
    }

    /// As the init system does at boot: the shipped start, without a scheduler.
    func startPostgres() async throws {
        try await run(["\(Self.hooks)/service_start_command.sh"], service, within: .seconds(90))
    }

    func stopPostgres() async throws {
        try await run(["\(Self.hooks)/service_stop_command.sh"], service, within: .seconds(90))
    }

    /// The postmaster, by its number outside of the VM: the parent of all other servers.
    var postmaster: pid_t? {
        let servers = postgresProcesses
        let children = Set(servers.flatMap(Processes.children))
        return servers.first { !children.contains($0) }
    }

    var postgresProcesses: [pid_t] {
        processes.filter {
            let program = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\($0)/exe")
            return program == Self.program
        }
    }

    func killPostmaster() throws {
        guard let postmaster else { throw LabError("\(name) has no postmaster") }
        Glibc.kill(postmaster, SIGKILL)
    }

    /// Everything of PostgreSQL at once.
    func killPostgres() async throws { try await end(postgresProcesses) }

    /// Statements as the owner of the server, over its own socket.
    @discardableResult
    func sql(_ statements: String, within timeout: Duration = .seconds(30)) async throws -> String {
        try await run(
            [
                "\(ThrowawayPostgres.binDirectory)/psql", "-X", "-A", "-t", "-q", "-v",
                "ON_ERROR_STOP=1", "-h", "/run/postgresql", "-U", "postgres", "-d", "postgres",
                "-f", "-",
            ], input: statements, within: timeout)
    }

    /// One value; nil while the server can't be asked.
    func value(_ query: String) async -> String? {
        try? await sql(query, within: .seconds(5)).split(separator: "\n").first.map(String.init)
    }

    /// Locked: neither a client's write nor a commit is taken.
    func isLocked() async -> Bool {
        let said = await value(
            """
            SELECT current_setting('default_transaction_read_only'),
              current_setting('synchronous_standby_names')
            """)
        return said == "on|ANY 1 (toolkit_locked)"
    }

    func isInRecovery() async -> Bool? {
        await value("SELECT pg_is_in_recovery()").map { $0 == "t" }
    }
}
