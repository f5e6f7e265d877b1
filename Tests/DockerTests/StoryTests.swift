import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import Demo
@testable import ToolkitTesting

extension DockerNodeTests {
    /// From an image to a cluster of three containers that fails over by itself.
    @Suite struct Story {
        @Test(.timeLimit(.minutes(3)))
        func deploysFailsOverAndComesBack() async throws {
            try await DockerCluster.with(.onHostNetwork(3)) { cluster in
                let first = try await cluster.toolkit("deploy")
                #expect(first.contains("node1: made the container"), "\(first)")
                let again = try await cluster.toolkit("deploy")
                #expect(again.hasPrefix("\(cluster.settings.cluster) is up; nothing was changed\n"))
                let check = try await cluster.toolkit("check")
                #expect(check.contains("container"), "\(check)")

                try await cluster.whileWriting { writers in
                    try await failsOver(cluster, writers)
                    try await startsLocked(cluster, writers)
                    try await keepsEveryRow(cluster, writers)
                }
            }
        }

        /// Each of two containers of one machine has a port of its own there; others come from outside.
        @Test(.timeLimit(.minutes(3)))
        func failsOverFromOnePublishedPortToAnother() async throws {
            try await DockerCluster.with(.published) { cluster in
                _ = try await cluster.toolkit("deploy")
                let gateway = try await cluster.engine.docker(
                    "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}",
                    DockerEngine.network
                ).output.trimmingCharacters(in: .whitespacesAndNewlines)
                let outside = cluster.engine.outside
                try await cluster.whileWriting { writers in
                    #expect(
                        try await cluster.clients(of: "node1")
                            == ["node2": gateway, "node3": outside, "toolkit": outside])
                    #expect(try await cluster.addressAtNode3(of: "node2") == cluster.engine.address)
                    try await failsOver(cluster, writers)
                    #expect(
                        try await cluster.clients(of: "node2")
                            == ["node1": gateway, "node3": outside, "toolkit": outside])
                    try await keepsEveryRow(cluster, writers)
                }
            }
        }

        private func keepsEveryRow(
            _ cluster: DockerCluster, _ writers: DemoWriters
        ) async throws {
            await writers.stop()
            let primary = try await cluster.primary()
            let rows = try await cluster.sql("SELECT id FROM demo.rows", on: primary)
            let kept = Set(rows.split(separator: "\n").compactMap { Int64($0) })
            let lost = writers.acknowledged.filter { !kept.contains($0.row) }
            #expect(lost.isEmpty, "acknowledged rows are lost")
        }

        /// SIGKILL to all of the primary's container, whose log goes further than the standbys': it
        /// is rewound, in a container of its own.
        private func failsOver(_ cluster: DockerCluster, _ writers: DemoWriters) async throws {
            let old = try await cluster.primary()
            try await cluster.sql(
                "COPY (SELECT pid FROM pg_stat_replication) TO PROGRAM "
                    + "'while read -r pid; do kill -s STOP $pid; done'", on: old)
            try await cluster.sql(
                "SET synchronous_commit = local; CREATE TABLE nobody_else_has_this ()", on: old)
            try await cluster.engine.docker("kill", try cluster.container(old))
            let killed = ContinuousClock.now
            let gone = try cluster.node(old)
            try await until("writes go on elsewhere") {
                writers.first(after: killed, notBy: "\(gone.host):\(gone.port)") != nil
            }
            print("DOCKER OUTAGE: \(ContinuousClock.now - killed)")
            try await cluster.healthy()
            print("DOCKER WHOLE AGAIN: \(ContinuousClock.now - killed)")
            let primary = try await cluster.primary()
            #expect(primary != old)
            try await cluster.streams(old, from: primary)
            let events = try await cluster.toolkit("events", "--limit", "200")
            #expect(events.contains("rewound from"), "\(events)")
        }

        /// A container that is restarted is locked until a scheduler opens it. The daemon's own start
        /// starts none: all were stopped cleanly, and that is left to an administrator.
        private func startsLocked(_ cluster: DockerCluster, _ writers: DemoWriters) async throws {
            let primary = try cluster.node(try await cluster.primary())
            await cluster.stopScheduler()
            let locked = "SHOW default_transaction_read_only"
            #expect(try await cluster.sql(locked, on: primary.id) == "off")
            try await cluster.engine.docker("restart", try cluster.container(primary.id))
            try await until("\(primary.id) is up, locked") {
                (try? await cluster.sql(locked, on: primary.id)) == "on"
            }
            try await cluster.engine.restartDaemon()
            for node in cluster.settings.nodes {
                #expect(try await cluster.status(node.id) == "exited")
                try await cluster.engine.docker("start", try cluster.container(node.id))
                try await until("\(node.id) is up, locked") {
                    (try? await cluster.sql(locked, on: node.id)) == "on"
                }
            }
            let before = writers.acknowledged.count
            try await cluster.startScheduler()
            try await until("writes go on") { writers.acknowledged.count > before + 20 }
        }
    }
}
