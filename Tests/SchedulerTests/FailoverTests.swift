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
    func aKilledPrimaryIsReplacedAndRejoins() async throws {
        try await TestCluster.with(3) { nodes in
            let store = MemoryStore(try await nodes.firstState())
            let scheduler = nodes.scheduler(store, try #require(try await store.load()))
            let running = Task { await scheduler.run() }
            defer { running.cancel() }
            let story = Task { await Story.print(scheduler) }
            defer { story.cancel() }

            for await progress in scheduler.order(.bootstrap(first: "node1")) {
                print("bootstrap: \(progress)")
            }
            try await wait("all nodes are up", within: .seconds(90), scheduler) { $0.isHealthy }

            for round in 1...3 {
                let primary = try #require(await scheduler.view.primary)
                let writer = Writer(nodes)
                let writing = Task { await writer.run() }
                try await wait("the writer writes", within: .seconds(10), scheduler) { _ in
                    writer.count > 20
                }
                let killed = ContinuousClock.now
                kill(try #require(nodes.postmaster(primary)), SIGKILL)
                try await wait("another is primary", within: .seconds(20), scheduler) {
                    $0.primary != nil && $0.primary != primary
                }
                try await wait("writes go on", within: .seconds(20), scheduler) { _ in
                    writer.lastGap(since: killed) != nil
                }
                print("OUTAGE \(round): \(writer.lastGap(since: killed) ?? .zero)")
                try await wait("all nodes are back", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
                writing.cancel()
                await writing.value
                let now = try #require(await scheduler.view.primary)
                let missing = try await writer.missing(on: now)
                #expect(missing.isEmpty, "acknowledged rows lost")
            }
        }
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

    /// From the last acknowledged write before `moment` (plus a little) to the first one after it.
    func lastGap(since moment: ContinuousClock.Instant) -> Duration? {
        acknowledged.withLock { all in
            guard let first = all.first(where: { $0.at > moment + .milliseconds(30) }) else {
                return nil
            }
            return first.at - moment
        }
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
