import ClusterFile
import Glibc
import PostgresClient
import Store
import Testing
import ToolkitTesting

@testable import FailoverCore
@testable import Scheduler

@Suite("Planned moves of real nodes", .serialized)
struct HandOverTests {
    /// The old primary's WAL usually ends at the last record that the new one has; a record of
    /// its own background behind it is rare, and costs a rewind: not three times in a row.
    @Test(.timeLimit(.minutes(5)), arguments: Policy.HandOver.allCases)
    func losesNothingAndTheOldPrimaryComesBackByAPlainStart(
        _ method: Policy.HandOver
    ) async throws {
        let yaml = "failover: { switchover_method: \(method.rawValue) }"
        try await TestCluster.with(3, yaml: yaml) { nodes in
            try await nodes.withScheduler { scheduler, store in
                for target in ["node3", "node1", "node2"] as [NodeID] {
                    try await nodes.whileWriting(scheduler, "SWITCHOVER by \(method)") {
                        let last = await scheduler.carryOut(.switchover(to: target))
                        #expect(
                            last == .finished(isDone: true, summary: "\(target) is primary"))
                    }
                    try await wait("all nodes are back", within: .seconds(60), scheduler) {
                        $0.isHealthy && $0.primary == target
                    }
                }
                let story = await store.story.map(\.summary)
                let step = method == .quiesce ? "quiesce" : "stop"
                #expect(story.count { $0.hasPrefix("\(step) on") && $0.hasSuffix("done") } == 3)
                let starts = story.count { $0.hasPrefix("rejoin on") && $0.hasSuffix("done") }
                #expect(method == .quiesce ? starts >= 1 : starts == 3)
                // A slot that nobody uses would hold WAL for ever.
                for standby in ["node1", "node3"] as [NodeID] {
                    try await until("no slot is left on \(standby)") {
                        try await nodes.value(
                            "SELECT count(*) FROM pg_replication_slots", on: standby) == "0"
                    }
                }
            }
        }
    }

    /// As a busy autovacuum would: what it writes goes past the fork, and PostgreSQL leaves it waiting.
    @Test(.timeLimit(.minutes(3)))
    func anOldPrimaryThatWroteOnIsRewound() async throws {
        try await TestCluster.with(3) { nodes in
            let folder = nodes.root + "/hooks/fence_command.d"
            try await nodes.sh("mkdir", "-p", folder)
            let late = """
                #!/bin/sh
                set -eu
                ask() { "$PG_BINDIR/psql" -X -A -t -h 127.0.0.1 -p \(nodes.node("node2").port) -U postgres -c "$1"; }
                until [ "$(ask 'SELECT pg_is_in_recovery()')" = f ]; do sleep 0.05; done
                "$PG_BINDIR/psql" -X -q -h "$PGHOST" -p "$PGPORT" -U postgres -d postgres <<SQL
                SET default_transaction_read_only = off; SET synchronous_commit = local;
                SELECT pg_logical_emit_message(true, 'late', repeat('x', 100000));
                SQL
                """
            try await nodes.runner.upload(
                Array(late.utf8), to: folder + "/pre-late", mode: 0o755, timeout: .seconds(5))
            try await nodes.withScheduler { scheduler, store in
                let last = await scheduler.carryOut(.switchover(to: "node2"))
                #expect(last == .finished(isDone: true, summary: "node2 is primary"))
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy && $0.primary == "node2"
                }
                let story = await store.story.map(\.summary)
                #expect(story.contains("rejoin on node1: done"), "\(story)")
                #expect(story.contains { $0.hasPrefix("rewind on node1: done") }, "\(story)")
            }
        }
    }

    /// Its WAL receiver is frozen: the lock is taken, the last record never arrives, and the old
    /// primary is open again.
    @Test(.timeLimit(.minutes(3)))
    func isUndoneWhenTheTargetReceivesNothing() async throws {
        try await TestCluster.with(3) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                try await nodes.whileWriting(scheduler, "SWITCHOVER undone") {
                    let receiver = try #require(
                        try await nodes.processes("walreceiver", on: "node2").first)
                    kill(receiver, SIGSTOP)
                    defer { kill(receiver, SIGCONT) }
                    let last = await scheduler.carryOut(.switchover(to: "node2"))
                    #expect(
                        last == .finished(isDone: false, summary: "undone: node1 is primary"))
                }
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy && $0.primary == "node1"
                }
            }
        }
    }

    /// Everybody's session ends, a superuser's too; the scheduler's own stay. Whoever comes back
    /// meanwhile is locked.
    @Test(.timeLimit(.minutes(4)))
    func aQuiescedPrimaryHasNoClientLeft() async throws {
        try await TestCluster.withNodes(2) { nodes, executor, cluster in
            let node = nodes.node("node1")
            try await nodes.onNode("node1") {
                try await $0.execute(
                    "CREATE ROLE app LOGIN; GRANT ALL ON t TO app;", timeout: .seconds(5))
            }
            var sessions: [Connection] = []
            for user in ["app", "postgres"] {
                let conninfo = Conninfo(
                    host: node.host, port: node.port, user: user, database: "postgres")
                let session = try await Connection.open(conninfo, timeout: .seconds(5))
                try await session.query("BEGIN", timeout: .seconds(5))
                try await session.query("SELECT txid_current()", timeout: .seconds(5))
                sessions.append(session)
            }
            let own = try await executor.link("node1").connect(within: .seconds(5))
            let target = cluster.applicationName("node2")
            let report = await executor.run(
                cluster.nextEffect(.quiesce(target: target), on: "node1"), in: cluster)
            guard case .done(.quiesced(let proof)) = report.outcome else {
                Issue.record("not quiesced: \(report)")
                return
            }
            for session in sessions {
                let gone = await #expect(throws: PostgresError.self) {
                    try await session.query("COMMIT", timeout: .seconds(5))
                }
                #expect(gone?.code == .adminShutdown || gone?.code == .closed)
            }
            #expect(try await own.query("SELECT 1", timeout: .seconds(5)).values == [["1"]])
            await own.close()
            #expect(proof.timeline == TimelineID(1))
            let received = try await nodes.value("SELECT pg_last_wal_receive_lsn()", on: "node2")
            #expect(try #require(LSN(received ?? "")) >= proof.end)
            let late = try await Connection.open(
                Conninfo(host: node.host, port: node.port, user: "app", database: "postgres"),
                timeout: .seconds(5))
            let refused = await #expect(throws: PostgresError.self) {
                try await late.query("INSERT INTO t VALUES (1)", timeout: .seconds(5))
            }
            await late.close()
            #expect(refused?.sqlState == "25006", "it is read-only")
        }
    }

    /// A target far behind would let every client wait: nothing is locked.
    @Test(.timeLimit(.minutes(4)))
    func aTargetThatIsFarBehindLocksNobody() async throws {
        try await TestCluster.withNodes(2) { nodes, executor, cluster in
            let receiver = try #require(
                try await nodes.processes("walreceiver", on: "node2").first)
            kill(receiver, SIGSTOP)
            defer { kill(receiver, SIGCONT) }
            try await nodes.writeWAL(megabytes: 12, on: "node1")
            let report = await executor.run(
                cluster.nextEffect(
                    .quiesce(target: cluster.applicationName("node2")), on: "node1"),
                in: cluster)
            guard case .tryAgain(let why) = report.outcome else {
                Issue.record("not put off: \(report)")
                return
            }
            #expect(why.contains("nothing was locked"))
            let isReadOnly = try await nodes.value(
                "SELECT setting FROM pg_file_settings WHERE name = 'default_transaction_read_only'"
                    + " AND applied", on: "node1")
            #expect(isReadOnly == "off")
        }
    }
}

