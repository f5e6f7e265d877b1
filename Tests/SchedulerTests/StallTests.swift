import ClusterFile
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Store
import Testing
import ToolkitTesting

@testable import Scheduler

/// A primary that answers, and takes no write: its WAL is held by a process that is stopped in the
/// middle of a flush, as by a disk that hangs.
@Suite("Writes that hang", .serialized)
struct StallTests {
    @Test(.timeLimit(.minutes(2)))
    func aCanaryTellsWhatItWaitsFor() async throws {
        try await TestCluster.withNodes(1) { nodes, executor, _ in
            let canary = WriteCanary(
                link: try executor.link("node1"), timeout: .milliseconds(700))
            #expect(await canary.run() == .written)
            let stalled = try await nodes.freezeWAL(of: "node1")
            defer { stalled.thaw() }
            guard case .stalled(let wait)? = await canary.run() else {
                Issue.record("nothing was noticed")
                return
            }
            #expect(wait.contains("WAL"))
            stalled.thaw()
            #expect(await canary.run() == .written)
            try await until("no session of our own stays behind") {
                try await nodes.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toolkit'"
                        + " AND pid <> pg_backend_pid()", on: "node1") == "0"
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func thePrimaryIsStoppedAndReplaced() async throws {
        let yaml =
            "failover: { on_stall: failover, stall_timeout: 2s, canary_interval: 1s }"
        try await TestCluster.with(3, yaml: yaml) { nodes in
            try await nodes.withScheduler { scheduler, store in
                try await nodes.whileWriting(scheduler, "OUTAGE by a hung disk") {
                    let stalled = try await nodes.freezeWAL(of: "node1")
                    defer { stalled.thaw() }
                    try await wait("it is told", within: .seconds(20), scheduler) {
                        $0.alarms.contains { $0.hasPrefix("writes hang on node1") }
                    }
                    try await wait("another is primary", within: .seconds(60), scheduler) {
                        $0.primary != nil && $0.primary != "node1"
                    }
                }
                let rules = await store.story.compactMap(\.rule)
                #expect(rules.contains("suspect.stalled"))
                // By the fence's word, or by a look that finds no process of it.
                let fenced = try #require(rules.firstIndex(of: "sealing.fenced"))
                let promoted = try #require(rules.firstIndex(of: "sealing.promote"))
                #expect(fenced < promoted, "promoted before the old primary was stopped")
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func isOnlyToldWhenTheFileSaysSo() async throws {
        let yaml = "failover: { on_stall: alarm, stall_timeout: 1s, canary_interval: 1s }"
        try await TestCluster.with(2, yaml: yaml) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                let stalled = try await nodes.freezeWAL(of: "node1")
                defer { stalled.thaw() }
                let alarm = "writes hang on node1"
                try await wait("it is told", within: .seconds(20), scheduler) {
                    $0.alarms.contains { $0.hasPrefix(alarm) }
                }
                // Three times as long as a failover would wait for.
                let until = ContinuousClock.now + .seconds(3)
                while ContinuousClock.now < until {
                    #expect(await scheduler.view.primary == "node1")
                    try await Task.sleep(for: .milliseconds(100))
                }
                stalled.thaw()
                try await wait("the alarm is gone", within: .seconds(20), scheduler) {
                    !$0.alarms.contains { $0.hasPrefix(alarm) } && $0.isHealthy
                }
            }
        }
    }

    /// What the schedule asks for after each probe.
    @Test func canariesComeOnlyWhileNothingMoves() {
        func seen(_ position: UInt64, isReadOnly: Bool = false) -> NodeObservation {
            NodeObservation(
                systemIdentifier: "1", isInRecovery: false, timeline: TimelineID(1),
                history: TimelineHistory(timeline: TimelineID(1)), position: LSN(position),
                standbyNames: "", isReadOnly: isReadOnly)
        }
        var schedule = CanarySchedule()
        let start = ContinuousClock.now
        func due(_ position: UInt64, after seconds: Int, isUrgent: Bool = false)
            -> CanarySchedule.Due
        {
            schedule.due(
                after: seen(position), at: start + .seconds(seconds), every: .seconds(10),
                isUrgent: isUrgent)
        }
        #expect(due(1, after: 0) == .canary)
        schedule.note(.written, at: start)
        #expect(due(2, after: 1) == .nothing, "the canary itself moved it")
        #expect(due(2, after: 2) == .nothing, "too soon")
        #expect(due(2, after: 2, isUrgent: true) == .canary)
        #expect(due(2, after: 10) == .canary)
        schedule.note(.stalled("IO WALSync"), at: start + .seconds(10))
        #expect(due(2, after: 11) == .canary, "asked again until it moves")
        #expect(due(3, after: 12) == .isWritten)
        #expect(due(4, after: 30) == .nothing, "it moves by itself")
        let locked = schedule.due(
            after: seen(4, isReadOnly: true), at: start + .seconds(60), every: .seconds(10),
            isUrgent: true)
        #expect(locked == .nothing)
    }
}

/// A backend that was stopped while it held the lock of the WAL's writing.
final class StalledWAL: Sendable {
    let pid: Int32
    private let writing: Task<Void, Never>

    init(pid: Int32, writing: Task<Void, Never>) {
        self.pid = pid
        self.writing = writing
    }

    /// It ends, too: a loop notices neither its client's end nor a cancelled wait.
    func thaw() {
        kill(pid, SIGTERM)
        kill(pid, SIGCONT)
        writing.cancel()
    }
}

extension TestCluster {
    /// Stops a backend that does nothing but flush, again and again, until one of these moments is
    /// inside a flush.
    func freezeWAL(of id: NodeID) async throws -> StalledWAL {
        let node = node(id)
        var conninfo = Conninfo(
            host: node.host, port: node.port, user: "postgres", database: "postgres")
        conninfo["options"] = "-c default_transaction_read_only=off -c synchronous_commit=local"
        let writer = try await Connection.open(conninfo, timeout: .seconds(10))
        let pid = Int32(try #require(await writer.backendPID))
        let writing = Task {
            _ = try? await writer.execute(
                """
                DO $$ BEGIN LOOP
                  PERFORM pg_logical_emit_message(true, 'test', repeat('x', 8192)); COMMIT;
                END LOOP; END $$
                """, timeout: .seconds(600))
            await writer.close()
        }
        for _ in 0..<400 {
            try await Task.sleep(for: .milliseconds(Int.random(in: 5...25)))
            kill(pid, SIGSTOP)
            // Stopped in another place it may hold what every new session needs.
            if (try? await isFlushHeld(conninfo)) == true {
                return StalledWAL(pid: pid, writing: writing)
            }
            kill(pid, SIGCONT)
        }
        StalledWAL(pid: pid, writing: writing).thaw()
        throw TestClusterError("no flush could be stopped")
    }

    private func isFlushHeld(_ conninfo: Conninfo) async throws -> Bool {
        let session = try await Connection.open(conninfo, timeout: .seconds(2))
        defer { Task { await session.close() } }
        do throws(PostgresError) {
            try await session.query(
                "SELECT pg_logical_emit_message(true, 'test', '')", timeout: .milliseconds(300))
            return false
        } catch {
            return error.code == .timedOut
        }
    }
}
