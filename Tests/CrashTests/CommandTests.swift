import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The commands against a cluster that runs, with a daemon and without one.
@Suite("Commands of the program", .serialized)
struct CommandTests {
    /// One descriptor is left to it: neither a database, nor a poller, nor a session fits.
    @Test func helpDoesNoWork() async throws {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("toolkit").path
        var times: [Duration] = []
        for _ in 0..<10 {
            let result = try await LocalRunner().run(
                Command(
                    ["/bin/sh", "-c", "ulimit -n 4; exec \"$0\" --help", program],
                    timeout: .seconds(10)))
            #expect(result.isSuccess)
            #expect(result.output.contains("USAGE: toolkit"))
            #expect(result.errorOutput.isEmpty)
            times.append(result.duration)
        }
        print("toolkit --help takes \(times.min() ?? .zero), with a shell before it")
    }

    @Test(.timeLimit(.minutes(5)))
    func workWithADaemonAndWithout() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            try await withoutDaemon(cluster)
            let daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            cluster.writers.start(1)
            try await withDaemon(cluster)
            try await secondDaemonIsRefused(cluster, daemon)
            try await endsOnTermination(cluster, daemon)
        }
    }

    /// Told to end while a node is brought back: the daemon ends at once, the work on the node goes
    /// on to its end, and the next start finds what it did.
    @Test(.timeLimit(.minutes(5)))
    func aDaemonEndsCleanlyInTheMiddleOfWork() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            cluster.writers.start(1)
            let killed = try await cluster.killPrimary()
            try await until("the old primary is worked on", within: .seconds(30)) {
                let view = await cluster.state()
                return view?.primary != nil && view?.primary != killed
                    && view?.nodes.contains { $0.id == killed && $0.work != nil } == true
            }
            let primary = try #require(await cluster.state()?.primary)
            let postmaster = try cluster.postmaster(primary)
            let start = ContinuousClock.now
            daemon.signal(SIGTERM)
            let status = await daemon.ended(before: .now + .seconds(10))
            print("SIGTERM during a rewind: ended after \(ContinuousClock.now - start)")
            #expect(status == 0)
            #expect(ContinuousClock.now - start < .seconds(4))
            // A rewind that is cut short costs a copy of everything: it goes on to its end.
            try await until("no process is left") { cluster.helpers().isEmpty }
            #expect(try cluster.postmaster(primary) == postmaster)
            let next = try await cluster.runDaemon()
            try await cluster.healthy()
            try await cluster.kill(next)
        }
    }

    // MARK: - Without a daemon

    private func withoutDaemon(_ cluster: ProcessCluster) async throws {
        let state = try await cluster.toolkit("state")
        #expect(state.status == 2)
        #expect(state.output.hasPrefix("The scheduler is not running"))
        #expect(state.output.contains("demo: steady, term 1, timeline 1, primary node1"))
        let json = try await cluster.toolkit("state", "--json")
        #expect(json.status == 2)
        #expect(json.output.contains(#""scheduler_running" : false"#))

        let plan = try await cluster.toolkit("switchover", "--to", "node2", "--dry-run")
        #expect(plan.status == 0, "\(plan.errorOutput)")
        #expect(plan.output.contains("node1") && plan.output.contains("node2"))
        #expect(try await cluster.stored().elect == "node1")
        let asked = try await cluster.toolkit("switchover", "--to", "node2")
        #expect(asked.status == 1, "nobody said yes")
        #expect(try await cluster.stored().elect == "node1")

        let moved = try await cluster.toolkit("switchover", "--to", "node2", "--yes")
        #expect(moved.status == 0, "\(moved.output)\(moved.errorOutput)")
        #expect(moved.output.contains("node2 is primary"))
        #expect(try await cluster.sql("SELECT pg_is_in_recovery()", on: "node2") == "f\n")
        #expect(try await cluster.stored().elect == "node2")

        try #require(Glibc.kill(try cluster.postmaster("node3"), SIGKILL) == 0)
        let rejoined = try await cluster.toolkit("rejoin", "node3", "--yes")
        #expect(rejoined.status == 0, "\(rejoined.output)\(rejoined.errorOutput)")
        #expect(rejoined.output.contains("node3 is a secondary"))
        #expect(try await cluster.sql("SELECT pg_is_in_recovery()", on: "node3") == "t\n")
        // The rejoin of the old primary may outlive the command: it goes on by itself, to its end.
        try await until("no process is left") { cluster.helpers().isEmpty }
    }

    // MARK: - With a daemon

    private func withDaemon(_ cluster: ProcessCluster) async throws {
        let state = try await cluster.toolkit("state")
        #expect(state.status == 0)
        #expect(state.output.contains("demo: steady"))
        let json = try await cluster.toolkit("state", "--json")
        #expect(json.status == 0)
        #expect(json.output.contains(#""scheduler_running" : true"#))
        let story = cluster.root + "/story"
        let follower = try ChildProcess(
            cluster.command(["events", "--follow", "--json", "--limit", "0"]), in: cluster.root,
            output: story)
        // What it begins with is empty: it runs once it has opened the store.
        try await Task.sleep(for: .milliseconds(500))

        let unknown = try await cluster.toolkit("switchover", "--to", "node9", "--yes")
        #expect(unknown.status == 64)
        let refused = try await cluster.toolkit("switchover", "--to", "node2", "--yes")
        #expect(refused.status == 3, "\(refused)")
        #expect(refused.errorOutput.contains("it is the primary"))
        let moved = try await cluster.toolkit("switchover", "--to", "node1", "--yes")
        #expect(moved.status == 0, "\(moved.output)\(moved.errorOutput)")
        #expect(moved.output.contains("node1 is primary"))
        try await cluster.healthy()

        let inPlace = try await cluster.toolkit("rejoin", "node3", "--yes")
        #expect(inPlace.status == 3)
        #expect(inPlace.errorOutput.contains("it streams from node1 already"))
        try await orderedClone(cluster)

        follower.signal(SIGTERM)
        #expect(await follower.ended(before: .now + .seconds(2)) != nil)
        let lines = try String(contentsOfFile: story, encoding: .utf8).split(separator: "\n")
        #expect(lines.contains { $0.contains(#""rule":"order.switchover""#) })
        #expect(lines.contains { $0.contains("clone on node3: done") })
        for line in lines {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
    }

    /// Data that is gone looks like a lost mount: a member is cloned on an order alone.
    private func orderedClone(_ cluster: ProcessCluster) async throws {
        let node = try cluster.layout.node("node3")
        let data = node.dataDirectory
        // In this order: a scheduler that starts it again at once finds nothing to start.
        let postmaster = try cluster.postmaster("node3")
        try #require(rename(data, data + ".lost") == 0)
        try #require(Glibc.kill(postmaster, SIGQUIT) == 0)
        try await until("node3 is no voter", within: .seconds(30)) {
            await cluster.state()?.configs.allSatisfy { !$0.voters.contains("node3") } == true
        }
        #expect(await cluster.state()?.nodes.first { $0.id == "node3" }?.work == nil)
        let rejoined = try await cluster.toolkit("rejoin", "node3", "--yes")
        #expect(rejoined.status == 0, "\(rejoined.output)\(rejoined.errorOutput)")
        try await cluster.healthy()
        #expect(FileManager.default.fileExists(atPath: data + "/PG_VERSION"))
    }

    private func secondDaemonIsRefused(
        _ cluster: ProcessCluster, _ daemon: ChildProcess
    ) async throws {
        let second = try await cluster.toolkit("run")
        #expect(second.status == 75)
        #expect(second.errorOutput.contains("another scheduler (pid \(daemon.pid)) holds it"))
        #expect(await cluster.state()?.isHealthy == true)
    }

    private func endsOnTermination(
        _ cluster: ProcessCluster, _ daemon: ChildProcess
    ) async throws {
        let nodes = cluster.settings.nodes.map(\.id)
        let postmasters = try nodes.map(cluster.postmaster)
        let start = ContinuousClock.now
        daemon.signal(SIGTERM)
        let status = await daemon.ended(before: .now + .seconds(10))
        print("SIGTERM: ended after \(ContinuousClock.now - start)")
        #expect(status == 0)
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(cluster.helpers().isEmpty, "processes are left")
        #expect(try nodes.map(cluster.postmaster) == postmasters)
        #expect(access(SchedulerPaths(cluster.settings).socket, F_OK) != 0, "the socket is left")
        let count = cluster.writers.acknowledged.count
        try await until("writes go on without it", within: .seconds(10)) {
            cluster.writers.acknowledged.count > count + 20
        }
        #expect(try await cluster.events().last?.summary == "the scheduler stopped")
    }
}
