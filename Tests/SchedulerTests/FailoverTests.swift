import ClusterFile
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Scheduler
import Store
import Synchronization
import Testing

@Suite("Failover of real nodes", .serialized)
struct FailoverTests {
    @Test(.timeLimit(.minutes(3)))
    func aKilledPrimaryIsReplacedAndComesBack() async throws {
        try await TestCluster.with(3) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                for round in 1...2 {
                    let primary = try #require(await scheduler.view.primary)
                    try await nodes.whileWriting(scheduler, "OUTAGE \(round)") {
                        kill(try #require(nodes.postmaster(primary)), SIGKILL)
                        try await wait("another is primary", within: .seconds(20), scheduler) {
                            $0.primary != nil && $0.primary != primary
                        }
                    }
                    try await wait("all nodes are back", within: .seconds(60), scheduler) {
                        $0.isHealthy
                    }
                }
            }
        }
    }

    /// No command can be run on any node: what must happen goes over SQL.
    @Test(.timeLimit(.minutes(3)), arguments: BreakableRunner.Fault.allCases)
    func failsOverWhenNoRunnerAnswers(_ fault: BreakableRunner.Fault) async throws {
        try await TestCluster.with(3) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                try await nodes.whileWriting(scheduler, "OUTAGE by SQL, runners \(fault)") {
                    nodes.runner.breakDown(fault)
                    kill(try #require(nodes.postmaster("node1")), SIGKILL)
                    try await wait("another is primary", within: .seconds(20), scheduler) {
                        $0.primary != nil && $0.primary != "node1"
                    }
                }
                nodes.runner.repair()
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
            }
        }
    }

    /// The next scheduler takes over at any moment of a failover and brings it to its end.
    @Test(.timeLimit(.minutes(3)))
    func anotherSchedulerGoesOnWhereTheFirstOneEnded() async throws {
        try await TestCluster.with(3) { nodes in
            try await nodes.withScheduler { first, store in
                kill(try #require(nodes.postmaster("node1")), SIGKILL)
                try await wait("a node is being promoted", within: .seconds(20), first) {
                    [.promoting, .opening, .following].contains($0.phase)
                }
                await first.stop()
                let cluster = try #require(try await store.load())
                let second = nodes.scheduler(store, cluster)
                let running = Task { await second.run() }
                defer { running.cancel() }
                try await wait("all nodes are back", within: .seconds(60), second) {
                    $0.isHealthy && $0.primary != "node1"
                }
            }
        }
    }
}

extension TestCluster {
    /// All nodes up under a scheduler.
    func withScheduler(_ body: (Scheduler, MemoryStore) async throws -> Void) async throws {
        let store = MemoryStore(try await firstState())
        let scheduler = scheduler(store, try #require(try await store.load()))
        let running = Task { await scheduler.run() }
        let story = Task { await Story.print(scheduler) }
        defer {
            running.cancel()
            story.cancel()
        }
        for await _ in scheduler.order(.bootstrap(first: "node1")) {}
        try await wait("all nodes are up", within: .seconds(90), scheduler) { $0.isHealthy }
        try await body(scheduler, store)
    }

    /// Writes while `body` does harm; afterwards writes must go on, and no acknowledged one be lost.
    func whileWriting(
        _ scheduler: Scheduler, _ what: String, _ body: () async throws -> Void
    ) async throws {
        let writer = Writer(self)
        let writing = Task { await writer.run() }
        defer { writing.cancel() }
        try await wait("the writer writes", within: .seconds(10), scheduler) { _ in
            writer.count > 20
        }
        let began = ContinuousClock.now
        try await body()
        let before = writer.count
        try await wait("writes go on", within: .seconds(20), scheduler) { _ in
            writer.count > before
        }
        let pause = writer.longestPause(since: began)
        print("\(what): \(pause) without an acknowledged write")
        writing.cancel()
        await writing.value
        let missing = try await writer.missing(on: try #require(await scheduler.view.primary))
        #expect(missing.isEmpty, "acknowledged rows are lost")
    }
}

/// Asks the scheduler's view until it is as wanted.
func wait(
    _ what: String, within timeout: Duration, _ scheduler: Scheduler,
    _ isThere: (ClusterView) -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    var view = await scheduler.view
    while !isThere(view) {
        guard ContinuousClock.now < deadline else {
            throw TestClusterError("\(what): not in time; \(view)")
        }
        try await Task.sleep(for: .milliseconds(10))
        view = await scheduler.view
    }
}

enum Story {
    /// Prints every event, for whoever reads a failed test.
    static func print(_ scheduler: Scheduler) async {
        let start = ContinuousClock.now
        for await update in await scheduler.updates() {
            for event in update.events {
                let took = event.durationMs.map { " \($0) ms" } ?? ""
                Swift.print(
                    "\(ContinuousClock.now - start) \(event.summary)\(took) — \(event.because)"
                        + (event.output.map { "\n      | " + $0.suffix(400) } ?? ""))
            }
        }
    }
}

/// Writes rows as an application does: to whichever node accepts writes, one commit at a time.
final class Writer: Sendable {
    private let nodes: TestCluster
    private let acknowledged = Mutex<[(id: Int64, at: ContinuousClock.Instant)]>([])

    init(_ nodes: TestCluster) { self.nodes = nodes }

    var count: Int { acknowledged.withLock { $0.count } }

    /// The longest time between two acknowledged writes.
    func longestPause(since moment: ContinuousClock.Instant) -> Duration {
        let moments = acknowledged.withLock { $0.map(\.at) }
        return zip(moments, moments.dropFirst()).filter { $1 > moment }.map { $1 - $0 }.max()
            ?? .zero
    }

    func missing(on id: NodeID) async throws -> [Int64] {
        var present: Set<Int64> = []
        try await nodes.onNode(id) { session in
            let rows = try await session.query("SELECT id FROM t", timeout: .seconds(30))
            present = Set(rows.values.compactMap { $0[0].flatMap { Int64($0) } })
        }
        return acknowledged.withLock { $0.map(\.id) }.filter { !present.contains($0) }
    }

    func run() async {
        var id = Int64.random(in: 0..<1 << 40) << 20
        var session: Connection?
        while !Task.isCancelled {
            guard let open = session else {
                session = await connect()
                if session == nil { try? await Task.sleep(for: .milliseconds(10)) }
                continue
            }
            id += 1
            do {
                try await open.query("INSERT INTO t VALUES (\(id))", timeout: .seconds(5))
                let row = (id, ContinuousClock.now)
                acknowledged.withLock { $0.append(row) }
            } catch {
                await open.close()
                session = nil
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        await session?.close()
    }

    private func connect() async -> Connection? {
        for node in nodes.settings.nodes {
            let conninfo = Conninfo(
                host: node.host, port: node.port, user: "postgres", database: "postgres")
            guard let session = try? await Connection.open(conninfo, timeout: .milliseconds(500))
            else { continue }
            let isWritable =
                try? await session.query(
                    "SELECT NOT pg_is_in_recovery() AND "
                        + "current_setting('default_transaction_read_only') = 'off'",
                    timeout: .milliseconds(500)
                ).values[0][0] == "t"
            if isWritable == true { return session }
            await session.close()
        }
        return nil
    }
}
