import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import ToolkitTesting

extension DockerNodeTests {
    /// Two containers and a native node are taken away; what is another's stays.
    @Suite struct UndeployTests {
        @Test(.timeLimit(.minutes(4)))
        func takesContainersAwayAndVolumesWhenAskedFor() async throws {
            try await DockerCluster.with(.published) { cluster in
                _ = try await cluster.toolkit("deploy")
                try await cluster.sql("CREATE TABLE kept ()", on: "node1")
                let stranger = "\(cluster.settings.cluster)-stranger"
                try await cluster.engine.docker(
                    "run", "--detach", "--name", stranger, "--network", "none",
                    DockerEngine.image, "sleep", "600")

                try await refuses(cluster)
                try await keepsTheVolumes(cluster, stranger)
                try await leavesAnothersContainerAlone(cluster)
                try await takesTheVolumesToo(cluster, stranger)
                try await cluster.engine.docker("rm", "--force", stranger)
            }
        }

        /// What nobody knows, and whose server nobody would see.
        private func refuses(_ cluster: DockerCluster) async throws {
            let yes = ["undeploy", "--yes", cluster.settings.cluster]
            let docker = try #require(try cluster.node("node2").docker)
            let blind = try await cluster.toolkit(
                yes[0], yes[1], yes[2], home: cluster.root, succeeds: false)
            #expect(blind.contains("nothing was changed"), "\(blind)")
            #expect(blind.contains("nobody knows whether its container runs"), "\(blind)")
            let other = docker.container + "-by-hand"
            try await cluster.engine.docker(
                "run", "--detach", "--name", other, "--network", "none", "--volume",
                "\(docker.volume):\(docker.mount)", docker.image, "sleep", "600")
            let beside = try await cluster.toolkit(yes[0], yes[1], yes[2], succeeds: false)
            try await cluster.engine.docker("rm", "--force", other)
            #expect(beside.contains("nothing was changed"), "\(beside)")
            #expect(
                beside.contains("\(other) runs with the volume \(docker.volume)"), "\(beside)")
            try await cluster.engine.docker("pause", docker.container)
            let paused = try await cluster.toolkit(yes[0], yes[1], yes[2], succeeds: false)
            try await cluster.engine.docker("unpause", docker.container)
            #expect(paused.contains("docker unpause \(docker.container)"), "\(paused)")
            let locked = "SHOW default_transaction_read_only"
            #expect(try await cluster.sql(locked, on: "node1") == "off")
        }

        private func keepsTheVolumes(_ cluster: DockerCluster, _ stranger: String) async throws {
            let name = cluster.settings.cluster
            let before = try await names(cluster)
            let plan = try await cluster.toolkit("undeploy", "--dry-run")
            #expect(try await names(cluster) == before)
            let gone = try await cluster.toolkit("undeploy", "--yes", name)
            for node in cluster.settings.nodes {
                guard let docker = node.docker else { continue }
                let removal = "\(node.id): + docker rm \(docker.container)\n"
                #expect(plan.contains(removal), "\(plan)")
                #expect(gone.contains(removal), "\(gone)")
                #expect(plan.contains("\(node.id): the volume \(docker.volume) stays"), "\(plan)")
            }
            #expect(!plan.contains("docker volume rm"))
            #expect(gone.contains("node1: dropped the slot toolkit_node2"), "\(gone)")
            // The primary is the last one to stop.
            let stops = gone.split(separator: "\n").filter { $0.hasSuffix(": stopped") }
            #expect(stops.count == 3, "\(stops)")
            #expect(stops.last?.hasSuffix(" node1: stopped") == true, "\(stops)")

            #expect(try await names(cluster) == [stranger])
            let first = try cluster.node("node1")
            let docker = try #require(first.docker)
            let control = try await cluster.engine.docker(
                "run", "--rm", "--network", "none", "--volume",
                "\(docker.volume):\(docker.mount)", docker.image,
                "\(DockerEngine.bin)/pg_controldata", "-D", first.dataDirectory)
            #expect(control.output.contains("shut down\n"), "\(control.output)")
            for node in cluster.settings.nodes {
                for folder in [node.configDirectory, node.stateDirectory, node.runtimeDirectory] {
                    #expect(!FileManager.default.fileExists(atPath: folder), "\(folder)")
                }
            }
            let again = try await cluster.toolkit("undeploy", "--yes", name)
            #expect(again.contains("stays\nnothing to do\n"), "\(again)")
        }

