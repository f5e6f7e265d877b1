import ClusterFile
import FailoverCore
import Foundation
import Glibc
import Store
import Testing
import ToolkitTesting

@testable import Scheduler

@Suite("A node that cluster.yaml no longer names", .serialized)
struct RemovedNodeTests {
    @Test(.timeLimit(.minutes(4)))
    func isCountedNoMoreAndLeftAloneUntilItIsStopped() async throws {
        try await TestCluster.with(3) { nodes in
            try await nodes.withScheduler { first, store in
                await first.stop()
                let server = try #require(nodes.postmaster("node3"))
                let second = Scheduler(
                    settings: try nodes.settings(without: "node3"), store: store,
                    cluster: try #require(try await store.load()), runners: nodes.runners,
                    sharedHooks: TestCluster.share.hooks)
                let running = Task { await second.run() }
                defer { running.cancel() }
                try await leavesTheQuorum(nodes, second)
                #expect(nodes.postmaster("node3") == server)

                try await nodes.sh(
                    ThrowawayPostgres.binDirectory + "/pg_ctl", "stop", "-m", "fast", "-D",
                    nodes.node("node3").dataDirectory)
                try await wait("nothing of it is left", within: .seconds(20), second) {
                    $0.isHealthy && $0.nodes.map(\.id) == ["node1", "node2"]
                }
                #expect(try await nodes.slots(on: "node1") == ["toolkit_node2"])

                try await nodes.whileWriting(second, "OUTAGE of the two that are left") {
                    kill(try #require(nodes.postmaster("node1")), SIGKILL)
                    try await wait("node2 is primary", within: .seconds(20), second) {
                        $0.primary == "node2"
                    }
                }
                try await wait("both are back", within: .seconds(60), second) { $0.isHealthy }
                #expect(try await nodes.slots(on: "node2") == ["toolkit_node1"])
                #expect(nodes.postmaster("node3") == nil)
            }
        }
    }

    private func leavesTheQuorum(_ nodes: TestCluster, _ scheduler: Scheduler) async throws {
        try await wait("it is not counted", within: .seconds(20), scheduler) {
            $0.phase == .steady && $0.configs == [QuorumConfig(required: 1, voters: ["node2"])]
        }
        let names = try await nodes.value("SHOW synchronous_standby_names", on: "node1")
        #expect(names?.hasPrefix("ANY 1 (node2_") == true, "\(names ?? "")")
        #expect(names?.contains("node3") == false, "\(names ?? "")")
        let streams = "SELECT state FROM pg_stat_replication WHERE application_name LIKE 'node3%'"
        #expect(try await nodes.value(streams, on: "node1") == "streaming")
        #expect(try await nodes.slots(on: "node1") == ["toolkit_node2", "toolkit_node3"])
        let alarms = ["node3 is not in cluster.yaml any more: it is left alone"]
        #expect(await scheduler.view.alarms == alarms)
    }

    @Test func aFileWithoutThePrimaryIsRefused() async throws {
        let store = MemoryStore(LoopTests.cluster())
        var settings = try LoopTests.settings()
        settings.nodes.removeFirst()
        settings.policy.nodes.removeFirst()
        let error = await #expect(throws: SchedulerError.self) {
            try await SchedulerDaemon.takeOver(settings, store)
        }
        #expect(error?.code == .configuration)
        #expect(error?.because == "its primary node1 is not in cluster.yaml")
        #expect(await store.calls[.save] == nil)
    }
}

extension TestCluster {
    /// What the file says when the last node is cut out of it.
    fileprivate func settings(without last: NodeID) throws -> ClusterSettings {
        let text = try String(contentsOfFile: root + "/cluster.yaml", encoding: .utf8)
        let end = try #require(text.range(of: "  - name: \(last)"))
        return try ClusterFile.parse(String(text[..<end.lowerBound]), baseDirectory: root).settings
    }

    fileprivate func slots(on id: NodeID) async throws -> [String] {
        let names = try await value(
            "SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots",
            on: id)
        return (names ?? "").split(separator: " ").map(String.init)
    }
}
