import ClusterFile
import Foundation
import Glibc
import PostgresClient
import Store
import Testing
import ToolkitTesting

@testable import FailoverCore
@testable import Scheduler

/// Effects on real nodes, one by one, without a scheduler that decides.
@Suite("What effects leave behind", .serialized)
struct ExecutorTests {
    private func withNodes(
        _ body: (TestCluster, Executor, Cluster) async throws -> Void
    ) async throws {
        try await TestCluster.withNodes(2, body)
    }

    private func effect(
        _ action: Effect.Action, on node: NodeID, after cluster: Cluster, step: Int = 1
    ) -> Effect { cluster.nextEffect(action, on: node, step: step) }

    @Test(.timeLimit(.minutes(2)))
    func aSealIsSeenAndUndoneByNobody() async throws {
        try await withNodes { nodes, executor, cluster in
            let report = await executor.run(
                effect(.seal, on: "node2", after: cluster), in: cluster)
            guard case .done(.sealed(let proof)) = report.outcome else {
                Issue.record("not sealed: \(report)")
                return
            }
            #expect(!proof.isOutOfRecovery)
            let primaryEnd = try #require(
                LSN(try await nodes.value("SELECT pg_current_wal_flush_lsn()", on: "node1") ?? ""))
            #expect(proof.position <= primaryEnd)
            let senders = try await nodes.value(
                "SELECT count(*) FROM pg_stat_replication", on: "node1")
            #expect(senders == "0")

            // Under its own stamp again it is the same; an older stamp is refused.
            let again = await executor.run(effect(.seal, on: "node2", after: cluster), in: cluster)
            #expect(again.outcome == report.outcome)
            let stale = await executor.run(
                effect(.seal, on: "node2", after: cluster, step: -1), in: cluster)
            #expect(stale.outcome == .stale)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func pausedReplayIsResumedForASeal() async throws {
        try await withNodes { nodes, executor, cluster in
            _ = try await nodes.value("SELECT pg_wal_replay_pause()", on: "node2")
            try await nodes.onNode("node1") {
                try await $0.query("INSERT INTO t VALUES (1)", timeout: .seconds(5))
            }
            let report = await executor.run(
                effect(.seal, on: "node2", after: cluster), in: cluster)
            guard case .done(.sealed) = report.outcome else {
                Issue.record("not sealed: \(report)")
                return
            }
            #expect(report.output.contains("replay resumed"))
            #expect(try await nodes.value("SELECT count(*) FROM t", on: "node2") == "1")
        }
    }

    /// A reader holds a lock that the startup process waits for: the reader goes.
    @Test(.timeLimit(.minutes(2)))
    func aSessionThatBlocksReplayIsEnded() async throws {
        try await withNodes { nodes, executor, cluster in
            try await nodes.onNode("node1") {
                try await $0.execute(
                    "CREATE ROLE reader LOGIN; GRANT ALL ON t TO reader;",
                    timeout: .seconds(5))
            }
            try await until("the role is replayed") {
                try await nodes.value(
                    "SELECT count(*) FROM pg_roles WHERE rolname = 'reader'", on: "node2") == "1"
            }
            let node = nodes.node("node2")
            let reader = try await Connection.open(
                Conninfo(host: node.host, port: node.port, user: "reader", database: "postgres"),
                timeout: .seconds(5))
            try await reader.query("BEGIN", timeout: .seconds(5))
            try await reader.query("SELECT count(*) FROM t", timeout: .seconds(5))
            try await nodes.onNode("node1") {
                try await $0.query("ALTER TABLE t ADD COLUMN more int", timeout: .seconds(5))
            }
            try await until("replay waits for a lock") {
                try await nodes.value(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted", on: "node2") == "1"
            }
            let report = await executor.run(
                effect(.seal, on: "node2", after: cluster), in: cluster)
            guard case .done(.sealed) = report.outcome else {
                Issue.record("not sealed: \(report)")
                return
            }
            let gone = await #expect(throws: PostgresError.self) {
                try await reader.query("SELECT 1", timeout: .seconds(5))
            }
            #expect(gone?.code == .adminShutdown || gone?.code == .closed)
        }
    }

    /// The barrier proves nothing while the new voter is frozen, and says so in time.
    @Test(.timeLimit(.minutes(2)))
    func aFrozenVoterClosesNoReconfiguration() async throws {
        try await withNodes { nodes, executor, cluster in
            let name = cluster.applicationName("node2")
            let change = Effect.Reconfiguration(
                standbyNames: "ANY 1 (\(name))", required: 1, voters: [name], everyVoter: [name],
                startsFromNone: false)
            let well = await executor.run(
                effect(.reconfigure(change), on: "node1", after: cluster), in: cluster)
            #expect(well.outcome == .done(.none))

            let receiver = try #require(
                Int32(
                    try await nodes.value(
                        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'",
                        on: "node2") ?? ""))
            kill(receiver, SIGSTOP)
            defer { kill(receiver, SIGCONT) }
            let frozen = await executor.run(
                effect(.reconfigure(change), on: "node1", after: cluster, step: 2), in: cluster)
            switch frozen.outcome {
            case .tryAgain, .unknown: break
            default: Issue.record("not kept open: \(frozen)")
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func withoutARunnerAFenceLocksOverSQLAndSaysThatItFailed() async throws {
        try await withNodes { nodes, executor, cluster in
            nodes.runner.breakDown()
            let report = await executor.run(
                effect(.fence, on: "node1", after: cluster), in: cluster)
            guard case .failed(let because) = report.outcome else {
                Issue.record("not failed: \(report)")
                return
            }
            #expect(because.contains("locked over SQL, but not stopped"))
            let names = try await nodes.value("SHOW synchronous_standby_names", on: "node1")
            #expect(names == NodeObservation.lockedNames)
            nodes.runner.repair()
            let stopped = await executor.run(
                effect(.fence, on: "node1", after: cluster, step: 2), in: cluster)
            #expect(stopped.outcome == .done(.none))
            let look = await executor.run(
                effect(.inspect, on: "node1", after: cluster, step: 2), in: cluster)
            guard case .done(.inspected(let seen)) = look.outcome else {
                Issue.record("not inspected: \(look)")
                return
            }
            #expect(!seen.isPostmasterRunning)
            #expect(seen.dataDirectory == .present)
            #expect(seen.systemIdentifier == cluster.systemIdentifier)
        }
    }
}
