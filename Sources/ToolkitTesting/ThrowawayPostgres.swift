import Execution
import Foundation
import Glibc
public import PostgresClient
import Reactor

/// A real, private PostgreSQL server: own folder below /tmp, own port on 127.0.0.1, gone at the end
/// of `with`, also when the test fails, is cancelled or dies.
///
///     try await ThrowawayPostgres.with { primary in
///         try await primary.query("create table t (x int)")
///         let standby = try await primary.standby()
///         await primary.kill(SIGKILL)
///     }
///
/// As root it runs as the user postgres. Everyone may connect as anyone, unless `hba` says otherwise.
public actor ThrowawayPostgres {
    public struct Options: Sendable {
        /// Lines of postgresql.conf, after and over ours.
        public var settings: [String]
        /// The whole pg_hba.conf; nil trusts everyone.
        public var hba: [String]?
        /// Tests that pull no plug need no fsync.
        public var isFsyncOn = false
        public var isStarted = true
        /// Whose programs make and run it and its standbys.
        public var binDirectory = ThrowawayPostgres.binDirectory
        /// Copied from one cluster that initdb made, into memory, which takes a tenth of the time.
        /// All copies have one system identifier, so that one can be a standby of another.
        public var isCopy = false

        public init(settings: [String] = [], hba: [String]? = nil) {
            self.settings = settings
            self.hba = hba
        }
    }

    public enum StopMode: Sendable {
        case smart, fast, immediate

        fileprivate var signal: Int32 {
            switch self {
            case .smart: SIGTERM
            case .fast: SIGINT
            case .immediate: SIGQUIT
            }
        }
    }

    public nonisolated let name: String
    public nonisolated let port: Int
    public nonisolated let dataDirectory: String
    /// Where `.s.PGSQL.<port>` lies: a `host` for libpq.
    public nonisolated let socketDirectory: String
    public nonisolated let logFile: String
    public nonisolated let binDirectory: String

    let root: ThrowawayPostgresRoot
    private var postmaster: ChildProcess?

    /// Where initdb and its neighbours are, by default: the newest version that is installed.
    public static let binDirectory: String = {
        let folders = (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        return folders.first { access("\($0)/postgres", X_OK) == 0 } ?? "/usr/bin"
    }()

    /// Makes and starts a server, hands it to `body`, and removes it and its standbys.
    public static func with<Result>(
        _ options: Options = Options(), isolation: isolated (any Actor)? = #isolation,
        _ body: (ThrowawayPostgres) async throws -> Result
    ) async throws -> Result {
        let root = try ThrowawayPostgresRoot()
        do {
            let server = try ThrowawayPostgres(
                name: "primary", root: root, binDirectory: options.binDirectory,
                isInMemory: options.isCopy)
            try await server.create(options)
            let result = try await body(server)
            await root.remove()
            return result
        } catch {
            await root.remove()
            throw error
        }
    }

    /// One server for the whole test process, for tests that need SQL and break nothing; it goes when
    /// the process ends.
    public static func shared() async throws -> ThrowawayPostgres {
        try await sharedServer.value
    }

    private static let sharedServer = Task {
        let server = try ThrowawayPostgres(
            name: "shared", root: ThrowawayPostgresRoot(), binDirectory: binDirectory)
        try await server.create(Options())
        return server
    }

    init(
        name: String, root: ThrowawayPostgresRoot, binDirectory: String, isInMemory: Bool = false
    ) throws {
        self.name = name
        self.root = root
        self.binDirectory = binDirectory
        guard let unused = LoopbackPort.unused() else {
            throw ThrowawayPostgresError("no free port on 127.0.0.1")
        }
        port = Int(unused)
        dataDirectory = "\(isInMemory ? try root.folderInMemory() : root.path)/\(name)"
        socketDirectory = root.path
        logFile = "\(root.path)/\(name).log"
    }

    /// Over TCP on 127.0.0.1, as the superuser.
    public nonisolated var conninfo: Conninfo {
        Conninfo(host: "127.0.0.1", port: port, user: "postgres", database: "postgres")
    }

    public var isRunning: Bool { postmaster?.isRunning ?? false }
    public var postmasterPID: Int32? { isRunning ? postmaster?.pid : nil }

    /// The server's log so far.
    public nonisolated var log: String {
        (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
    }

    // MARK: Life

    /// Starts the server; returns when it accepts connections, or at once with `waits: false`.
    public func start(waits: Bool = true, timeout: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + timeout
        while !isRunning {
            let logged = log.utf8.count
            postmaster = try ChildProcess(
                ThrowawayPostgresRoot.asServerUser([
                    "\(binDirectory)/postgres", "-D", dataDirectory,
                ]), in: root.path, output: logFile)
            guard waits else { return }
            while isRunning, ContinuousClock.now < deadline {
                if try await isReady() { return }
                try await Task.sleep(for: .milliseconds(20))
            }
            let said = String(decoding: log.utf8.dropFirst(logged), as: UTF8.self)
            // The processes of a killed postmaster take a moment to end.
            let isTransient =
                said.contains("is still in use") || said.contains("already exists")
            guard !isRunning, isTransient, ContinuousClock.now < deadline else {
                throw ThrowawayPostgresError("\(name) does not accept connections: \(said)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Asks the postmaster to stop and waits until it has.
    public func stop(_ mode: StopMode = .fast, timeout: Duration = .seconds(60)) async throws {
        guard let postmaster, postmaster.isRunning else { return }
        postmaster.signal(mode.signal)
        guard await postmaster.ended(before: .now + timeout) != nil else {
            throw ThrowawayPostgresError("\(name) does not stop")
        }
    }

    public func restart(_ mode: StopMode = .fast) async throws {
        try await stop(mode)
        try await start()
    }

    /// Sends the postmaster a signal; after SIGKILL, waits until it is gone.
    public func kill(_ signal: Int32) async {
        postmaster?.signal(signal)
        if signal == SIGKILL { _ = await postmaster?.ended(before: .now + .seconds(10)) }
    }

    public func reload() {
        postmaster?.signal(SIGHUP)
    }

    // MARK: Configuration

    /// Adds lines to postgresql.conf; the last of several wins. Takes effect by `reload` or `restart`.
    public func configure(_ settings: [String]) throws {
        try append(settings, to: "postgresql.conf")
    }

    /// Writes pg_hba.conf anew.
    public func setHBA(_ lines: [String]) throws {
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(
            to: URL(fileURLWithPath: "\(dataDirectory)/pg_hba.conf"))
    }

    /// Leaves an empty `standby.signal` or the like in the data directory.
    public func touch(_ file: String) throws {
        try append([], to: file)
    }

    func append(_ lines: [String], to file: String) throws {
        let path = "\(dataDirectory)/\(file)"
        guard let stream = fopen(path, "a") else {
            throw ThrowawayPostgresError("cannot write \(path)")
        }
        fputs(lines.map { $0 + "\n" }.joined(), stream)
        fclose(stream)
        try ThrowawayPostgresRoot.giveToServerUser(path)
    }

    // MARK: Making

    func create(_ options: Options) async throws {
        if options.isCopy {
            try await copyTemplate()
        } else {
            try await ThrowawayPostgres.initdb(dataDirectory, binDirectory, root)
        }
        try configure(
            [
                "listen_addresses = '127.0.0.1'",
                "unix_socket_directories = '\(socketDirectory)'",
                "port = \(port)",
                "cluster_name = '\(name)'",
                "fsync = \(options.isFsyncOn ? "on" : "off")",
                "shared_buffers = 16MB",
                "max_wal_size = 256MB",
                "autovacuum = off",
                // In the data directory, where it goes with it when the postmaster is killed.
                "dynamic_shared_memory_type = mmap",
            ] + options.settings)
        if let hba = options.hba { try setHBA(hba) }
        if options.isStarted { try await start() }
    }

    /// A streaming standby of this server, made by pg_basebackup; it lives and goes with it.
    public func standby(
        name: String = "standby", settings: [String] = [], starts: Bool = true
    ) async throws -> ThrowawayPostgres {
        let standby = try ThrowawayPostgres(name: name, root: root, binDirectory: binDirectory)
        let upstream = upstream(for: name)
        try await root.run([
            "\(binDirectory)/pg_basebackup", "--pgdata", standby.dataDirectory,
            "--dbname", upstream.text, "--checkpoint=fast", "--no-sync",
            "--write-recovery-conf",
        ])
        try await standby.configure(
            ["port = \(standby.port)", "cluster_name = '\(name)'"] + settings)
        if starts { try await standby.start() }
        return standby
    }
}

// MARK: - Asking

extension ThrowawayPostgres {
    /// Runs one statement as the superuser, on a connection of its own.
    @discardableResult
    public func query(
        _ sql: String, _ parameters: [String?] = [], timeout: Duration = .seconds(30)
    ) async throws -> Rows {
        let connection = try await Connection.open(conninfo, timeout: timeout)
        let rows = try await connection.query(sql, parameters, timeout: timeout)
        await connection.close()
        return rows
    }

    /// The first column of the first row.
    public func value(_ sql: String, timeout: Duration = .seconds(30)) async throws -> String? {
        try await query(sql, timeout: timeout).values.first?.first ?? nil
    }

    /// Asks again and again until the first value is true; errors count as not yet.
    public func wait(until sql: String, timeout: Duration = .seconds(30)) async throws {
        let deadline = ContinuousClock.now + timeout
        var last = "nothing"
        while ContinuousClock.now < deadline {
            do {
                last = try await value(sql) ?? "null"
                if last == "t" { return }
            } catch let error as PostgresError {
                last = error.description
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw ThrowawayPostgresError("\(name): `\(sql)` is not true in time, but: \(last)")
    }

    private func isReady() async throws -> Bool {
        do {
            let connection = try await Connection.open(
                conninfo.with("host", socketDirectory), timeout: .seconds(5))
            await connection.close()
            return true
        } catch {
            // A server that refuses this user has come up, too.
            return error.code == .authentication
        }
    }
}
