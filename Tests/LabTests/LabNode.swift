import Foundation
import Glibc

@testable import ToolkitTesting

/// PostgreSQL on a VM.
extension LabVM {
    static let data = "/mnt/data/pg"
    static let programs = ThrowawayPostgres.binDirectory

    var stateDirectory: String { "/mnt/lib/lab/\(name)" }
    var log: String {
        (try? String(contentsOfFile: "\(folder)/lib/lab/\(name)/postgres.log", encoding: .utf8))
            ?? ""
    }

    /// What a boot knows of the node: the environment of its service hooks.
    private var service: [String: String] {
        [
            "PGDATA": Self.data, "PGPORT": "5432", "PGHOST": "/run/postgresql",
            "PG_BINDIR": Self.programs, "TOOLKIT_CLUSTER": "lab",
            "TOOLKIT_NODE_NAME": name, "TOOLKIT_RUNTIME": "native",
            "TOOLKIT_CONFIG_FILE": "/mnt/etc/lab/\(name)/postgresql.conf",
            "TOOLKIT_STATE_DIR": stateDirectory, "TOOLKIT_RUNTIME_DIR": "/run/toolkit/lab/\(name)",
            "TOOLKIT_TIMEOUT_SECONDS": "60", "TOOLKIT_HOOK": "service_start_command",
            "TOOLKIT_DRY_RUN": "0",
        ]
    }

    /// As the init system does at boot: the shipped start, without a scheduler.
    func startPostgres() async throws {
        if isSupervised { return try await supervise() }
        try await run(
            ["\(Self.hooks)/service_start_command.sh"], service.merging(clock) { $1 },
            within: .seconds(90))
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
            return program == "\(Self.programs)/postgres"
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
                "\(Self.programs)/psql", "-X", "-A", "-t", "-q", "-v",
                "ON_ERROR_STOP=1", "-h", "/run/postgresql", "-U", "postgres", "-d", "postgres",
                "-f", "-",
            ], input: statements, within: timeout)
    }

    /// One value; nil while the server can't be asked.
    func value(_ query: String) async -> String? {
        try? await sql(query, within: .seconds(5)).split(separator: "\n").first.map(String.init)
    }

    /// Locked: neither a client's write nor a commit is taken.
    func isLocked() async -> Bool { await value("SELECT \(Self.lockSettings)") == Self.locked }

    static let lockSettings = """
        current_setting('default_transaction_read_only'),
          current_setting('synchronous_standby_names')
        """
    static let locked = "on|ANY 1 (toolkit_locked)"

    func isInRecovery() async -> Bool? {
        await value("SELECT pg_is_in_recovery()").map { $0 == "t" }
    }

    // MARK: Wall clock

    /// What is started from now on has a clock of its own; timers go on by the machine's.
    func giveClock() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib")
        let libraries = folders.map { "/usr/lib/\($0)/faketime/libfaketime.so.1" }
        guard let library = libraries.first(where: { access($0, F_OK) == 0 }) else {
            throw LabError("there is no libfaketime: install the package faketime")
        }
        clock = [
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": "/mnt/clock",
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        ]
        try setClock(hours: 0)
    }

    func setClock(hours: Int) throws {
        let text = "\(hours < 0 ? "-" : "+")\(abs(hours))h\n"
        try text.write(toFile: "\(folder)/clock", atomically: false, encoding: .utf8)
    }

    // MARK: By other hands

    /// As a unit with `Restart=on-failure` does: the opening is taken away before each start, and a
    /// server that ends uncleanly is started again.
    private func supervise() async throws {
        let loop = #"""
            while :; do
                rm -f -- "$TOOLKIT_RUNTIME_DIR/open.conf"
                [ ! -e "$TOOLKIT_STATE_DIR/marker" ] || exit 0
                if "$PG_BINDIR/postgres" -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE" \
                    >>"$TOOLKIT_STATE_DIR/postgres.log" 2>&1
                then
                    exit 0
                fi
                sleep 0.1
            done
            """#
        let environment = service.filter {
            !$0.key.hasPrefix("PGPORT") && !$0.key.hasPrefix("PGHOST")
        }
        supervisor = try ChildProcess(
            command(["sh", "-uc", loop], environment), in: "/", output: "\(folder).supervisor")
        try await until("\(name) is up", within: .seconds(30)) { await isInRecovery() != nil }
    }

    func promoteByHand() async throws {
        try await run(["\(Self.programs)/pg_ctl", "promote", "--no-wait", "-D", Self.data])
    }

    func startByHand() async throws {
        try await run([
            "sh", "-euc",
            #"exec "$1/pg_ctl" start -w -D "$2" -l "$3/postgres.log" -o "-c config_file=$4""#, "sh",
            Self.programs, Self.data, stateDirectory, "/mnt/etc/lab/\(name)/postgresql.conf",
        ])
    }
}
