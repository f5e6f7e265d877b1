import FailoverCore
import Glibc
import Scheduler
import Store
import Testing

@Suite("Failover without synchronous standbys", .serialized)
struct AsynchronousTests {
    private static let yaml = "synchronous: { number_sync_standbys: 0 }"

    /// No node can be reached by commands: the old primary can't be seen stopped, though it is.
    @Test(.timeLimit(.minutes(3)))
    func waitsUntilTheOldPrimaryWasSeenStopped() async throws {
        try await TestCluster.with(3, yaml: Self.yaml) { nodes in
            try await nodes.withScheduler { scheduler, store in
                nodes.runner.breakDown()
                kill(try #require(nodes.postmaster("node1")), SIGKILL)
                try await wait("it is blocked", within: .seconds(30), scheduler) {
                    $0.phase == .blocked && $0.waitingFor.contains("node1 to be seen stopped")
                }
                for node in ["node2", "node3"] as [NodeID] {
                    #expect(try await nodes.value("SELECT pg_is_in_recovery()", on: node) == "t")
                }
                nodes.runner.repair()
                try await wait("another is primary", within: .seconds(30), scheduler) {
                    $0.primary != nil && $0.primary != "node1"
                }
                let rules = await store.story.compactMap(\.rule)
                let fenced = try #require(rules.firstIndex(of: "sealing.fence"))
                let promoted = try #require(rules.firstIndex(of: "sealing.promote"))
                #expect(fenced < promoted)
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func doesNotWaitWhenTheWindowIsAccepted() async throws {
        let yaml = Self.yaml + "\nfailover: { accept_split_brain_window: true }"
        try await TestCluster.with(3, yaml: yaml) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                nodes.runner.breakDown()
                kill(try #require(nodes.postmaster("node1")), SIGKILL)
                try await wait("another is primary", within: .seconds(30), scheduler) {
                    $0.primary != nil && $0.primary != "node1"
                }
                nodes.runner.repair()
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
            }
        }
    }

    /// A switchover loses nothing all the same: the target has the last record.
    @Test(.timeLimit(.minutes(3)))
    func aSwitchoverLosesNothing() async throws {
        try await TestCluster.with(2, yaml: Self.yaml) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                try await nodes.whileWriting(scheduler, "SWITCHOVER, asynchronous") {
                    let last = await scheduler.carryOut(.switchover(to: "node2"))
                    #expect(last == .finished(isDone: true, summary: "node2 is primary"))
                }
                try await wait("both nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy && $0.primary == "node2"
                }
            }
        }
    }
}
