import ClusterFile
import Execution
import FailoverCore
import Foundation
import Scheduler
import Testing

@testable import Demo
@testable import ToolkitTesting

/// `toolkit render --diff` and `--apply` against a cluster that runs.
@Suite("Applying what was rendered", .serialized)
struct RenderCommandTests {
    @Test(.timeLimit(.minutes(5)))
    func diffAndApply() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            cluster.writers.start(1)
            try await nothingToDo(cluster)
            try await reload(cluster)
            try await raisedLimit(cluster)
            try await loweredLimit(cluster)
            try await refusals(cluster)
            try await faultyFiles(cluster)
            try await cluster.kill(daemon)
            try await withoutScheduler(cluster)
        }
    }

    let nodes: [NodeID] = ["node1", "node2", "node3"]

    func values(of name: String, _ cluster: ProcessCluster) async throws -> [String] {
        var values: [String] = []
        for node in nodes {
            values.append(
                try await cluster.sql("show \(name)", on: node).split(separator: "\n").joined())
        }
        return values
    }

    /// Writes `name: value` into postgresql.parameters, over what stood there for it.
    func set(_ name: String, _ value: String, _ cluster: ProcessCluster) throws {
        let path = cluster.root + "/cluster.yaml"
        var lines = try String(contentsOfFile: path, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let flow = lines.firstIndex(where: { $0.hasPrefix("  parameters: {") }) {
            let pairs = lines[flow].dropFirst("  parameters: { ".count).dropLast(" }".count)
            lines[flow...flow] = ["  parameters:"]
            lines.insert(
                contentsOf: pairs.split(separator: ",").map {
                    "    " + $0.trimmingCharacters(in: .whitespaces)
                }, at: flow + 1)
        }
        lines.removeAll { $0.hasPrefix("    \(name):") }
        let head = try #require(lines.firstIndex(of: "  parameters:"))
        lines.insert("    \(name): \(value)", at: head + 1)
        try lines.joined(separator: "\n").write(
            toFile: path, atomically: false, encoding: .utf8)
    }

    private func startTime(_ node: NodeID, _ cluster: ProcessCluster) async throws -> String {
        try await cluster.sql("select pg_postmaster_start_time()", on: node)
    }

    private func nothingToDo(_ cluster: ProcessCluster) async throws {
        let diff = try await cluster.toolkit("render", "--diff")
        #expect(diff.status == 0, "\(diff.output)\(diff.errorOutput)")
        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 0)
        #expect(apply.output.contains("nothing to apply"))
    }

    private func reload(_ cluster: ProcessCluster) async throws {
        try set("work_mem", "7MB", cluster)
        let started = try await startTime("node1", cluster)
        let diff = try await cluster.toolkit("render", "--diff", "--node", "node2")
        #expect(diff.status == 2)
        #expect(diff.output.contains("\n+work_mem = '7MB'\n"))
        #expect(diff.output.hasPrefix("--- node2:"))
        #expect(!diff.output.contains("node1"))

        // Nobody says yes.
        let asked = try await cluster.toolkit("render", "--apply")
        #expect(asked.status == 1)
        #expect(try await values(of: "work_mem", cluster).contains("7MB") == false)

        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 0, "\(apply.output)\(apply.errorOutput)")
        try await until("all nodes have it", within: .seconds(10)) {
            try await values(of: "work_mem", cluster) == ["7MB", "7MB", "7MB"]
        }
        #expect(try await startTime("node1", cluster) == started, "not restarted")
        #expect(try await cluster.toolkit("render", "--diff").status == 0)
    }

    private func raisedLimit(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "150", cluster)
        let alone = try await cluster.toolkit(
            "render", "--apply", "--yes", "--node",
            try #require(await cluster.state()?.primary).rawValue)
        #expect(alone.status == 3)
        #expect(alone.errorOutput.contains("would stop replaying"))

        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 0, "\(apply.output)\(apply.errorOutput)")
        #expect(try await values(of: "max_connections", cluster) == ["150", "150", "150"])
        let primary = try #require(await cluster.state()?.primary)
        let restarts = apply.output.split(separator: "\n").filter {
            $0.contains("has to be restarted")
        }
        #expect(restarts.count == 3)
        #expect(restarts.last?.hasPrefix("\(primary), the primary,") == true, "\(restarts)")
        try await cluster.healthy()
    }

    private func loweredLimit(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "90", cluster)
        let primary = try #require(await cluster.state()?.primary)
        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 0, "\(apply.output)\(apply.errorOutput)")
        #expect(try await values(of: "max_connections", cluster) == ["90", "90", "90"])
        let restarts = apply.output.split(separator: "\n").filter {
            $0.contains("has to be restarted")
        }
        #expect(restarts.first?.hasPrefix("\(primary), the primary,") == true, "\(restarts)")
        try await cluster.healthy()
        #expect(await cluster.state()?.primary == primary, "no failover for a restart")
    }

    /// Nothing is changed by what is refused.
    private func refusals(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "95", cluster)
        try set("max_worker_processes", "7", cluster)
        let both = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(both.status == 3)
        #expect(both.errorOutput.contains("raise in one `render --apply`, lower in another"))
        try set("max_worker_processes", "8", cluster)
        try set("max_connections", "90", cluster)

        try set("work_mem", "lots", cluster)
        let broken = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(broken.status == 1)
        #expect(broken.errorOutput.contains("work_mem"), "\(broken.errorOutput)")
        #expect(try await values(of: "work_mem", cluster) == ["7MB", "7MB", "7MB"])
        let kept = try String(
            contentsOfFile: cluster.layout.node("node2").configDirectory + "/postgresql.conf",
            encoding: .utf8)
        #expect(kept.contains("'7MB'") && !kept.contains("'lots'"))
        let left = try FileManager.default.contentsOfDirectory(
            atPath: cluster.layout.node("node2").configDirectory)
        #expect(!left.contains("postgresql.conf.tested"))
        try set("work_mem", "7MB", cluster)
    }

    private func withoutScheduler(_ cluster: ProcessCluster) async throws {
        try set("max_connections", "160", cluster)
        let apply = try await cluster.toolkit("render", "--apply", "--yes")
        #expect(apply.status == 69, "\(apply.output)\(apply.errorOutput)")
        #expect(apply.errorOutput.contains("start `toolkit run`, then apply again"))
    }
}
