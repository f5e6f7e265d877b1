import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Hooks
import PostgresClient
import Rendering
import Scheduler
import Synchronization
import Testing

@testable import Demo
@testable import ToolkitTesting

/// A cluster with containers of one machine, each with a port and a volume of its own and with the
/// same data directory. Run by the built `toolkit` as the server's user, who may use Docker.
final class DockerCluster: Sendable {
    let engine: DockerEngine
    let root: String
    let settings: ClusterSettings
    let runner: ServerUserRunner
    let daemon = Mutex<ChildProcess?>(nil)
    private let folder: ThrowawayPostgresRoot

    enum Layout {
        /// So many containers on the machine's own network.
        case onHostNetwork(Int)
        /// Two containers whose ports are published, and PostgreSQL on another machine, never promoted.
        case published
    }

    static func with(
        _ layout: Layout, _ body: (DockerCluster) async throws -> Void
    ) async throws {
        let cluster = try await DockerCluster(layout)
        do {
            try await body(cluster)
        } catch {
            await cluster.remove()
            throw error
        }
        await cluster.remove()
    }

    private init(_ layout: Layout) async throws {
        engine = try #require(DockerEngine.current)
        folder = try ThrowawayPostgresRoot()
        root = folder.path
        runner = ServerUserRunner(home: engine.folder)
        // open.conf must be lost with the machine: a tmpfs, as /run is on a real one.
        let memory = "/dev/shm/\((root as NSString).lastPathComponent)"
        let text = """
            cluster: \((root as NSString).lastPathComponent.lowercased().replacing("-", with: "_"))
            execution: local
            postgresql:
              version: 15
              parameters: { shared_buffers: 32MB, max_connections: 50, checkpoint_timeout: 30min }
              hba: [ "host postgres app \(engine.outside)/32 scram-sha-256" ]
            scheduler: { directory: \(root)/sched, address: \(engine.outside) }
            ssh: { user: postgres }
            config_dir: \(root)/etc
            state_dir: \(root)/state
            runtime_dir: \(memory)
            nodes:
            \(try Self.nodes(layout, on: engine, root: root, memory: memory).joined(separator: "\n"))

            """
        settings = try ClusterFile.parse(text, baseDirectory: root).settings
        try text.write(toFile: root + "/cluster.yaml", atomically: true, encoding: .utf8)
        mkdir(memory, 0o700)
        try ThrowawayPostgresRoot.giveToServerUser(memory)
        // The server's user may not be able to read the checkout.
        for name in ["hooks", "templates"] {
            try FileManager.default.createDirectory(
                atPath: root + "/share", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: "\(DockerEngine.checkout)/\(name)", toPath: "\(root)/share/\(name)")
        }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("toolkit").path
        try FileManager.default.copyItem(atPath: program, toPath: root + "/toolkit")
        let local = LocalRunner()
        _ = try await local.run(
            Command(["chown", "-R", "postgres", root + "/share"], timeout: .seconds(10)))
    }

    private static func nodes(
        _ layout: Layout, on engine: DockerEngine, root: String, memory: String
    ) throws -> [String] {
        func container(_ number: Int, on network: String) -> String {
            "  - { name: node\(number), host: \(engine.address), port: \(5431 + number), "
                + "runtime: docker, docker: { image: \(DockerEngine.image), network: \(network) } }"
        }
        switch layout {
        case .onHostNetwork(let count): return (1...count).map { container($0, on: "host") }
        case .published:
            let native =
                "  - { name: node3, host: \(engine.outside), port: \(try ThrowawaySSHD.freePort()), "
                + "priority: 0, data_dir: \(root)/data/node3, socket_dir: \(memory) }"
            return (1...2).map { container($0, on: DockerEngine.network) } + [native]
        }
    }

    private func remove() async {
        for docker in settings.nodes.compactMap(\.docker) {
            for name in [docker.container, docker.container + ".work"] {
                _ = try? await engine.docker("rm", "--force", "--volumes", name, succeeds: false)
            }
            _ = try? await engine.docker("volume", "rm", docker.volume, succeeds: false)
        }
        await folder.remove()
    }

    // MARK: - The program

    /// The command line of `toolkit`, as the server's user, whose home names the daemon.
    func command(_ arguments: [String], home: String? = nil) -> [String] {
        ThrowawayPostgresRoot.asServerUser(
            [
                "/usr/bin/env", "-C", root, "HOME=\(home ?? engine.folder)",
                "TOOLKIT_SHARE=\(root)/share",
                root + "/toolkit",
            ] + arguments)
    }

    func toolkit(
        _ arguments: String..., home: String? = nil, succeeds: Bool = true
    ) async throws -> String {
        let result = try await LocalRunner().run(
            Command(
                command(arguments, home: home), timeout: .seconds(180), outputLimitBytes: 8 << 20))
        let said = result.output + result.errorOutput
        if succeeds { try #require(result.ending == .exited(0), "\(arguments): \(said)") }
        return said
    }

    func state() async -> ClusterView? { try? await SchedulerClient(settings).state() }

    // MARK: - The nodes

    func node(_ id: NodeID) throws -> NodeSettings { try #require(settings.node(id)) }

    func container(_ id: NodeID) throws -> String { try #require(node(id).docker?.container) }

    /// `running`, `exited` …
    func status(_ id: NodeID) async throws -> String {
        let answer = try await engine.docker(
            "inspect", "--format", "{{.State.Status}}", try container(id))
        return answer.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// As the owner of the server, over the socket in its container.
    @discardableResult
    func sql(_ statements: String, on id: NodeID) async throws -> String {
        let node = try node(id)
        let result = try await engine.docker(
            "exec", try container(id), "\(DockerEngine.bin)/psql", "-X", "-A", "-t", "-q",
            "-v", "ON_ERROR_STOP=1", "-h", node.socketDirectory, "-p", String(node.port),
            "-U", "postgres", "-d", "postgres", "-c", statements)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func streams(_ standby: NodeID, from primary: NodeID) async throws {
        try await until("\(standby) streams from \(primary)") {
            try await self.sql(
                "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND "
                    + "application_name LIKE '\(standby)\\_%'", on: primary) == "1"
        }
    }

    /// From which address a primary's standbys and the scheduler come to it.
    func clients(of primary: NodeID) async throws -> [String: String] {
        let rows = try await sql(
            """
            SELECT DISTINCT CASE usename WHEN 'toolkit' THEN 'toolkit' ELSE
            substring(application_name FROM 'node[0-9]') END, host(client_addr)
            FROM pg_stat_activity WHERE backend_type = 'walsender' OR usename = 'toolkit'
            """, on: primary)
        let pairs = rows.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
        return Dictionary(pairs.map { ($0[0], $0[1]) }) { "\($0) and \($1)" }
    }

    /// From which address a container, with its own password file, is let in by PostgreSQL outside.
    func addressAtNode3(of id: NodeID) async throws -> String {
        let (node, other) = (try node(id), try node("node3"))
        let result = try await engine.docker(
            "exec", "--env", "PGPASSFILE=\(node.stateDirectory)/pgpass", try container(id),
            "\(DockerEngine.bin)/psql", "-X", "-A", "-t", "-h", other.host,
            "-p", String(other.port), "-U", settings.postgresql.replicationRole, "-d", "postgres",
            "-c", "SELECT host(inet_client_addr())")
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