extension Scheduler {
    /// Gives an order, and returns what was told of it last.
    func carryOut(_ command: OperatorCommand) async -> OrderProgress? {
        var last: OrderProgress?
        for await progress in order(command) { last = progress }
        return last
    }
}

extension Cluster {
    /// An effect of a step after everything that was stored.
    func nextEffect(_ action: Effect.Action, on node: NodeID, step: Int = 1) -> Effect {
        let stamp = Stamp(term: term.next, step: Revision(revision.number + step))
        return Effect(id: Effect.ID(stamp: stamp, node: node, name: action.name), action: action)
    }
}

extension TestCluster {
    /// A primary and streaming voters; the scheduler that made them has stopped.
    static func withNodes(
        _ number: Int, yaml: String = "", extras: [Int: String] = [:],
        _ body: (TestCluster, Executor, Cluster) async throws -> Void
    ) async throws {
        try await with(number, yaml: yaml, extras: extras) { nodes in
            var cluster: Cluster?
            try await nodes.withScheduler { scheduler, store in
                await scheduler.stop()
                cluster = try await store.load()
            }
            let stored = try #require(cluster)
            try await body(nodes, nodes.executor(storing: stored), stored)
        }
    }

    func executor(storing cluster: Cluster, holdsLock: Bool = true) -> Executor {
        Executor(
            settings: settings, runners: runners, sharedHooks: Self.share.hooks,
            standing: Standing(store: MemoryStore(cluster), holdsLock: { holdsLock }))
    }

    /// Leaves so much WAL behind, waiting for nobody.
    func writeWAL(megabytes: Int, on id: NodeID) async throws {
        try await onNode(id) { session in
            for _ in 0..<megabytes {
                try await session.query(
                    "SELECT pg_logical_emit_message(true, 'test', repeat('x', 1 << 20))",
                    timeout: .seconds(30))
            }
        }
    }
}
