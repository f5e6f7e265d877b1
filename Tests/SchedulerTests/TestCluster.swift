import ClusterFile
import Deployment
import Execution
import FailoverCore
import Foundation
import Glibc
import Hooks
import PostgresClient
import Rendering
import Scheduler
import Store
import Synchronization
import Testing

@testable import ToolkitTesting

/// Real nodes on this machine, laid out as a deployment leaves them: the first one initialised and
/// locked, the others empty. Everything lies in one folder below /tmp and goes with `with`.
final class TestCluster: Sendable {
    let root: String
    let settings: ClusterSettings
    let runner = BreakableRunner()
    private let folder: ThrowawayPostgresRoot

    static let share = ShareFolder(
        path: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path)

    /// Hands the nodes to `body`; `number` of them, `node1` running. `extras` are lines of the
    /// file for single nodes, by their number.
    static func with(
        _ number: Int = 3, yaml: String = "", extras: [Int: String] = [:],
        _ body: (TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster(number, yaml: yaml, extras: extras)
        do {
            try await cluster.initialise()
            try await body(cluster)
        } catch {
            await cluster.folder.remove()
            throw error
        }
        await cluster.folder.remove()
    }

    private init(_ number: Int, yaml: String, extras: [Int: String]) throws {
        folder = try ThrowawayPostgresRoot()
        let root = folder.path
        self.root = root
        let nodes = try (1...number).map { index in
            """
              - name: node\(index)
                host: 127.0.0.1
                port: \(try #require(LoopbackPort.unused()))
                data_dir: \(root)/node\(index)/data
                socket_dir: \(root)
                \(extras[index] ?? "")
            """
        }
        let text = """
            cluster: test
            lab: true
            execution: local
            postgresql:
              version: 15
              bin_dir: /usr/lib/postgresql/15/bin
              authentication: trust
              hba: ["host all all 127.0.0.1/32 trust"]
              parameters:
                shared_buffers: 16MB
                max_connections: 50
                dynamic_shared_memory_type: mmap
            scheduler: { address: 127.0.0.1, directory: \(root) }
            config_dir: \(root)/etc
            state_dir: \(root)/lib
            runtime_dir: \(root)/run
            \(yaml)
            nodes:
            \(nodes.joined(separator: "\n"))
            """
        settings = try ClusterFile.parse(text, baseDirectory: root).settings
        try Data(text.utf8).write(to: URL(fileURLWithPath: root + "/cluster.yaml"))
    }

    // MARK: Making

    private func initialise() async throws {
        let programs = NodePrograms(settings: settings, sharedHooks: Self.share.hooks)
        let renderer = Renderer(
            settings: settings, templates: TemplateFolder(own: nil, shipped: Self.share.templates))
        for node in settings.nodes {
            try await sh(
                "mkdir", "-p", node.configDirectory, node.stateDirectory, node.runtimeDirectory,
                root + "/" + node.id.rawValue)
            try await programs.install(on: node, via: runner)
            for file in try renderer.files(for: node.id) {
                try await runner.upload(
                    Array(file.contents.utf8), to: file.path, mode: UInt32(file.mode),
                    timeout: .seconds(5))
            }
            let applied = await NodeApply().apply(
                NodeRequest(
                    stamp: Stamp(term: Term(0), step: Revision(0)),
                    nodeConf: try NodeFiles.nodeConf(
                        stamp: Stamp(term: Term(0), step: Revision(0)), upstream: nil,
                        postgresMajor: 15),
                    opening: .removed), on: node, via: runner)
            guard case .applied = applied else { throw TestClusterError("\(applied)") }
        }
        let first = settings.nodes[0]
        try await sh(
            "/usr/lib/postgresql/15/bin/initdb", "--pgdata", first.dataDirectory, "--auth=trust",
            "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        try await start(first.id)
        try await makeRoles(first)
    }

    private func makeRoles(_ node: NodeSettings) async throws {
        let statements =
            try Roles.creation(settings.postgresql, verifiers: [:])
            + Roles.grants(settings.postgresql) + ["CREATE TABLE t (id bigint PRIMARY KEY)"]
        try await onNode(node.id) { session in
            for statement in statements {
                try await session.query(statement, timeout: .seconds(10))
            }
        }
    }

    /// The state that a deployment stores first.
    func firstState() async throws -> Cluster {
        let first = settings.nodes[0].id
        var identifier = ""
        try await onNode(first) { session in
            identifier =
                try await session.query(
                    "SELECT system_identifier FROM pg_control_system()", timeout: .seconds(5)
                ).single().values[0] ?? ""
        }
        let timeline = TimelineID(1)
        return Cluster(
            name: settings.cluster, systemIdentifier: identifier,
            members: settings.nodes.map { Member(id: $0.id) },
            lineage: [
                LineageEntry(
                    timeline: timeline, begin: .zero, term: Term(0), node: first,
                    history: TimelineHistory(timeline: timeline))
            ])
    }

    // MARK: Acting on nodes

    func node(_ id: NodeID) -> NodeSettings {
        guard let node = settings.node(id) else { preconditionFailure("no \(id)") }
        return node
    }

    var runners: Runners {
        let runner = self.runner
        return Runners(runner: { _ in runner }, local: runner)
    }

    func scheduler(_ store: any ClusterStore, _ cluster: Cluster) -> Scheduler {
        Scheduler(
            settings: settings, store: store, cluster: cluster, runners: runners,
            sharedHooks: Self.share.hooks)
    }

    func start(_ id: NodeID) async throws {
        let node = node(id)
        try await sh(
            "/usr/lib/postgresql/15/bin/pg_ctl", "start", "-D", node.dataDirectory, "-w", "-t",
            "30",
            "-l", node.stateDirectory + "/postgres.log",
            "-o", "-c config_file=\(node.configDirectory)/postgresql.conf")
    }

    /// The servers' processes of one kind, as `pg_stat_activity` names it.
    func processes(_ kind: String, on id: NodeID) async throws -> [Int32] {
        var found: [Int32] = []
        try await onNode(id) { session in
            let rows = try await session.query(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = $1", [kind],
                timeout: .seconds(10))
            found = rows.values.compactMap { $0[0].flatMap { Int32($0) } }
        }
        return found
    }

    func postmaster(_ id: NodeID) -> Int32? {
        let text = try? String(
            contentsOfFile: node(id).dataDirectory + "/postmaster.pid", encoding: .utf8)
        return text?.split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// As the superuser, neither read-only nor waiting for standbys.
    func onNode(
        _ id: NodeID, _ body: (Connection) async throws -> Void
    ) async throws {
        let node = node(id)
        var conninfo = Conninfo(
            host: node.host, port: node.port, user: "postgres", database: "postgres")
        conninfo["options"] = "-c default_transaction_read_only=off -c synchronous_commit=local"
        let session = try await Connection.open(conninfo, timeout: .seconds(10))
        do {
            try await body(session)
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    func value(_ sql: String, on id: NodeID) async throws -> String? {
        var value: String?
        try await onNode(id) { value = try await $0.query(sql, timeout: .seconds(10)).values[0][0] }
        return value
    }

    @discardableResult
    func sh(_ arguments: String...) async throws -> String {
        let result = try await runner.run(Command(arguments, timeout: .seconds(60)))
        guard result.isSuccess else {
            throw TestClusterError(
                "\(arguments[0]): \(result.ending) \(result.output) \(result.errorOutput)")
        }
        return result.output
    }
}

struct TestClusterError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs commands as the user that PostgreSQL may run as, until it breaks down.
final class BreakableRunner: CommandRunner {
    private let sound = ServerUserRunner()
    private let fault = Mutex<Fault?>(nil)

    /// Why nothing can be started.
    enum Fault: CaseIterable {
        /// sshd is down: known at once.
        case refused
        /// Packets vanish: known after the time that connecting may take.
        case silent
    }

    func breakDown(_ fault: Fault = .refused) { self.fault.withLock { $0 = fault } }
    func repair() { fault.withLock { $0 = nil } }

    var place: String { "localhost" }

    private func connect() async throws(ExecutionError) {
        guard let fault = fault.withLock({ $0 }) else { return }
        if fault == .silent { try? await Task.sleep(for: .seconds(5)) }
        throw ExecutionError(
            fault == .silent ? .timedOut : .refused, "cannot connect",
            because: "sshd is down", next: "start it")
    }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        try await connect()
        return try await sound.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try await connect()
        try await sound.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async {}
}
