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

/// `toolkit render --apply` goes on wherever an earlier one stopped.
extension RenderCommandTests {
    @Test(.timeLimit(.minutes(5)))
    func applyAgain() async throws {
        try await ProcessCluster.with { cluster in
            try await planOfDeployment(cluster)
            try await cluster.bringUp()
            try set("max_connections", "90", cluster)
            var daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            try await apply(cluster, says: "reloaded")
            try await nobodyCanBeAsked(cluster)
            try await oneAtATime(cluster)
            try await cluster.kill(daemon)

            try await putAndNotReloaded(cluster)
            try await frozen(cluster)
            try await stopped(cluster)
            try await raisedWithoutScheduler(cluster)
            daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            try await apply(cluster, says: "restarted")
            #expect(try await values(of: "max_connections", cluster) == ["160", "160", "160"])

            try await paused(cluster)
            try await lowered(cluster)
            try await cluster.kill(daemon)
        }
    }

    private func planOfDeployment(_ cluster: ProcessCluster) async throws {
        let plan = try await cluster.toolkit("deploy", "--dry-run", "--json")
        #expect(plan.status == 0, "\(plan.errorOutput)")
        let object = try JSONSerialization.jsonObject(with: Data(plan.output.utf8))
        let steps = try #require((object as? [String: Any])?["steps"] as? [[String: String]])
        #expect(steps.contains(["node": "node1", "text": "open it"]), "\(plan.output)")
        #expect(steps.contains { $0["node"] == nil }, "the passwords")
    }

