import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// A cluster that is run as an operator runs it: three real nodes, and the built `toolkit` as
/// processes of its own. Everything lies in one folder below /tmp and goes with `with`.
final class ProcessCluster: Sendable {
    let layout: DemoCluster
    let writers: DemoWriters
    private let folder: ThrowawayPostgresRoot
    private let local = LocalRunner()

    var root: String { layout.root }
    var settings: ClusterSettings { layout.settings }
    var client: SchedulerClient { SchedulerClient(settings) }

    /// Hands a laid-out cluster to `body`; nothing of it is deployed yet.
    static func with(_ body: (ProcessCluster) async throws -> Void) async throws {
        let cluster = try await ProcessCluster()
        do {
            try await body(cluster)
        } catch {
            await cluster.tell()
            await cluster.remove()
            throw error
        }
        await cluster.remove()
    }

    /// All that says why it failed: it goes with the folder.
    private func tell() async {
        print("=== daemon.log\n\(end(of: "daemon.log"))")
        for node in settings.nodes {
            let log = node.stateDirectory.dropFirst(root.count + 1) + "/postgres.log"
            let seen = try? await sql(
                """
                \\x on
                SELECT now(), * FROM pg_stat_replication; SELECT * FROM pg_replication_slots;
                SELECT * FROM pg_stat_wal_receiver
                """, on: node.id)
            print("=== \(node.id)\n\(end(of: String(log)))\n\(seen ?? "it does not answer")")
        }
    }

    private init() async throws {
        folder = try ThrowawayPostgresRoot()
        let user = ThrowawayPostgresRoot.serverUser == nil ? DemoUser.current : "postgres"
        layout = try await DemoCluster(root: folder.path, isLocal: true, user: user)
        writers = DemoWriters(layout.applicationConninfo(), pauseSeconds: 0.02)
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        // The server's user may not be able to read the checkout.
        try FileManager.default.createDirectory(
            atPath: layout.share.path, withIntermediateDirectories: true)
        for name in ["hooks", "templates"] {
            try FileManager.default.copyItem(
                atPath: "\(checkout)/\(name)", toPath: "\(layout.share.path)/\(name)")
        }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("toolkit").path
        do {
            try FileManager.default.linkItem(atPath: program, toPath: root + "/toolkit")
        } catch {
            try FileManager.default.copyItem(atPath: program, toPath: root + "/toolkit")
        }
        try await giveAway()
    }

    /// What this process wrote belongs to the server's user; the program itself stays as it is.
    func giveAway() async throws {
        guard let user = ThrowawayPostgresRoot.serverUser else { return }
        let owner = "\(user.uid):\(user.gid)"
        let script =
            #"find "$1" "$2" ! -type f -exec chown "$3" {} + ; find "$1" -type f "#
            + #"! -name toolkit -exec chown "$3" {} +"#
        try await local.run(
            Command(
                ["/bin/sh", "-c", script, "sh", root, layout.runtime, owner],
                timeout: .seconds(10))
        ).expectSuccess("chown")
    }

    private func remove() async {
        await writers.stop()
        await folder.remove()
    }

    // MARK: - The program

    /// The command line of `toolkit`, as the server's user, below the cluster's folder.
    func command(_ arguments: [String], _ environment: [String: String] = [:]) -> [String] {
        let variables = ["HOME": root, "TOOLKIT_SHARE": layout.share.path]
            .merging(environment) { $1 }
        return ThrowawayPostgresRoot.asServerUser(
            ["/usr/bin/env", "-C", root] + variables.map { "\($0.key)=\($0.value)" }.sorted()
                + [root + "/toolkit"] + arguments)
    }

    /// Runs one command of `toolkit` to its end.
    @discardableResult
    func toolkit(_ arguments: String...) async throws -> CommandResult {
        try await toolkit(arguments)
    }

    func toolkit(_ arguments: [String]) async throws -> CommandResult {
        try await local.run(
            Command(command(arguments), timeout: .seconds(120), outputLimitBytes: 64 << 20))
    }

    /// Starts `toolkit run`. Its log goes to the end of `daemon.log`.
    func startDaemon(
        _ environment: [String: String] = [:], arguments: [String] = []
    ) throws -> ChildProcess {
        try ChildProcess(
            command(["run"] + arguments, environment), in: root, output: root + "/daemon.log")
    }

    /// Starts it and waits until it answers.
    func runDaemon(
        _ environment: [String: String] = [:], arguments: [String] = []
    ) async throws -> ChildProcess {
        let daemon = try startDaemon(environment, arguments: arguments)
        try await until("the daemon answers", within: .seconds(30)) {
            guard daemon.isRunning else { throw Failed("the daemon ended at its start") }
            return await state() != nil
        }
        return daemon
    }

