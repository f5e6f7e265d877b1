import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Quotation
import Rendering

/// A real PostgreSQL that runs with the files of one rendered node; gone with `remove()`.
///
/// Its folder's name is as hostile as a path may be.
struct RenderedServer {
    var settings: ClusterSettings
    let folder: String
    /// Who PostgreSQL runs as: it refuses to run as root.
    static let owner = getuid() == 0 ? "postgres" : NSUserName()

    var node: NodeSettings { settings.nodes[0] }
    var configFile: String { node.configDirectory + "/postgresql.conf" }

    /// One node on loopback; `adjust` changes the settings before anything is written.
    static func start(
        adjust: (inout ClusterSettings) -> Void
    ) async throws -> RenderedServer {
        var template = Array("/tmp/tkr.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure("no folder in /tmp") }
        let root = String(cString: made)
        let folder = root + #"/it's a, "b\c" $(id);%p{{ü}} #"#
        var settings = ClusterSettings.shop(hosts: ["127.0.0.1"])
        guard let port = LoopbackPort.unused() else { throw Failure("no free port") }
        settings.nodes[0].port = Int(port)
        settings.nodes[0].sshUser = owner
        settings.nodes[0].dataDirectory = folder + "/data"
        // Without a comma: libpq would read two hosts.
        settings.nodes[0].socketDirectory = root + #"/s "k'\$(id);%p"#
        settings.nodes[0].configDirectory = folder + "/config"
        settings.nodes[0].stateDirectory = folder + "/state"
        settings.nodes[0].runtimeDirectory = folder + "/run"
        adjust(&settings)
        let server = RenderedServer(settings: settings, folder: root)
        do {
            try await server.makeFiles()
            try await server.start()
        } catch {
            await server.remove()
            throw error
        }
        return server
    }

    func remove() async {
        _ = try? await run("pg_ctl", "stop", "-m", "immediate", "-w")
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// One value from a session of the superuser, through the socket and the map of pg_ident.conf.
    func value(_ sql: String) async throws -> String {
        try await psql("user=postgres dbname=postgres", sql)
    }

    func rows<Row: Decodable>(_ type: Row.Type, _ sql: String) async throws -> [Row] {
        let json = try await value("select coalesce(json_agg(r), '[]') from (\(sql)) r")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Row].self, from: Data(json.utf8))
    }

    func psql(_ conninfo: String, _ sql: String, host: String? = nil) async throws -> String {
        let output = try await run(
            "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d",
            host.map { _ in conninfo }
                ?? conninfo + " port=\(node.port) host="
                + Quoting.conninfoValue(node.socketDirectory))
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    func write(_ contents: String, to path: String, mode: Int = 0o600) async throws {
        try Data(contents.utf8).write(to: URL(fileURLWithPath: path))
        guard chmod(path, mode_t(mode)) == 0 else { throw Failure("chmod \(path)") }
        try giveAway(path)
    }

    func render() async throws {
        let renderer = Renderer(settings: settings, templates: Checkout.templates)
        for file in try renderer.files(for: node.id) {
            try await write(file.contents, to: file.path, mode: file.mode)
        }
    }

    func reload() async throws { _ = try await value("select pg_reload_conf()") }

    /// Runs one of PostgreSQL's programs as its owner; throws what it wrote when it fails.
    func run(_ program: String, _ arguments: String...) async throws -> String {
        try await Programs.run(
            asOwner([program] + arguments), in: folder, dataDirectory: node.dataDirectory)
    }

    private func asOwner(_ command: [String]) -> [String] {
        let command = [settings.postgresql.binDirectory + "/" + command[0]] + command.dropFirst()
        let owner = [
            "/usr/bin/setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups",
        ]
        return getuid() == 0 ? owner + command : command
    }

    private func makeFiles() async throws {
        try giveAway(folder)
        for path in [
            node.socketDirectory, node.configDirectory, node.stateDirectory, node.runtimeDirectory,
        ] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            try giveAway(path)
        }
        try giveAway(URL(fileURLWithPath: node.dataDirectory).deletingLastPathComponent().path)
        _ = try await run(
            "initdb", "-U", "postgres", "-N", "--auth", "reject",
            "--locale", "C.UTF-8")
        try await render()
        try await write(
            NodeFiles.nodeConf(
                stamp: Stamp(term: Term(1), step: Revision(2)), upstream: nil,
                postgresMajor: settings.postgresql.version),
            to: NodeFiles.nodePath(of: node))
    }

    private func start() async throws {
        let log = node.stateDirectory + "/log"
        try await Programs.start(
            asOwner(["postgres", "-c", "config_file=" + configFile]), in: folder,
            dataDirectory: node.dataDirectory, log: log)
        let deadline = ContinuousClock.now + .seconds(30)
        while (try? await value("select 1")) != "1" {
            guard ContinuousClock.now < deadline else {
                let written = try String(contentsOfFile: log, encoding: .utf8)
                throw Failure("no session on the server, whose log is:\n" + written)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func giveAway(_ path: String) throws {
        guard getuid() == 0, let owner = getpwnam(Self.owner) else { return }
        guard chown(path, owner.pointee.pw_uid, owner.pointee.pw_gid) == 0 else {
            throw Failure("chown \(path)")
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

/// Programs, without holding a thread while they run.
enum Programs {
    /// Runs to the end, for 60 seconds at most.
    static func run(
        _ command: [String], in folder: String, dataDirectory: String
    ) async throws -> String {
        let result = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-c", #"cd "$0" && exec "$@" 2>&1"#, folder] + command,
                environment: ["PGDATA": dataDirectory, "PGCLIENTENCODING": "UTF8"],
                timeout: .seconds(60), outputLimitBytes: 16 * 1024 * 1024))
        guard result.isSuccess else {
            throw RenderedServer.Failure(
                "\(command.joined(separator: " ")): \(result.ending): \(result.output)")
        }
        return result.output
    }

    /// Starts a server; its end is the caller's.
    static func start(
        _ command: [String], in folder: String, dataDirectory: String, log: String
    ) async throws {
        let script = #"cd "$0" && log=$1 && shift && setsid "$@" </dev/null >"$log" 2>&1 &"#
        _ = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-c", script, folder, log] + command,
                environment: ["PGDATA": dataDirectory], timeout: .seconds(20)))
    }
}