        /// One of our name, made by hand, has no labels of ours.
        private func leavesAnothersContainerAlone(_ cluster: DockerCluster) async throws {
            let container = try cluster.container("node2")
            try await cluster.engine.docker(
                "create", "--name", container, "--network", "none", DockerEngine.image, "sleep",
                "600")
            let run = try await cluster.toolkit("undeploy", "--yes", cluster.settings.cluster)
            #expect(run.contains("the container \(container) is not ours, and stays"), "\(run)")
            #expect(run.contains("nothing to do"), "\(run)")
            try await cluster.engine.docker("rm", container)
        }

        /// On the data that were kept the cluster comes up again. A volume that another container has
        /// stays; a container that was removed by hand is no obstacle. What ended halfway goes on.
        private func takesTheVolumesToo(
            _ cluster: DockerCluster, _ stranger: String
        ) async throws {
            let name = cluster.settings.cluster
            let unproven = try await cluster.toolkit(
                "undeploy", "--remove-data", "--yes", name, succeeds: false)
            #expect(unproven.contains("nothing shows that it is of this node"), "\(unproven)")
            let adopted = try await cluster.toolkit("deploy", "--adopt", "node1")
            #expect(!adopted.contains("clone on"), "\(adopted)")
            #expect(try await cluster.sql("SELECT count(*) FROM kept", on: "node1") == "0")

            let (one, two) = (
                try #require(try cluster.node("node1").docker),
                try #require(try cluster.node("node2").docker)
            )
            try await cluster.engine.docker("rm", "--force", two.container)
            let other = two.container + "-by-hand"
            try await cluster.engine.docker(
                "create", "--name", other, "--network", "none", "--volume",
                "\(two.volume):\(two.mount)", two.image, "sleep", "600")
            let obstacle = try cluster.node("node1").configDirectory + "/obstacle"
            try await shell("mkdir \(obstacle) && mount -t tmpfs tmpfs \(obstacle)")
            let ended = try await cluster.toolkit(
                "undeploy", "--remove-data", "--yes", name, succeeds: false)
            try await shell("umount \(obstacle)")
            #expect(ended.contains("cannot take the files of node1 away"), "\(ended)")
            #expect(ended.contains("node1: + docker volume rm \(one.volume)\n"), "\(ended)")
            #expect(
                ended.contains("the volume \(two.volume): it is in use by \(other)"), "\(ended)")
            let gone = try await cluster.toolkit(
                "undeploy", "--remove-data", "--yes", name, succeeds: false)
            #expect(gone.contains("all else is taken away"), "\(gone)")
            #expect(try await names(cluster) == [stranger, other].sorted())
            let volumes = try await cluster.engine.docker("volume", "ls", "--quiet").output
            #expect(!volumes.contains(one.volume), "\(volumes)")
            #expect(volumes.contains(two.volume), "\(volumes)")
            try await cluster.engine.docker("rm", other)
        }

        private func shell(_ script: String) async throws {
            let result = try await LocalRunner().run(
                Command(["/bin/sh", "-euc", script], timeout: .seconds(10)))
            try #require(result.isSuccess, "\(result.errorOutput)")
        }

        private func names(_ cluster: DockerCluster) async throws -> [String] {
            try await cluster.engine.docker("ps", "--all", "--format", "{{.Names}}").output
                .split(separator: "\n").map(String.init).sorted()
        }
    }
}
