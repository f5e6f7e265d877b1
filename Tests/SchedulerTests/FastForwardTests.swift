import FailoverCore
import Foundation
import Glibc
import Store
import Testing
import ToolkitTesting

@testable import Scheduler

@Suite("A preferred standby that lacks a little", .serialized)
struct FastForwardTests {
    /// node2 is preferred, and its receiver was frozen while the primary went on.
    @Test(.timeLimit(.minutes(3)))
    func fetchesItFromAPeerThatIsCutOffToo() async throws {
        let yaml = "failover: { fast_forward_max: 128MB, fast_forward_timeout: 30s }"
        try await TestCluster.with(3, yaml: yaml, extras: [2: "priority: 100"]) { nodes in
            try await nodes.withScheduler { scheduler, store in
                try await nodes.whileWriting(scheduler, "OUTAGE with fast-forward") {
                    let receiver = try #require(
                        try await nodes.processes("walreceiver", on: "node2").first)
                    kill(receiver, SIGSTOP)
                    defer { kill(receiver, SIGCONT) }
                    // More than two socket buffers hold for it.
                    try await nodes.writeWAL(megabytes: 24, on: "node1")
                    let end = try #require(
                        LSN(
                            try await nodes.value(
                                "SELECT pg_current_wal_flush_lsn()", on: "node1") ?? ""))
                    try await until("node3 has received it") {
                        let received = try await nodes.value(
                            "SELECT pg_last_wal_receive_lsn()", on: "node3")
                        return received.flatMap { LSN($0) }.map { $0 >= end } ?? false
                    }
                    kill(try #require(nodes.postmaster("node1")), SIGKILL)
                    kill(receiver, SIGCONT)
                    try await wait("node2 is primary", within: .seconds(60), scheduler) {
                        $0.primary == "node2"
                    }
                }
                let story = await store.story.map(\.summary)
                #expect(story.contains("fast_forward on node2: done"))
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
            }
        }
    }

    /// Its peer has no more: it gives up in time, and says where it is.
    @Test(.timeLimit(.minutes(2)))
    func saysHowFarItGot() async throws {
        let yaml = "failover: { fast_forward_timeout: 1s }"
        try await TestCluster.withNodes(3, yaml: yaml) { nodes, executor, cluster in
            for node in ["node2", "node3"] as [NodeID] {
                let sealed = await executor.run(
                    cluster.nextEffect(.seal, on: node), in: cluster)
                guard case .done(.sealed) = sealed.outcome else {
                    Issue.record("not sealed: \(sealed)")
                    return
                }
            }
            let attachment = Effect.Attachment(
                upstream: "node3", applicationName: "node2_9", slot: "toolkit_node2")
            let far = try #require(LSN("F/0"))
            let report = await executor.run(
                cluster.nextEffect(.fastForward(attachment, to: far), on: "node2", step: 2),
                in: cluster)
            guard case .unknown(let why) = report.outcome else {
                Issue.record("not given up: \(report)")
                return
            }
            #expect(why.contains("not F/0"))
            #expect(
                try await nodes.value(
                    "SELECT application_name FROM pg_stat_replication", on: "node3") == "node2_9")
            #expect(
                try await nodes.value("SELECT count(*) FROM pg_replication_slots", on: "node3")
                    == "0")
        }
    }
}
