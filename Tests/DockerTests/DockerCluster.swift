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

/// A cluster whose nodes are containers of this machine, each with a port and a volume of its own and
/// with the same data directory. Run by the built `toolkit` as the server's user, who may use Docker.
final class DockerCluster: Sendable {
    let engine: DockerEngine
    let root: String
    let settings: ClusterSettings
    let runner: ServerUserRunner
    let daemon = Mutex<ChildProcess?>(nil)
    private let folder: ThrowawayPostgresRoot

    static func with(
        nodes: Int, _ body: (DockerCluster) async throws -> Void
    ) async throws {
        let cluster = try await DockerCluster(nodes: nodes)
        do {
            try await body(cluster)
        } catch {
            await cluster.remove()
            throw error
        }
        await cluster.remove()
    }

    private init(nodes: Int) async throws {
        engine = try #require(DockerEngine.current)
        folder = try ThrowawayPostgresRoot()
        root = folder.path
        runner = ServerUserRunner(home: engine.folder)
        // open.conf must be lost with the machine: a tmpfs, as /run is on a real one.
        let memory = "/dev/shm/\((root as NSString).lastPathComponent)"
        let ports = try (0..<nodes).map { _ in try ThrowawaySSHD.freePort() }
        let text = """
            cluster: \((root as NSString).lastPathComponent.lowercased().replacing("-", with: "_"))
            execution: local
            postgresql:
              version: 15
              parameters: { shared_buffers: 32MB, max_connections: 50, checkpoint_timeout: 30min }
              hba: [ "host postgres app 127.0.0.1/32 scram-sha-256" ]
            scheduler: { directory: \(root)/sched }
            ssh: { user: postgres }
            config_dir: \(root)/etc
            state_dir: \(root)/state
            runtime_dir: \(memory)
            nodes:
            \(ports.enumerated().map { index, port in
                "  - { name: node\(index + 1), host: 127.0.0.1, port: \(port), runtime: docker, "
                    + "docker: { image: \(DockerEngine.image) } }"
            }.joined(separator: "\n"))

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
}
