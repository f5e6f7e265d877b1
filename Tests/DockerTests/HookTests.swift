import ClusterFile
import FailoverCore
import Foundation
import Hooks
import Testing

@testable import ToolkitTesting

extension DockerNodeTests {
    @Suite(.serialized) struct HookTests {
        @Test(.timeLimit(.minutes(2)))
        func everyHookTwice() async throws {
            try await DockerCluster.withHooks { cluster, a, b in
                try await serves(cluster, a)
                try await follows(cluster, a, b)
                let fork = try await diverges(cluster, a, b)
                try await comesBack(cluster, a, b, fork)
                try await refuses(cluster, standby: a, primary: b)
            }
        }

        @Test func looksForTheEngineAndTheImage() async throws {
            try await DockerCluster.with(.onHostNetwork(2)) { cluster in
                let fresh = try await cluster.toolkit("check")
                #expect(fresh.contains("toolkit-\(cluster.settings.cluster)-node1: to be made"))
                let alone = try await cluster.toolkit("check", home: cluster.root, succeeds: false)
                #expect(alone.contains("usermod -aG docker postgres"), "\(alone)")
                let file = cluster.root + "/cluster.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try text.replacing(DockerEngine.image, with: "nobody/has:1").write(
                    toFile: file, atomically: true, encoding: .utf8)
                let without = try await cluster.toolkit("check", succeeds: false)
                #expect(without.contains("docker pull nobody/has:1"), "\(without)")
                try text.replacing("network: host", with: "network: nowhere").write(
                    toFile: file, atomically: true, encoding: .utf8)
                let apart = try await cluster.toolkit("check", succeeds: false)
                #expect(apart.contains("docker network create nowhere"), "\(apart)")
            }
        }

