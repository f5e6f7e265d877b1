public import ClusterFile
import Deployment
import Execution
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
            tell(try keep(cluster))
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
                // However it ends; a statement that hangs ends with its server.
                defer { story.writers.end() }
                return try await story.run()
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
            sharedHooks: cluster.share.hooks,
            logger: Logger(label: "demo") { _ in
                SwiftLogNoOpLogHandler()
            })
    }

    /// How to use the cluster that stays, and a script that ends it.
    private static func keep(_ cluster: DemoCluster) throws -> String {
        let script = cluster.root + "/end.sh"
        try endScript(cluster).write(toFile: script, atomically: true, encoding: .utf8)
        chmod(script, 0o700)
        return """
            the cluster is kept in \(cluster.root):
              export TOOLKIT_SHARE=\(cluster.share.path)
              toolkit run --config \(cluster.configPath) &      # its scheduler, as \(DemoUser.current)
              toolkit state --config \(cluster.configPath)
              psql "\(cluster.applicationConninfo().text)"
            end it with: \(script)
            """
    }

    private static func endScript(_ cluster: DemoCluster) -> String {
        let root = ShellWord.quote(cluster.root)
        let runtime = ShellWord.quote(cluster.runtime)
        let programs = ShellWord.quote(cluster.settings.postgresql.binDirectory)
        return """
            #!/bin/sh
            # end.sh — end every process of this demo and remove its folders.
            set -u
            # A killed postmaster would leave its shared memory behind.
            for data in \(root)/data/*; do
                set -- \(programs)/pg_ctl stop --silent --mode=immediate --pgdata="$data"
                # It refuses to run as root.
                if [ "$(id -u)" = 0 ]; then set -- runuser -u "$(stat -c %U -- "$data")" -- "$@"; fi
                "$@"
            done
            for process in /proc/[0-9]*; do
                case $(readlink -- "$process/cwd" 2>/dev/null) in
                    \(root)/*) kill -s KILL "${process#/proc/}" ;;
                    *) if tr '\\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q -F -e \(root)/ssh/; then
                        kill -s KILL "${process#/proc/}"
                    fi ;;
                esac
            done
            cd / && rm -r -- \(root) \(runtime)

            """
    }
}

extension DeployProgress {
    var words: String { node.map { "\($0): \(text)" } ?? text }
}
