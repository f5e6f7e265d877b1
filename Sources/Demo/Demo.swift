public import ClusterFile
import Deployment
import FailoverCore
import Foundation
import Glibc
import Logging
import PostgresClient
import Scheduler
import Store

/// `toolkit demo`: three real PostgreSQL nodes on this machine, a crash, a failover, a rejoin, a
/// switchover, a report. Leaves nothing behind, however it ends.
public enum Demo {
    /// Runs the whole story. `tell` gets each line as it happens.
    public static func run(
        _ options: DemoOptions, share: ShareFolder, tell: @escaping @Sendable (String) -> Void
    ) async throws -> DemoReport {
        let root = try DemoUser.settle(copying: share.path)
        tell("everything lives in \(root)")
        let cluster: DemoCluster
        do { cluster = try await DemoCluster(root: root, isLocal: options.isLocal) } catch {
            try? FileManager.default.removeItem(atPath: root)
            throw error
        }
        let outcome: Result<DemoReport, any Error>
        do { outcome = .success(try await play(cluster, options, tell)) } catch {
            outcome = .failure(error)
        }
        if options.keeps, case .success = outcome {
            tell(keptWords(cluster))
        } else {
            // Cleaning up is not cut short by the very signal that asked for it.
            await Task.detached { await cluster.remove() }.value
        }
        return try outcome.get()
    }

    private static func play(
        _ cluster: DemoCluster, _ options: DemoOptions,
        _ tell: @escaping @Sendable (String) -> Void
    ) async throws -> DemoReport {
        for id in DemoCluster.names { try await cluster.daemons[id]?.start() }
        let scheduler = try await bringUp(cluster, tell)
        let watch = DemoWatch(tell)
        let story = DemoStory(
            cluster: cluster, options: options, scheduler: scheduler,
            writers: DemoWriters(cluster.applicationConninfo()), tell: tell, watch: watch)
        return try await withThrowingTaskGroup(of: DemoReport?.self) { group in
            group.addTask {
                await scheduler.run()
                return nil
            }
            let updates = await scheduler.updates()
            group.addTask {
                await watch.follow(updates)
                return nil
            }
            group.addTask {
                _ = scheduler.order(.bootstrap(first: try first(cluster)))
                do {
                    let report = try await story.run()
                    return report
                } catch {
                    await story.writers.stop()
                    throw error
                }
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let report = ended { return report }
                try Task.checkCancellation()
            }
            throw CancellationError()
        }
    }

    private static func first(_ cluster: DemoCluster) throws -> NodeID {
        guard let first = cluster.settings.nodes.first?.id else { throw CancellationError() }
        return first
    }

    /// Nodes prepared, the first one initialised and locked, the store begun.
    private static func bringUp(
        _ cluster: DemoCluster, _ tell: @escaping @Sendable (String) -> Void
    ) async throws -> Scheduler {
        let runners = cluster.runners
        let deployment = Deployment(
            settings: cluster.settings, share: cluster.share, runner: runners.runner)
        let prepared = try await deployment.prepare { tell("deploy  \($0.words)") }
        guard let beginning = prepared.beginning else {
            throw DemoError(
                "cannot begin the demo's cluster", because: "its first node was not initialised",
                next: "report this: it is a defect of the demo")
        }
        let store = try await SQLiteStore(path: SchedulerPaths(cluster.settings).store)
        let begun = beginning.cluster(cluster.settings)
        try await store.save(begun, events: [], after: nil)
        return Scheduler(
            settings: cluster.settings, store: store, cluster: begun, runners: runners,
            sharedHooks: cluster.share.hooks, logger: Logger(label: "demo") { _ in
                SwiftLogNoOpLogHandler()
            })
    }

    private static func keptWords(_ cluster: DemoCluster) -> String {
        """
        the cluster is kept in \(cluster.root):
          export TOOLKIT_SHARE=\(cluster.share.path)
          toolkit -c \(cluster.configPath) run &      # its scheduler
          toolkit -c \(cluster.configPath) state
          psql "\(cluster.applicationConninfo().text)"
        end it with: kill the processes below \(cluster.root), then
          rm -r \(cluster.root) \(cluster.runtime)
        """
    }
}

extension DeployProgress {
    var words: String { node.map { "\($0): \(text)" } ?? text }
}