        /// Start, status, reload, restart and stop, each of them twice; a stale one never.
        private func serves(_ cluster: DockerCluster, _ a: NodeSettings) async throws {
            #expect(
                await cluster.run(.serviceStatusCommand, on: a, step: 1).results["status"]
                    == "ready")
            for hook in [HookName.serviceStartCommand, .serviceReloadCommand] {
                for _ in 1...2 { #expect(await cluster.run(hook, on: a, step: 2).isDone) }
            }
            #expect(try await !cluster.isLocked(a), "a start of an open server leaves it open")
            for hook in [HookName.serviceStopCommand, .fenceCommand, .promoteCommand] {
                #expect(await cluster.run(hook, on: a, term: 1, step: 900) == .stale)
            }
            for step in 4...5 {
                #expect(await cluster.run(.serviceRestartCommand, on: a, step: step).isDone)
                #expect(try await cluster.isLocked(a))
                #expect(try await !cluster.inspect(a).isOpened)
            }
            for (step, mode) in [(6, "fast"), (7, "immediate"), (8, "smart")] {
                let facts = ["TOOLKIT_STOP_MODE": mode]
                for _ in 1...2 {
                    let stopped = await cluster.run(
                        .serviceStopCommand, on: a, step: step, extra: facts)
                    #expect(stopped.isDone, "\(stopped)")
                }
                let seen = try await cluster.inspect(a)
                #expect(seen.postmaster == .stopped && !seen.mayHaveOrphans)
                #expect(
                    seen.control?.state == (mode == "immediate" ? "in production" : "shut down"))
                #expect(await cluster.run(.serviceStatusCommand, on: a, step: step).status == 3)
                #expect(await cluster.run(.serviceReloadCommand, on: a, step: step).status == 1)
                #expect(await cluster.run(.serviceStartCommand, on: a, step: step).isDone)
            }
            // Opened and locked by node-apply, on the machine and over SQL: in the container.
            #expect(
                try await cluster.point(a, at: nil, step: 9, opening: cluster.opening(step: 9))
                    .isReloaded)
            try await until("opened") { try await !cluster.isLocked(a) }
            #expect(try await cluster.inspect(a).isOpened)
            let request = try cluster.request(a, at: nil, term: 100, step: 10)
            try await cluster.sql(NodeApply.sql(request, on: a), on: a.id)
            try await until("locked") { try await cluster.isLocked(a) }
            #expect(try await cluster.inspect(a).stamp?.description == "100.10")
            #expect(
                try await cluster.point(a, at: nil, step: 11, opening: cluster.opening(step: 11))
                    .isReloaded)
            try await until("opened") { try await !cluster.isLocked(a) }
        }

        /// A standby follows, is cut off while its replay is paused, and is promoted.
        private func follows(
            _ cluster: DockerCluster, _ a: NodeSettings, _ b: NodeSettings
        ) async throws {
            #expect(try await cluster.point(b, at: a, step: 1).isReloaded)
            for step in 2...3 {
                #expect(await cluster.run(.followCommand, on: b, step: step).isDone)
            }
            try await cluster.streams(b.id, from: a.id)
            #expect(await cluster.run(.serviceStopCommand, on: b, step: 4).isDone)
            let started = await cluster.run(.followCommand, on: b, step: 5)
            #expect(started.isDone, "\(started)")
            try await cluster.streams(b.id, from: a.id)
            try await cluster.sql("SELECT pg_wal_replay_pause()", on: b.id)
            #expect(try await cluster.point(b, at: nil, step: 6).isReloaded)
            for step in 7...8 {
                let ended = await cluster.run(.standbyDisconnectCommand, on: b, step: step)
                #expect(ended.isDone, "\(ended)")
                let receivers = "SELECT count(*) FROM pg_stat_wal_receiver"
                #expect(try await cluster.sql(receivers, on: b.id) == "0")
            }
            try await cluster.sql("SELECT pg_wal_replay_resume()", on: b.id)
            try await cluster.sql("CREATE TABLE t (x int)", on: a.id)
            for step in 9...10 {
                #expect(await cluster.run(.promoteCommand, on: b, step: step).isDone)
                try await until("\(b.id) is promoted") {
                    try await cluster.sql("SELECT pg_is_in_recovery()", on: b.id) == "f"
                }
            }
            #expect(await cluster.run(.followCommand, on: b, step: 11).status == 1)
            #expect(try await cluster.isLocked(b))
        }

        /// The old primary is fenced, frozen as it is. Where the new one left it.
        private func diverges(
            _ cluster: DockerCluster, _ a: NodeSettings, _ b: NodeSettings
        ) async throws -> LSN {
            try await cluster.sql("CHECKPOINT", on: b.id)
            try await cluster.engine.docker("pause", cluster.container(a.id))
            for step in 12...13 {
                let fenced = await cluster.run(.fenceCommand, on: a, step: step)
                #expect(fenced.results["fenced"] == "yes", "\(fenced)")
            }
            let seen = try await cluster.inspect(a)
            #expect(seen.postmaster == .stopped && !seen.mayHaveOrphans && !seen.isOpened)
            let history = try #require(
                try await cluster.inspect(b).histories.first { $0.timeline.number == 2 })
            return try #require(history.ancestors.last).end
        }

        /// By a rewind, then by a clone, each in a container of its own.
        private func comesBack(
            _ cluster: DockerCluster, _ a: NodeSettings, _ b: NodeSettings, _ fork: LSN
        ) async throws {
            _ = try await cluster.point(a, at: b, step: 14)
            for _ in 1...2 {
                let rewound = await cluster.run(
                    .rejoinCommand, on: a, step: 15, primary: b, switchLSN: fork,
                    extra: ["TOOLKIT_REJOIN_METHOD": "rewind"])
                #expect(rewound.results["rewound"] == "yes", "\(rewound)")
                try await cluster.streams(a.id, from: b.id)
            }
            #expect(await cluster.run(.cloneCommand, on: a, step: 16, primary: b).status == 1)
            #expect(await cluster.run(.serviceStopCommand, on: a, step: 17).isDone)
            for _ in 1...2 {
                let cloned = await cluster.run(.cloneCommand, on: a, step: 18, primary: b)
                #expect(cloned.results["cloned"] == "yes", "\(cloned)")
                #expect(cloned.results["aside"] == "\(a.dataDirectory).aside.18")
                try await cluster.streams(a.id, from: b.id)
            }
            let seen = try await cluster.inspect(a)
            #expect(
                seen.marker == .none && seen.hasStandbySignal
                    && seen.control?.timeline == TimelineID(2))
        }
    }
}
