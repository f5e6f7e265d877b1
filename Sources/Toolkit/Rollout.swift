import ClusterFile
import Deployment
import FailoverCore
import Foundation
import Scheduler
import Store

/// The whole of `toolkit deploy`: everything put in place, the cluster in the store, and a
/// scheduler that decides until every node is as it should be.
struct Rollout: Sendable {
    struct Outcome: Sendable {
        var view: ClusterView
        var isUnchanged: Bool
        /// A daemon looks after the cluster.
        var hasScheduler: Bool
    }

    let settings: ClusterSettings
    let deployment: Deployment
    /// Prepares the machines first; nil: they are ready.
    var admin: AdminLogin?
    /// How long nothing at all may happen before it is given up.
    var patience: Duration = .seconds(120)

    func run(_ progress: @escaping @Sendable (String) -> Void) async throws -> Outcome {
        let hasScheduler = try await SchedulerClient(settings).stateIfRunning() != nil
        let paths = SchedulerPaths(settings)
        let changes = try SchedulerLock.ofChanges(storePath: paths.store)
        defer { withExtendedLifetime(changes) {} }
        let prepared: Prepared
        let stored = try await settings.storedCluster()
        if hasScheduler {
            prepared = try await prepare(stored, progress)
        } else {
            let lock = try SchedulerLock(storePath: paths.store)
            prepared = try await prepare(stored, progress)
            try await store(prepared, paths)
            withExtendedLifetime(lock) {}
        }
        let view = try await untilHealthy(hasScheduler: hasScheduler, progress)
        let wasUp = stored != nil && stored?.phase != .initializing
        return Outcome(
            view: view, isUnchanged: prepared.isUnchanged && wasUp, hasScheduler: hasScheduler)
    }

    private func prepare(
        _ stored: Cluster?, _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> Prepared {
        let tell: @Sendable (DeployProgress) -> Void = { progress($0.sentence) }
        var changes: [DeployProgress] = []
        if let admin {
            changes = try await deployment.changeMachines(.prepare, as: admin, progress: tell)
        }
        var prepared = try await deployment.prepare(
            systemIdentifier: stored?.systemIdentifier, progress: tell,
            whenChecked: { [settings] in
                guard stored == nil else { return }
                // Waits for the disk several times; what is wrong with it is told when it is needed.
                _ = try? await SQLiteStore(path: SchedulerPaths(settings).store)
            })
        prepared.changes = changes + prepared.changes
        return prepared
    }

    private func store(_ prepared: Prepared, _ paths: SchedulerPaths) async throws {
        guard let beginning = prepared.beginning else { return }
        let cluster = beginning.cluster(settings)
        let event = EventRecord(
            wallMs: Int64(Date().timeIntervalSince1970 * 1000), revision: cluster.revision,
            term: cluster.term, kind: .operator, node: beginning.first,
            summary: "deployed: \(beginning.first) was "
                + (deployment.adopting == nil ? "initialised" : "adopted with its data"))
        try await SQLiteStore(path: paths.store).save(cluster, events: [event], after: nil)
    }

    // MARK: - The scheduler's part

    private func untilHealthy(
        hasScheduler: Bool, _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> ClusterView {
        if hasScheduler {
            return try await wait(for: SchedulerClient(settings).watch(), progress)
        }
        // The node that was initialised; another one would be refused.
        let first = try await settings.storedCluster()?.lastPrimary
        return try await InProcess(settings: settings).with { scheduler in
            let view = await scheduler.view
            if view.phase == .initializing {
                guard let first else { throw CancellationError() }
                for await step in scheduler.order(.bootstrap(first: first)) {
                    if case .refused(let refusal) = step { throw refusal }
                    if case .event(let event) = step { progress(Console.sentence(event)) }
                    if case .finished = step { break }
                }
            }
            return try await wait(for: await scheduler.updates(), progress)
        }
    }

    /// Follows the updates until the cluster is whole. Work that runs may take hours; silence
    /// without work may not.
    private func wait<Updates: AsyncSequence & Sendable>(
        for updates: Updates, _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> ClusterView where Updates.Element == SchedulerUpdate {
        let watch = Patience(patience)
        return try await withThrowingTaskGroup(of: ClusterView?.self) { group in
            group.addTask {
                for try await update in updates {
                    for event in update.events { progress(Console.sentence(event)) }
                    await watch.saw(update)
                    if update.view.isHealthy { return update.view }
                }
                return nil
            }
            group.addTask {
                await watch.untilLost()
                return nil
            }
            group.addTask {
                await showClones(watch)
                return nil
            }
            let ended = try await group.next()
            group.cancelAll()
            if let ended, let view = ended { return view }
            let last = await watch.last
            throw Failure(
                ExitStatus.unfinished, "the cluster \(settings.cluster) is not whole yet",
                because: last.map(Self.missing) ?? "the scheduler says nothing",
                next: "look at `toolkit state` and `toolkit events`, mend it, and deploy again")
        }
    }

    /// Until it is cancelled: a bar on a terminal, else a line for every tenth.
    private func showClones(_ watch: Patience) async {
        var told = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard let primary = await watch.last?.primary.flatMap(settings.node),
                let clones = await deployment.cloneProgress(on: primary)
            else {
                Console.show(bar: "")
                continue
            }
            if Console.showsBars {
                Console.show(bar: "cloning \(clones.bar)")
            } else if clones.percent / 10 != told {
                told = clones.percent / 10
                Console.progress("cloning: \(clones.sentence)")
            }
        }
        Console.show(bar: "")
    }

    private static func missing(_ view: ClusterView) -> String {
        if !view.waitingFor.isEmpty { return view.waitingFor }
        if let alarm = view.alarms.first { return alarm }
        return "it is \(view.phase.rawValue)"
    }
}

/// Runs out when nothing happens.
private actor Patience {
    private let span: Duration
    private var lastChange = ContinuousClock.now
    private(set) var last: ClusterView?

    init(_ span: Duration) { self.span = span }

    func saw(_ update: SchedulerUpdate) {
        if !update.events.isEmpty
            || last?.nodes.map(\.reported) != update.view.nodes.map(\.reported)
        {
            lastChange = .now
        }
        last = update.view
    }

    func untilLost() async {
        while !Task.isCancelled {
            let isWorking = last?.nodes.contains { $0.work != nil } ?? false
            if !isWorking, ContinuousClock.now - lastChange > span { return }
            try? await Task.sleep(for: .milliseconds(250))
        }
    }
}
