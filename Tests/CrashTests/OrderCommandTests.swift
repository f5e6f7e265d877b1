import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// Maintenance, pause and failover as an operator orders them.
@Suite("Orders of the operator", .serialized)
struct OrderCommandTests {
    @Test(.timeLimit(.minutes(5)))
    func maintenanceAndPause() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            cluster.writers.start(1)
            try await maintenanceOfAStandby(cluster)
            try await maintenanceOfThePrimary(cluster)
            try await pause(cluster)
            try await cluster.kill(daemon)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func failoverWithAndWithoutLoss() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            try await refusedFailovers(cluster)
            try await failoverWithLoss(cluster)
            try await cluster.kill(daemon)
        }
    }

    // MARK: - Maintenance

    private func maintenanceOfAStandby(_ cluster: ProcessCluster) async throws {
        let plan = try await cluster.toolkit("maintenance", "on", "node3", "--dry-run")
        #expect(plan.status == 0, "\(plan.errorOutput)")
        #expect(plan.output.contains("take node3 out of the quorum"))
        #expect(await cluster.node("node3")?.maintenance == nil)

        let on = try await cluster.toolkit("maintenance", "on", "node3", "--for", "1h", "--yes")
        #expect(on.status == 0, "\(on.output)\(on.errorOutput)")
        #expect(on.output.contains("node3 is left to you"))
        let seen = try #require(await cluster.node("node3"))
        #expect(seen.assigned == .maintenance && !seen.isVoter)
        #expect(seen.maintenance?.untilWallMs != nil)
        #expect(try await cluster.toolkit("state").output.contains("in maintenance until 20"))
        let again = try await cluster.toolkit("maintenance", "on", "node3", "--yes")
        #expect(again.status == 3)
        #expect(again.errorOutput.contains("it is in maintenance already"))

        // Stopped by its operator, it stays stopped.
        try #require(Glibc.kill(try cluster.postmaster("node3"), SIGQUIT) == 0)
        try await until("it is silent", within: .seconds(20)) {
            await cluster.node("node3")?.unreachable == .refused
        }
        let mark = try await cluster.events().last?.id ?? 0
        let count = cluster.writers.acknowledged.count
        try await until("writes go on", within: .seconds(20)) {
            cluster.writers.acknowledged.count > count + 100
        }
        let touched = try await cluster.events(after: mark).filter { $0.node == "node3" }
        #expect(touched.isEmpty, "\(touched)")

        let off = try await cluster.toolkit("maintenance", "off", "node3")
        #expect(off.status == 0, "\(off.output)\(off.errorOutput)")
        #expect(off.output.contains("node3 is a secondary"))
        try await cluster.healthy()
        let none = try await cluster.toolkit("maintenance", "off", "node3")
        #expect(none.status == 3)
    }

    private func maintenanceOfThePrimary(_ cluster: ProcessCluster) async throws {
        let on = try await cluster.toolkit("maintenance", "on", "node1", "--yes")
        #expect(on.status == 0, "\(on.output)\(on.errorOutput)")
        let view = try #require(await cluster.state())
        #expect(view.primary != nil && view.primary != "node1")
        #expect(await cluster.node("node1")?.assigned == .maintenance)
        let off = try await cluster.toolkit("maintenance", "off", "node1")
        #expect(off.status == 0, "\(off.output)\(off.errorOutput)")
        try await cluster.healthy()
    }

    // MARK: - Pause

    private func pause(_ cluster: ProcessCluster) async throws {
        let paused = try await cluster.toolkit("pause")
        #expect(paused.status == 0, "\(paused.output)\(paused.errorOutput)")
        #expect(try await cluster.toolkit("pause").status == 3)
        let refused = try await cluster.toolkit("switchover", "--yes")
        #expect(refused.status == 3)
        #expect(refused.errorOutput.contains("toolkit resume"))
        let state = try await cluster.toolkit("state")
        #expect(state.status == 2)
        #expect(state.output.contains("alarm: paused by an operator"))

        let term = try #require(await cluster.state()?.term)
        let killed = try await cluster.killPrimary()
        try await until("the loss is seen", within: .seconds(20)) {
            await cluster.node(killed)?.unreachable != nil
        }
        // Several times what a failover waits for.
        try await Task.sleep(for: .seconds(3))
        #expect(await cluster.state()?.term == term, "it failed over while it was paused")
        let resumed = try await cluster.toolkit("resume")
        #expect(resumed.status == 0, "\(resumed.output)\(resumed.errorOutput)")
        try await cluster.healthy()
        #expect(try #require(await cluster.state()).term > term)
        #expect(try await cluster.toolkit("resume").status == 3)
    }

    // MARK: - Failover

    private func refusedFailovers(_ cluster: ProcessCluster) async throws {
        let well = try await cluster.toolkit("failover", "--yes")
        #expect(well.status == 3)
        #expect(well.errorOutput.contains("node1 is open and answers"))
        #expect(try await cluster.toolkit("failover", "--allow-data-loss", "--yes").status == 64)
        let word = try await cluster.toolkit("failover", "--old-primary-is-down", "node1", "--yes")
        #expect(word.status == 64)
    }

    /// Two of three nodes are lost: nothing proves that the third has everything.
    private func failoverWithLoss(_ cluster: ProcessCluster) async throws {
        for node in ["node1", "node2"] as [NodeID] {
            try cluster.shut(node, true)
            try #require(Glibc.kill(try cluster.postmaster(node), SIGKILL) == 0)
        }
        try await until("it is suspected", within: .seconds(30)) {
            await cluster.state()?.phase == .suspect
        }
        let unproven = try await cluster.toolkit("failover", "--to", "node3", "--yes")
        #expect(unproven.status == 3, "\(unproven.output)\(unproven.errorOutput)")
        #expect(unproven.errorOutput.contains("too few voters answer"))
        let wrong = try await cluster.toolkit(
            "failover", "--to", "node3", "--allow-data-loss", "--old-primary-is-down", "node2",
            "--yes")
        #expect(wrong.status == 3)
        #expect(wrong.errorOutput.contains("the last primary is node1"))
        let opened = try await cluster.toolkit(
            "failover", "--to", "node3", "--allow-data-loss", "--old-primary-is-down", "node1",
            "--yes")
        #expect(opened.status == 0, "\(opened.output)\(opened.errorOutput)")
        #expect(opened.output.contains("node3 is primary"))
        for node in ["node1", "node2"] as [NodeID] { try cluster.shut(node, false) }
        try await cluster.healthy(within: .seconds(90))
        #expect(await cluster.state()?.primary == "node3")
    }
}

extension ProcessCluster {
    func node(_ id: NodeID) async -> ClusterView.Node? {
        await state()?.nodes.first { $0.id == id }
    }
}
