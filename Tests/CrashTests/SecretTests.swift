import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Synchronization
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The roles' passwords are a canary: it may be found in the files that hold them and nowhere else,
/// while a cluster is deployed, loses its primary, rewinds it and clones a node.
@Suite("Secrets of a running cluster", .serialized)
struct SecretTests {
    private static let holders: Set<String> = ["pgpass", "demo.pgpass"]

    @Test(.timeLimit(.minutes(5)))
    func standInTheirFilesAndNowhereElse() async throws {
        try await ProcessCluster.with { cluster in
            let canary = ToolkitTesting.Canary()
            try await plant(canary, cluster)
            let watch = ProcessWatch(canary)
            let outputs = try await live(cluster)
            let (samples, sightings) = await watch.stop()
            print("looked at all processes \(samples) times")
            #expect(samples > 300)
            #expect(sightings.isEmpty)
            for (name, output) in outputs {
                #expect(!output.isEmpty, "\(name) says nothing")
                #expect(!output.contains(canary.secret), "\(name) tells the password")
            }
            try await inspectFiles(cluster, canary)
        }
    }

    /// Passwords that are there already are used: `deploy` makes none.
    private func plant(_ canary: ToolkitTesting.Canary, _ cluster: ProcessCluster) async throws {
        let settings = cluster.settings
        let lines = [settings.postgresql.role, settings.postgresql.replicationRole].flatMap {
            role in
            settings.nodes.map { "\($0.host):\($0.port):*:\(role):\(canary.secret)\(role.count)\n" }
        }
        let path = SchedulerPaths(settings).passfile
        try lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        // A server that logs all it can: what reaches it as text would be in its log.
        let file = cluster.layout.configPath
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let loud = text.replacing(
            "parameters: { ",
            with: "parameters: { log_statement: all, log_replication_commands: on, "
                + "log_connections: on, ")
        try #require(loud != text)
        try loud.write(toFile: file, atomically: true, encoding: .utf8)
        try await cluster.giveAway()
    }

    /// Deploy with its clones, a failover with a rewind, a switchover, an ordered clone; what every
    /// command says on the way.
    private func live(_ cluster: ProcessCluster) async throws -> [(String, String)] {
        var outputs: [(String, String)] = []
        func say(_ arguments: String...) async throws {
            let result = try await cluster.toolkit(arguments)
            outputs.append((arguments.joined(separator: " "), result.output + result.errorOutput))
        }
        try await say("deploy", "--dry-run")
        try await cluster.bringUp()
        try await say("deploy")
        let daemon = try await cluster.runDaemon(arguments: ["--verbose"])
        cluster.writers.start(1)
        try await cluster.healthy()
        let killed = try await cluster.killPrimary()
        try await until("another node is primary", within: .seconds(30)) {
            let primary = await cluster.state()?.primary
            return primary != nil && primary != killed
        }
        try await cluster.healthy()
        try await say("switchover", "--yes")
        try await cluster.healthy()
        for command in [
            ["events", "--json", "--limit", "5000"], ["state", "--json"], ["state"],
            ["check", "--json"], ["check"], ["dsn"], ["fsm", "list"],
            ["render", "--output", cluster.root + "/rendered"],
        ] {
            let result = try await cluster.toolkit(command)
            outputs.append((command.joined(separator: " "), result.output + result.errorOutput))
        }
        let events = try await cluster.events().map(\.summary)
        #expect(events.contains { $0.hasPrefix("rewind on") && $0.hasSuffix("done") })
        #expect(events.contains { $0.hasPrefix("clone on") && $0.hasSuffix("done") })
        try await cluster.kill(daemon)
        return outputs
    }

    private func inspectFiles(_ cluster: ProcessCluster, _ canary: ToolkitTesting.Canary)
        async throws
    {
        let holding = canary.files(below: cluster.root, except: [])
        let strangers = holding.filter {
            !Self.holders.contains(($0 as NSString).lastPathComponent)
        }
        #expect(strangers.isEmpty)
        // One folder, where the root itself lies in memory.
        if cluster.layout.runtime != cluster.root {
            #expect(canary.files(below: cluster.layout.runtime, except: []).isEmpty)
        }
        // Else the canary would prove nothing: the scheduler's file, and one on each node.
        #expect(holding.count >= 1 + cluster.settings.nodes.count, "\(holding)")
        for path in holding {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(cluster.root)/\(path)")
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(path)")
        }
        for file in ["sched/demo.sqlite", "daemon.log"] {
            #expect(FileManager.default.fileExists(atPath: "\(cluster.root)/\(file)"))
        }
        for node in cluster.settings.nodes {
            let log = try String(
                contentsOfFile: node.stateDirectory + "/postgres.log", encoding: .utf8)
            #expect(log.contains("statement: "), "\(node.id) logs no statements")
        }
    }
}

/// Looks at every process of this machine every few milliseconds, on a thread of its own.
private final class ProcessWatch: Sendable {
    private struct State {
        var samples = 0
        var sightings: Set<String> = []
        var isStopped = false
        var isOver = false
    }

    private let state = Mutex(State())

    init(_ canary: ToolkitTesting.Canary) {
        let thread = Thread { [self] in
            while !state.withLock({ $0.isStopped }) {
                let seen = canary.processes()
                state.withLock {
                    $0.samples += 1
                    $0.sightings.formUnion(seen)
                }
                Thread.sleep(forTimeInterval: 0.003)
            }
            state.withLock { $0.isOver = true }
        }
        thread.start()
    }

    func stop() async -> (samples: Int, sightings: Set<String>) {
        state.withLock { $0.isStopped = true }
        while !state.withLock({ $0.isOver }) { try? await Task.sleep(for: .milliseconds(5)) }
        return state.withLock { ($0.samples, $0.sightings) }
    }
}
