import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Store
import Synchronization
import Testing
import ToolkitTesting

@testable import Scheduler

/// The loop with a store that fails and nodes that nobody listens on.
@Suite("Stored before done")
struct LoopTests {
    /// None can be started; those that would change a node are counted.
    final class CountingRunner: CommandRunner {
        let count = Counter()
        var place: String { "nowhere" }

        func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
            if command.arguments[0].hasSuffix("/node-apply") { count.add() }
            throw ExecutionError(.refused, "cannot connect", because: "a test", next: "nothing")
        }
        func upload(
            _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
        ) async throws(ExecutionError) {
            throw ExecutionError(.refused, "cannot connect", because: "a test", next: "nothing")
        }
        func close() async {}
    }

    static func settings(
        _ directory: String = "/tmp", node2 port: Int = 3
    ) throws -> ClusterSettings {
        try ClusterFile.parse(
            """
            cluster: test
            lab: true
            execution: local
            postgresql: { version: 15, authentication: trust }
            scheduler: { directory: \(directory) }
            nodes:
              - { name: node1, host: 127.0.0.1, port: 2, data_dir: /tmp/none/1 }
              - { name: node2, host: 127.0.0.1, port: \(port), data_dir: /tmp/none/2 }
            """, baseDirectory: "/tmp"
        ).settings
    }

    static func cluster() -> Cluster {
        Cluster(
            name: "test", systemIdentifier: "1",
            members: [Member(id: "node1"), Member(id: "node2")],
            lineage: [
                LineageEntry(
                    timeline: TimelineID(1), begin: .zero, term: Term(0), node: "node1",
                    history: TimelineHistory(timeline: TimelineID(1)))
            ])
    }

    static let failure = StoreError(
        .full, "cannot write", because: "the disk is full", next: "free some space")

    private func withLoop(
        _ store: MemoryStore, node2 port: Int = 3,
        _ body: (Scheduler, CountingRunner) async throws -> Void
    ) async throws {
        let runner = CountingRunner()
        let scheduler = Scheduler(
            settings: try Self.settings(node2: port), store: store, cluster: Self.cluster(),
            runners: Runners(runner: { _ in runner }, local: runner),
            sharedHooks: TestCluster.share.hooks)
        let running = Task { await scheduler.run() }
        try await body(scheduler, runner)
        await scheduler.stop()
        await running.value
    }

    @Test(.timeLimit(.minutes(1)))
    func whatCouldNotBeStoredIsNotDone() async throws {
        let store = MemoryStore(Self.cluster())
        await store.fail(.save, .before(Self.failure), times: 1_000)
        try await withLoop(store) { scheduler, runner in
            let order = Task { for await _ in scheduler.order(.bootstrap(first: "node1")) {} }
            defer { order.cancel() }
            try await until("it saves") { await store.calls[.save, default: 0] >= 1 }
            try await until("it loads") { await store.calls[.load, default: 0] >= 1 }
            #expect(await scheduler.view.phase == .initializing)
            #expect(await scheduler.view.revision == Revision(0))
            #expect(runner.count.value == 0)
        }
    }

    /// A disk that hangs would show it for seconds.
    @Test(.timeLimit(.minutes(1)))
    func whatIsNotStoredYetIsShownToNobody() async throws {
        let store = MemoryStore(Self.cluster())
        try await withLoop(store) { scheduler, _ in
            let shown = Mutex<[Term]>([])
            await store.whileSaving {
                let term = await scheduler.view.term
                shown.withLock { $0.append(term) }
            }
            let order = Task { for await _ in scheduler.order(.bootstrap(first: "node1")) {} }
            defer { order.cancel() }
            try await until("it is shown") { await scheduler.view.term == Term(1) }
            #expect(shown.withLock { $0.first } == Term(0))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aStateThatWasStoredAfterAllIsGoneOnWith() async throws {
        let store = MemoryStore(Self.cluster())
        await store.fail(.save, .after(Self.failure))
        try await withLoop(store) { scheduler, _ in
            let order = Task { for await _ in scheduler.order(.bootstrap(first: "node1")) {} }
            defer { order.cancel() }
            try await until("the state is taken") { await scheduler.view.term == Term(1) }
            #expect(await store.cluster?.term == Term(1))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whenSomebodyElseDecidedTheirStateIsTaken() async throws {
        let store = MemoryStore(Self.cluster())
        try await withLoop(store) { scheduler, _ in
            var other = Self.cluster()
            other.revision = Revision(41)
            other.term = Term(7)
            try await store.save(other, events: [], after: Revision(0))
            let order = Task { for await _ in scheduler.order(.bootstrap(first: "node1")) {} }
            defer { order.cancel() }
            try await until("the other state is taken") { await scheduler.view.term >= Term(7) }
        }
    }

    /// A node that takes a connection and says nothing is given up only when its probe is over.
    @Test(.timeLimit(.minutes(1)))
    func anOrderIsJudgedWhenEveryNodeWasAsked() async throws {
        let port = try #require(LoopbackPort.unused())
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isBound && listen(listener, 16) == 0)
        try await withLoop(MemoryStore(Self.cluster()), node2: Int(port)) { scheduler, _ in
            for await step in scheduler.order(.bootstrap(first: "node1")) {
                guard case .planned = step else { continue }
                let unasked = await scheduler.view.nodes.filter { $0.unreachable == nil }
                #expect(unasked.map(\.id) == [])
                return
            }
            Issue.record("the order was not judged")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aRefusedOrderSaysWhyAndChangesNothing() async throws {
        let store = MemoryStore(Self.cluster())
        try await withLoop(store) { scheduler, _ in
            var progress: [OrderProgress] = []
            for await step in scheduler.order(.switchover(to: "node2")) { progress.append(step) }
            guard case .refused(let refusal)? = progress.first, progress.count == 1 else {
                Issue.record("not refused: \(progress)")
                return
            }
            #expect(refusal.because.contains("initializing"))
            #expect(await store.calls[.save] == nil)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func theSocketAnswersAndFollows() async throws {
        let folder = "/tmp/tkl-\(getpid())-\(UInt32.random(in: 0..<1_000_000))"
        mkdir(folder, 0o700)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings = try Self.settings(folder)
        let client = SchedulerClient(settings)
        await #expect(throws: SchedulerError.self) { try await client.state() }

        let paths = SchedulerPaths(settings)
        do {
            let store = try await SQLiteStore(path: paths.store)
            try await store.save(Self.cluster(), events: [], after: nil)
        }
        let runner = CountingRunner()
        let daemon = Task {
            try await SchedulerDaemon.run(
                settings, runners: Runners(runner: { _ in runner }, local: runner),
                sharedHooks: TestCluster.share.hooks, handlesSignals: false)
        }
        try await until("the socket answers") { (try? await client.state()) != nil }
        var status = stat()
        stat(paths.socket, &status)
        #expect(status.st_mode & 0o777 == 0o600)
        // A revision of its own, taken before anything else.
        #expect(try await client.state().revision == Revision(1))
        #expect(try await client.events(limit: 10).first?.summary == "the scheduler started")

        var refusals = 0
        for try await progress in client.order(.switchover(to: nil)) {
            if case .refused = progress { refusals += 1 }
        }
        #expect(refusals == 1)

        var updates = client.watch().makeAsyncIterator()
        #expect(try await updates.next()?.view.name == "test")
        await #expect(throws: SchedulerError.self, "a second one is at work") {
            try await SchedulerDaemon.run(
                settings, sharedHooks: TestCluster.share.hooks, handlesSignals: false)
        }
        daemon.cancel()
        try await daemon.value
        #expect(access(paths.socket, F_OK) != 0)
    }

    @Test func aClusterThatWasNeverDeployedIsNotRun() async throws {
        let folder = "/tmp/tkl-\(getpid())-\(UInt32.random(in: 0..<1_000_000))"
        mkdir(folder, 0o700)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = await #expect(throws: SchedulerError.self) {
            try await SchedulerDaemon.run(
                try Self.settings(folder), sharedHooks: "/", handlesSignals: false)
        }
        #expect(error?.code == .notDeployed)
        #expect(error?.next.contains("toolkit deploy") == true)
    }
}
