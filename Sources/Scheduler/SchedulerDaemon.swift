public import ClusterFile
import Dispatch
import FailoverCore
import Foundation
import Glibc
public import Logging
import Store

/// `toolkit run`: takes a cluster over and decides for it until it is told to stop.
public enum SchedulerDaemon {
    /// Runs until SIGTERM, SIGINT or the cancellation of its task.
    ///
    /// The store must hold the cluster already. `runners` and `sharedHooks` are the cluster
    /// file's and the installation's unless they are given.
    public static func run(
        _ settings: ClusterSettings, runners: Runners? = nil, sharedHooks: String? = nil,
        logger: Logger = Logger(label: "toolkit.scheduler"), handlesSignals: Bool = true,
        started: @Sendable (Scheduler) -> Void = { _ in }
    ) async throws(SchedulerError) {
        let paths = SchedulerPaths(settings)
        let lock = try held { () throws(StoreError) in try SchedulerLock(storePath: paths.store) }
        let store = try await open(paths.store)
        try await refuseTakenAway(settings, store)
        let cluster = try await takeOver(settings, store)
        let hooks: String
        if let sharedHooks { hooks = sharedHooks } else { hooks = try shippedHooks() }
        let scheduler = Scheduler(
            settings: settings, store: store, cluster: cluster,
            runners: runners ?? Runners(settings),
            sharedHooks: hooks, logger: logger, holdsLock: { [weak lock] in lock?.isHeld ?? false })
        let server = try ControlServer(path: paths.socket, scheduler: scheduler, store: store)
        started(scheduler)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await scheduler.run() }
            group.addTask { await server.run() }
            if handlesSignals { group.addTask { await stopSignal() } }
            await group.next()
            group.cancelAll()
        }
        try? await store.append([event("stopped", cluster: await scheduler.view)])
        withExtendedLifetime(lock) {}
    }

    /// A revision of its own, so that every later step is higher than any predecessor's.
    static func takeOver(
        _ settings: ClusterSettings, _ store: any ClusterStore
    ) async throws(SchedulerError) -> Cluster {
        let cluster = try await stored(settings, store)
        guard settings.node(cluster.lastPrimary) != nil else {
            throw SchedulerError(
                .configuration, "cannot run the cluster \(settings.cluster)",
                because: "its primary \(cluster.lastPrimary) is not in cluster.yaml",
                next: "write it there again, `toolkit switchover`, and take it out then")
        }
        var machine = FailoverMachine(cluster: cluster, policy: settings.policy)
        machine.takeOver()
        let event = EventRecord(
            wallMs: SchedulerClock().now.wallMs, revision: machine.cluster.revision,
            term: cluster.term, kind: .scheduler, summary: "the scheduler started")
        do throws(StoreError) {
            try await store.save(machine.cluster, events: [event], after: cluster.revision)
            return machine.cluster
        } catch {
            throw SchedulerError(error)
        }
    }

    private static func refuseTakenAway(
        _ settings: ClusterSettings, _ store: any ClusterStore
    ) async throws(SchedulerError) {
        let isTakenAway: Bool
        do throws(StoreError) { isTakenAway = try await store.isTakenAway() } catch {
            throw SchedulerError(error)
        }
        if isTakenAway { throw .takenAway(settings, try await stored(settings, store)) }
    }

    private static func stored(
        _ settings: ClusterSettings, _ store: any ClusterStore
    ) async throws(SchedulerError) -> Cluster {
        do throws(StoreError) {
            guard let cluster = try await store.load() else { throw notDeployed(settings) }
            return cluster
        } catch {
            throw SchedulerError(error)
        }
    }

    private static func open(_ path: String) async throws(SchedulerError) -> SQLiteStore {
        do throws(StoreError) { return try await SQLiteStore(path: path) } catch {
            throw SchedulerError(error)
        }
    }

    private static func held<T>(
        _ body: () throws(StoreError) -> T
    ) throws(SchedulerError) -> T {
        do throws(StoreError) { return try body() } catch { throw SchedulerError(error) }
    }

    private static func notDeployed(_ settings: ClusterSettings) -> StoreError {
        StoreError(
            .missing, "cannot run the cluster \(settings.cluster)",
            because: "its store \(SchedulerPaths(settings).store) holds nothing yet",
            next: "bring the cluster up with `toolkit deploy`")
    }

    private static func shippedHooks() throws(SchedulerError) -> String {
        do throws(ShareFolderError) { return try ShareFolder.find().hooks } catch {
            throw SchedulerError(
                .socket, "cannot find the shipped hooks", because: "\(error)",
                next: "set TOOLKIT_SHARE to the folder share/toolkit of the installation")
        }
    }

    private static func event(_ what: String, cluster: ClusterView) -> EventRecord {
        EventRecord(
            wallMs: SchedulerClock().now.wallMs, revision: cluster.revision, term: cluster.term,
            kind: .scheduler, summary: "the scheduler \(what)")
    }

    /// Returns when the process is asked to end, or the task is cancelled.
    private static func stopSignal() async {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
    }
}

extension SchedulerError {
    init(_ error: StoreError) {
        let code: Code =
            switch error.code {
            case .missing: .notDeployed
            case .locked: .busy
            default: .store
            }
        self.init(code, error.subject, because: error.because, next: error.next)
    }
}