    func kill(_ daemon: ChildProcess) async throws {
        daemon.signal(SIGKILL)
        try #require(await daemon.ended(before: .now + .seconds(10)) != nil)
    }

    /// Asks the daemon; nil when none answers.
    func state() async -> ClusterView? { try? await client.state() }

    func end(of file: String) -> String {
        let text = (try? String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(40).joined(separator: "\n")
    }

    // MARK: - The cluster

    /// Deploys, and makes what the writers need.
    func bringUp() async throws {
        let deployed = try await toolkit("deploy")
        try #require(deployed.isSuccess, "\(deployed.output)\(deployed.errorOutput)")
        let password = String(UInt64.random(in: .min ... .max), radix: 36)
        let passfile = root + "/app.pgpass"
        try "*:*:*:app:\(password)\n".write(toFile: passfile, atomically: true, encoding: .utf8)
        chmod(passfile, 0o600)
        let verifier = try scramVerifier(password: password, user: "app")
        try await sql(
            """
            SET default_transaction_read_only = off; CREATE ROLE app LOGIN PASSWORD '\(verifier)';
            CREATE SCHEMA demo;
            CREATE TABLE demo.rows (id bigint PRIMARY KEY, writer int NOT NULL);
            GRANT USAGE ON SCHEMA demo TO app; GRANT INSERT, SELECT ON demo.rows TO app
            """, on: DemoCluster.names[0])
    }

    /// Runs statements as the owner of the server, by peer.
    @discardableResult
    func sql(_ statements: String, on id: NodeID) async throws -> String {
        let node = try layout.node(id)
        let arguments = ThrowawayPostgresRoot.asServerUser([
            settings.postgresql.binDirectory + "/psql", "-X", "-A", "-t", "-q", "-v",
            "ON_ERROR_STOP=1", "-h", node.socketDirectory, "-p", String(node.port), "-U",
            "postgres", "-d", "postgres", "-f", "-",
        ])
        let result = try await local.run(
            Command(arguments, standardInput: Array(statements.utf8), timeout: .seconds(30)))
        try result.expectSuccess("psql on \(id)")
        return result.output
    }

    func postmaster(_ id: NodeID) throws -> pid_t {
        try #require(DemoProcesses.postmaster(of: try layout.node(id).dataDirectory))
    }

    /// What works below the cluster's folder and belongs to no server: hooks and their children.
    func helpers() -> [String] {
        layout.processes.ours().compactMap { pid in
            let program = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(pid)/exe")
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let words = String(decoding: command, as: UTF8.self).split(separator: "\0")
            if program?.hasSuffix("/postgres") == true || words.contains("watchdog") { return nil }
            return program == nil ? nil : words.joined(separator: " ")
        }
    }

    /// SIGKILL to the primary's postmaster; its name.
    func killPrimary() async throws -> NodeID {
        let primary = try #require(await state()?.primary)
        let pid = try postmaster(primary)
        try #require(Glibc.kill(pid, SIGKILL) == 0)
        return primary
    }

    /// Keeps every program away from a node's files, as when its machine can't be reached.
    func shut(_ id: NodeID, _ isShut: Bool) throws {
        for folder in [try layout.node(id).stateDirectory, try layout.node(id).dataDirectory] {
            try #require(chmod(folder, isShut ? 0 : 0o700) == 0)
        }
    }

    func healthy(within span: Duration = .seconds(60)) async throws {
        do {
            try await until("the cluster is healthy", within: span) {
                await state()?.isHealthy == true
            }
        } catch {
            let view = await state()
            let events = try await toolkit("events", "--limit", "60")
            throw Failed(
                "\(error): \(String(describing: view?.phase)), waiting for "
                    + "\(view?.waitingFor ?? "?"), \(view?.alarms ?? [])\n\(events.output)")
        }
    }

    /// What the store holds, read beside the daemon.
    func stored() async throws -> Cluster {
        let store = try await SQLiteStore.openReadOnly(path: SchedulerPaths(settings).store)
        return try #require(try await store.load())
    }

    /// The events after `id`, oldest first, as `toolkit events --json` prints them.
    func events(after id: Int64 = 0) async throws -> [EventRecord] {
        let result = try await toolkit("events", "--json", "--limit", "5000")
        try result.expectSuccess("toolkit events")
        return try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(EventRecord.self, from: Data($0.utf8))
        }.filter { ($0.id ?? 0) > id }
    }
}

struct Failed: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension CommandResult {
    func expectSuccess(_ what: String) throws {
        guard isSuccess else { throw Failed("\(what): \(ending)\n\(output)\(errorOutput)") }
    }

    var status: Int32? {
        if case .exited(let code) = ending { code } else { nil }
    }
}
