import ClusterFile
import Foundation
import PostgresClient
import Scheduler
import Store
import Testing
import ToolkitTesting

@testable import FailoverCore
@testable import Scheduler

/// What an effect that comes twice, comes late, or loses its scheduler does to a standby.
@Suite("Attaching a standby", .serialized)
struct AttachTests {
    private func attachment(_ cluster: Cluster) -> Effect.Attachment {
        let node: NodeID = "node2"
        return Effect.Attachment(
            upstream: "node1", applicationName: cluster.applicationName(node), slot: node.slot)
    }

    @Test(.timeLimit(.minutes(2)))
    func aRejoinThatIsDoneLeavesItsStandbyAlone() async throws {
        try await TestCluster.withNodes(2) { nodes, executor, cluster in
            let rejoin = cluster.nextEffect(
                .rejoin(.start, attachment(cluster), switchLSN: .zero), on: "node2")
            let before = try #require(nodes.postmaster("node2"))
            #expect(
                await executor.run(rejoin, in: cluster).outcome
                    == .done(.rejoined(rewoundFrom: nil)))
            let made = try #require(nodes.postmaster("node2"))
            #expect(made != before)
            // Its answer was lost: the same effect again.
            #expect(
                await executor.run(rejoin, in: cluster).outcome
                    == .done(.rejoined(rewoundFrom: nil)))
            #expect(nodes.postmaster("node2") == made)
            #expect(kill(made, 0) == 0)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func slotsThatALaterStepMadeAreNotDropped() async throws {
        try await TestCluster.withNodes(2) { nodes, executor, cluster in
            func follow(_ step: Int) -> Effect {
                cluster.nextEffect(.follow(attachment(cluster)), on: "node2", step: step)
            }
            #expect(await executor.run(follow(2), in: cluster).outcome == .done(.none))
            let link = try executor.link("node2")
            let slot = NodeID("node1").slot
            _ = try await nodes.value(
                "SELECT pg_create_physical_replication_slot('\(slot)')", on: "node2")
            let count = "SELECT count(*) FROM pg_replication_slots"
            let late = EffectWork(effect: follow(1), cluster: cluster, notes: Notes())
            await executor.dropStaleSlots(late, on: link)
            #expect(try await nodes.value(count, on: "node2") == "1")
            let present = EffectWork(effect: follow(2), cluster: cluster, notes: Notes())
            await executor.dropStaleSlots(present, on: link)
            #expect(try await nodes.value(count, on: "node2") == "0", "\(present.notes.text)")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func aCloneGoesOnWhenItsSchedulerIsStopped() async throws {
        try await TestCluster.with(2) { nodes in
            let folder = nodes.root + "/hooks"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let script = #"""
                #!/bin/sh
                : >"$TOOLKIT_STATE_DIR/began"
                until [ -e "$TOOLKIT_STATE_DIR/go" ]; do sleep 0.05; done
                : >"$TOOLKIT_STATE_DIR/ended"
                """#
            try Data(script.utf8).write(to: URL(fileURLWithPath: folder + "/clone_command.sh"))
            let files = nodes.node("node2").stateDirectory
            func exists(_ name: String) -> Bool { access("\(files)/\(name)", F_OK) == 0 }

            let store = MemoryStore(try await nodes.firstState())
            let scheduler = nodes.scheduler(store, try #require(try await store.load()))
            let running = Task { await scheduler.run() }
            let order = Task {
                for await _ in scheduler.order(.bootstrap(first: "node1")) {}
            }
            defer {
                running.cancel()
                order.cancel()
            }
            try await until("the clone runs", within: .seconds(60)) { exists("began") }
            await scheduler.stop()
            #expect(!exists("ended"))
            try Data().write(to: URL(fileURLWithPath: files + "/go"))
            try await until("the clone has ended") { exists("ended") }
        }
    }
}