    private func apply(_ cluster: ProcessCluster, says: String) async throws {
        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 0, "\(apply.output)\(apply.errorOutput)")
        #expect(apply.errorOutput.contains(says), "\(apply.output)\(apply.errorOutput)")
        // The orders to the scheduler are a part of it, and no advice to the operator.
        #expect(!apply.output.contains("do nothing on any node"), "\(apply.output)")
        try await nothingIsLeft(cluster)
    }

    private func nothingIsLeft(_ cluster: ProcessCluster) async throws {
        let again = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(again.status == 0, "\(again.errorOutput)")
        #expect(again.output == "nothing to apply: the files on the nodes are as rendered\n")
        let diff = try await cluster.toolkit("render", "--diff")
        #expect(diff.status == 0)
        #expect(diff.output == "the files on the nodes are as rendered\n")
        let waiting = "select count(*) from pg_settings where pending_restart"
        for node in nodes { #expect(try await cluster.sql(waiting, on: node) == "0\n") }
    }

    private func starts(_ cluster: ProcessCluster) async throws -> [String] {
        var starts: [String] = []
        for node in nodes {
            starts.append(try await cluster.sql("select pg_postmaster_start_time()", on: node))
        }
        return starts
    }

    private func conf(_ node: NodeID, _ cluster: ProcessCluster) throws -> String {
        try String(
            contentsOfFile: cluster.layout.node(node).configDirectory + "/postgresql.conf",
            encoding: .utf8)
    }

    // MARK: - What stopped it

    private func nobodyCanBeAsked(_ cluster: ProcessCluster) async throws {
        try set("work_mem", "8MB", cluster)
        let asked = try await cluster.toolkit("render", "--apply")
        #expect(asked.status == 1)
        #expect(asked.errorOutput.hasPrefix("nothing was changed\n"), "\(asked.errorOutput)")
        #expect(asked.errorOutput.contains("Put these files in place and reload?"))
        let plan = try await cluster.toolkit("render", "--apply", "--dry-run", "--json")
        #expect(plan.status == 0, "\(plan.errorOutput)")
        #expect(plan.output.contains(#""order" : "standbys_first""#), "\(plan.output)")
        #expect(try await values(of: "work_mem", cluster).contains("8MB") == false)
        try await apply(cluster, says: "reloaded")
    }

    private func oneAtATime(_ cluster: ProcessCluster) async throws {
        let lock = try SchedulerLock.ofChanges(storePath: SchedulerPaths(cluster.settings).store)
        for command in [["render", "--apply", "--yes"], ["deploy"]] {
            let refused = try await cluster.toolkit(command)
            #expect(refused.status == 75, "\(refused.output)")
            #expect(
                refused.errorOutput.contains(
                    "another `deploy` or `render --apply` (pid \(getpid()))"),
                "\(refused.errorOutput)")
        }
        withExtendedLifetime(lock) {}
    }

    /// As after a kill between the two.
    private func putAndNotReloaded(_ cluster: ProcessCluster) async throws {
        try set("work_mem", "9MB", cluster)
        let rendered = try await cluster.toolkit("render", "--output", "out")
        try rendered.expectSuccess("render --output")
        let file = try Data(
            contentsOf: URL(filePath: cluster.root + "/out/node2/postgresql.conf"))
        let place = try FileHandle(
            forWritingTo: URL(
                filePath: cluster.layout.node("node2").configDirectory + "/postgresql.conf"))
        try place.truncate(atOffset: 0)
        try place.write(contentsOf: file)
        try place.close()
        let diff = try await cluster.toolkit("render", "--diff", "--node", "node2")
        #expect(diff.status == 0)
        #expect(
            diff.output.hasPrefix("node2: its server has not read postgresql.conf"),
            "\(diff.output)")
        try await apply(cluster, says: "node2: reloaded")
        #expect(try await values(of: "work_mem", cluster) == ["9MB", "9MB", "9MB"])
    }

    private func frozen(_ cluster: ProcessCluster) async throws {
        try set("work_mem", "10MB", cluster)
        let pid = try cluster.postmaster("node3")
        try #require(kill(pid, SIGSTOP) == 0)
        defer { kill(pid, SIGCONT) }
        let first = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(first.status == 0, "\(first.output)\(first.errorOutput)")
        #expect(first.errorOutput.contains("node3: no server answers"), "\(first.errorOutput)")
        try #require(kill(pid, SIGCONT) == 0)
        #expect(try await values(of: "work_mem", cluster) == ["10MB", "10MB", "9MB"])
        try await apply(cluster, says: "node3: reloaded")
        #expect(try await values(of: "work_mem", cluster) == ["10MB", "10MB", "10MB"])
    }

    /// Its file is tested all the same: it would not start again with a wrong one.
    private func stopped(_ cluster: ProcessCluster) async throws {
        let pid = try cluster.postmaster("node3")
        try #require(kill(pid, SIGINT) == 0)
        try await until("node3 is stopped", within: .seconds(30)) { kill(pid, 0) != 0 }
        try set("work_mem", "lots", cluster)
        let before = try conf("node3", cluster)
        let broken = try await cluster.toolkit("render", "--apply", "--yes", "--node", "node3")
        #expect(broken.status == 1, "\(broken.output)")
        #expect(broken.errorOutput.contains("nothing was changed"), "\(broken.errorOutput)")
        #expect(try conf("node3", cluster) == before)
        try set("work_mem", "11MB", cluster)
        let right = try await cluster.toolkit("render", "--apply", "--yes", "--node", "node3")
        #expect(right.status == 0, "\(right.errorOutput)")
        #expect(try conf("node3", cluster).contains("'11MB'"))
        let two = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(two.status == 0, "\(two.errorOutput)")
    }

    private func raisedWithoutScheduler(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "160", cluster)
        // A standby that has more than its primary is no harm, and streams again at the end.
        let standby = try await cluster.toolkit("render", "--apply", "--yes", "--node", "node2")
        #expect(standby.status == 0, "\(standby.output)\(standby.errorOutput)")
        #expect(standby.errorOutput.contains("node2: restarted"), "\(standby.errorOutput)")
        let receiver = "select status from pg_stat_wal_receiver"
        #expect(try await cluster.sql(receiver, on: "node2") == "streaming\n")

        let file = try conf("node1", cluster)
        let refused = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(refused.status == 69, "\(refused.output)\(refused.errorOutput)")
        #expect(refused.errorOutput.contains("nothing was changed"), "\(refused.errorOutput)")
        #expect(try conf("node1", cluster) == file)
    }

    private func paused(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "170", cluster)
        try await cluster.toolkit("pause").expectSuccess("pause")
        let refused = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(refused.status == 3, "\(refused.output)\(refused.errorOutput)")
        #expect(refused.errorOutput.contains("toolkit resume"), "\(refused.errorOutput)")
        try await cluster.toolkit("resume").expectSuccess("resume")
        try await cluster.healthy()
    }

    /// The answer to the first question is y, to the second n.
    private func lowered(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "80", cluster)
        let before = try await starts(cluster)
        let command = cluster.command(["render", "--apply"])
            .map(ShellWord.quote).joined(separator: " ")
        let asked = try await LocalRunner().run(
            Command(
                ["script", "--quiet", "--return", "--command", command, "/dev/null"],
                standardInput: Array("y\nn\n".utf8), timeout: .seconds(120)))
        #expect(asked.status == 1, "\(asked.output)")
        #expect(asked.output.contains("nothing more was changed"), "\(asked.output)")
        #expect(try await starts(cluster) == before)
        let primary = try #require(await cluster.state()?.primary)
        let waits = try await cluster.toolkit("render", "--diff", "--node", primary.rawValue)
        #expect(
            waits.output.contains("waits for a restart to take over max_connections"),
            "\(waits.output)")
        try await apply(cluster, says: "\(primary): restarted")
        #expect(try await values(of: "max_connections", cluster) == ["80", "80", "80"])
        #expect(await cluster.state()?.primary == primary)
    }
}
