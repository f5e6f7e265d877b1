public import PostgresClient
import Synchronization

// Servers made by copying files and not by initdb and pg_basebackup: many small clusters of several
// versions, in little time.
extension ThrowawayPostgres {
    /// A cold copy of what initdb made, kept as long as this process lives.
    private struct Template {
        let root: ThrowawayPostgresRoot
        let dataDirectory: String
    }

    private static let templates = Mutex<[String: Task<Template, any Error>]>([:])

    private static func template(_ binDirectory: String) async throws -> Template {
        let making = templates.withLock { templates in
            if let making = templates[binDirectory] { return making }
            let making = Task {
                let root = try ThrowawayPostgresRoot()
                let dataDirectory = "\(root.path)/template"
                try await initdb(dataDirectory, binDirectory, root)
                return Template(root: root, dataDirectory: dataDirectory)
            }
            templates[binDirectory] = making
            return making
        }
        return try await making.value
    }

    static func initdb(
        _ dataDirectory: String, _ binDirectory: String, _ root: ThrowawayPostgresRoot
    ) async throws {
        try await root.run([
            "\(binDirectory)/initdb", "--pgdata", dataDirectory, "--data-checksums", "--no-sync",
            "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8",
        ])
    }

    func copyTemplate() async throws {
        let template = try await ThrowawayPostgres.template(binDirectory)
        try await root.run(["cp", "-a", template.dataDirectory, dataDirectory])
    }

    /// Where a standby of this name finds this server.
    public nonisolated func upstream(for name: String) -> Conninfo {
        Conninfo()
            .with("host", socketDirectory).with("port", String(port)).with("user", "postgres")
            .with("application_name", name)
    }

    /// One more server of this version beside this one; it lives and goes with it.
    public func neighbour(
        _ name: String, _ options: Options = Options()
    ) async throws -> ThrowawayPostgres {
        var options = options
        options.binDirectory = binDirectory
        let server = try ThrowawayPostgres(
            name: name, root: root, binDirectory: binDirectory, isInMemory: options.isCopy)
        try await server.create(options)
        return server
    }

    /// A standby of this server, which is a copy too and has kept all its WAL.
    public func copiedStandby(
        _ name: String, settings: [String] = [], starts: Bool = true
    ) async throws -> ThrowawayPostgres {
        var options = Options(
            settings: ["primary_conninfo = '\(upstream(for: name).text.doubledQuotes)'"] + settings)
        options.isCopy = true
        options.isStarted = false
        let standby = try await neighbour(name, options)
        try await standby.touch("standby.signal")
        if starts { try await standby.start() }
        return standby
    }
}

// MARK: - Programs

extension ThrowawayPostgres {
    /// How a program ended, and what it said on both streams.
    public struct Finished: Sendable {
        /// Its exit status; nil when a signal or the deadline ended it.
        public let status: Int32?
        public let output: String
    }

    /// Runs one of this version's programs to its end, as the user of the server.
    public func run(_ program: String, _ arguments: [String]) async throws -> Finished {
        let path = program.hasPrefix("/") ? program : "\(binDirectory)/\(program)"
        let (status, output) = try await root.finish([path] + arguments)
        // The low byte of a wait status names a signal.
        let isExit = status.map { $0 & 0x7F == 0 } ?? false
        return Finished(status: isExit ? status.map { $0 >> 8 & 0xFF } : nil, output: output)
    }
}

extension String {
    /// As it stands between quotes in a configuration file.
    fileprivate var doubledQuotes: String { replacing("'", with: "''") }
}
