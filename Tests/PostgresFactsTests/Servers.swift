import Foundation
import Glibc
import PostgresClient
import Testing
import ToolkitTesting

/// One server of a version, with the table `t`.
func withServer(
    _ version: ServerVersion, settings: [String] = [],
    _ body: (ThrowawayPostgres) async throws -> Void
) async throws {
    var options = ThrowawayPostgres.Options(settings: Servers.settings + settings)
    options.binDirectory = version.binDirectory
    options.isCopy = true
    try await ThrowawayPostgres.with(options) { primary in
        try await primary.locally("create table t (x int)")
        try await body(primary)
    }
}

/// A primary with the table `t`, and a standby that streams from it.
func withPair(
    _ version: ServerVersion, settings: [String] = [], standby: [String] = [],
    _ body: (_ primary: ThrowawayPostgres, _ standby: ThrowawayPostgres) async throws -> Void
) async throws {
    try await withServer(version, settings: settings) { primary in
        let a = try await primary.follower("a", settings: standby)
        try await primary.sees("a")
        try await body(primary, a)
    }
}

enum Servers {
    /// What differs from PostgreSQL's defaults, beside what every throw-away server has.
    static let settings = ["wal_retrieve_retry_interval = '200ms'", "checkpoint_timeout = '1h'"]
    /// The lock of every node but the opened primary.
    static let lock = [
        "synchronous_standby_names = 'ANY 1 (toolkit_locked)'",
        "default_transaction_read_only = on",
    ]
    /// What a session says that passes the lock.
    static let unlocked = "-c synchronous_commit=local -c default_transaction_read_only=off"
}

extension ThrowawayPostgres {
    func follower(_ name: String, settings: [String] = []) async throws -> ThrowawayPostgres {
        try await copiedStandby(name, settings: Servers.settings + settings)
    }

    func session(_ options: String? = nil) async throws -> Connection {
        try await Connection.open(
            conninfo.with("options", options), timeout: .seconds(30))
    }

    /// Runs one statement that waits for no standby and no lock.
    @discardableResult
    func locally(_ sql: String) async throws -> Rows {
        let connection = try await session(Servers.unlocked)
        let rows = try await connection.query(sql, timeout: .seconds(30))
        await connection.close()
        return rows
    }

    /// Changes a setting; returns when a new session shows it.
    func set(_ name: String, to value: String) async throws {
        try configure(["\(name) = '\(value)'"])
        reload()
        try await wait(until: "select current_setting('\(name)') = '\(value)'")
    }

    func current(_ sql: String) async throws -> String {
        try #require(try await value("select \(sql)"))
    }

    // MARK: Waiting commits

    /// Waits until the statement waits for a standby.
    func waits(_ statement: Statement) async throws {
        try await wait(until: "select \(isWaiting(statement))")
    }

    func isStillWaiting(_ statement: Statement) async throws -> Bool {
        try await value("select \(isWaiting(statement))") == "t"
    }

    private nonisolated func isWaiting(_ statement: Statement) -> String {
        """
        exists (select from pg_stat_activity where pid = \(statement.pid)
            and wait_event = 'SyncRep')
        """
    }

    /// Watches a state for a while: true when it holds all the time.
    func holds(_ sql: String, for duration: Duration) async throws -> Bool {
        let end = ContinuousClock.now + duration
        repeat {
            guard try await value("select \(sql)") == "t" else { return false }
            try await Task.sleep(for: .milliseconds(50))
        } while ContinuousClock.now < end
        return true
    }

    // MARK: Replication

    /// Waits until a standby of this name streams from here.
    func sees(_ name: String) async throws {
        try await wait(
            until: """
                select exists (select from pg_stat_replication
                    where application_name = '\(name)' and state = 'streaming')
                """)
    }

    static let receiverPID = "(select pid from pg_stat_activity where backend_type = 'walreceiver')"

    /// Waits until no receiver runs here.
    func losesReceiver() async throws {
        try await wait(until: "select \(ThrowawayPostgres.receiverPID) is null")
    }

    /// Waits until all WAL up to `lsn` is flushed here.
    func receives(_ lsn: String) async throws {
        try await wait(until: "select pg_last_wal_receive_lsn() >= '\(lsn)'")
    }

    /// Waits until all WAL up to `lsn` is replayed here.
    func replays(_ lsn: String) async throws {
        try await wait(until: "select pg_last_wal_replay_lsn() >= '\(lsn)'")
    }

    /// Blanks the upstream; returns when it is cut off and the rest is replayed.
    func seal() async throws {
        try await set("primary_conninfo", to: "")
        try await losesReceiver()
        try await isIdle()
    }

    /// Waits until the startup process has replayed what is there and looks for more.
    func isIdle() async throws {
        try await wait(
            until: """
                select exists (select from pg_stat_activity where backend_type = 'startup'
                    and wait_event = 'RecoveryRetrieveRetryInterval')
                """)
    }

    /// Promotes; returns when it is out of recovery.
    func promote() async throws {
        let isPromoted = try await value("select pg_promote()")
        #expect(isPromoted == "t")
    }

    /// Makes it a standby of another server, of which it is a copy; returns when that sees it.
    func follow(_ upstream: ThrowawayPostgres) async throws {
        try touch("standby.signal")
        try repoint(to: upstream)
        try await start()
        try await upstream.sees(name)
    }

    /// Points it at another upstream; takes effect by a reload or a start.
    func repoint(to upstream: ThrowawayPostgres) throws {
        let text = upstream.upstream(for: name).text.replacing("'", with: "''")
        try configure(["primary_conninfo = '\(text)'"])
    }
}

// MARK: - The operating system

extension ThrowawayPostgres {
    /// Its postmaster and that one's children.
    func processes() throws -> [pid_t] {
        let postmaster = try #require(postmasterPID)
        let children = try String(
            contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children", encoding: .utf8)
        return [postmaster] + children.split(separator: " ").compactMap { pid_t($0) }
    }

    /// Stops every process of the server, as a frozen machine does; `with` ends them all the same.
    func freeze() throws {
        for pid in try processes() { #expect(Glibc.kill(pid, SIGSTOP) == 0) }
    }
}

// MARK: - Files

extension ThrowawayPostgres {
    /// What pg_controldata says of its data directory, by name.
    func control() async throws -> [String: String] {
        let finished = try await run("pg_controldata", [dataDirectory])
        #expect(finished.status == 0, "\(finished.output)")
        var values: [String: String] = [:]
        for line in finished.output.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[String(line[..<colon])] = line[line.index(after: colon)...]
                .trimmingCharacters(in: .whitespaces)
        }
        return values
    }

    /// A file in its data directory.
    nonisolated func path(_ file: String) -> String { "\(dataDirectory)/\(file)" }

    nonisolated func has(_ file: String) -> Bool { access(path(file), F_OK) == 0 }

    /// Writes a file in its data directory anew, beside and over it.
    func write(_ lines: [String], to file: String) throws {
        try touch("\(file).new")
        let text = lines.map { $0 + "\n" }.joined()
        let handle = try FileHandle(forWritingTo: URL(filePath: path("\(file).new")))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.synchronize()
        try handle.close()
        #expect(rename(path("\(file).new"), path(file)) == 0)
    }
}
