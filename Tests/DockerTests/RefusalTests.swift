import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks
import Testing

@testable import ToolkitTesting

extension DockerNodeTests {
    /// What must not happen, and what nobody knows.
    @Suite(.serialized) struct RefusalTests {
        @Test(.timeLimit(.minutes(2)))
        func startsOverNothingUnfinishedAndBesideNobody() async throws {
            try await DockerCluster.withHooks { cluster, a, b in
                try await refusesOverAMarker(cluster, b)
                try await refusesBesideAnother(cluster, b)
                try await endsWhatAnInterruptedHookLeft(cluster, b)
                try await knowsNothingWithoutDocker(cluster, a)
            }
        }

        /// Neither the hook nor Docker itself starts a half-rewound server.
        private func refusesOverAMarker(
            _ cluster: DockerCluster, _ node: NodeSettings
        ) async throws {
            #expect(await cluster.run(.serviceStopCommand, on: node, step: 1).isDone)
            let marker = node.stateDirectory + "/marker"
            try "rewinding copying\n".write(toFile: marker, atomically: true, encoding: .utf8)
            #expect(await cluster.run(.serviceStartCommand, on: node, step: 2).status == 1)
            try await cluster.engine.docker("start", cluster.container(node.id))
            try await until("the container has ended") {
                try await cluster.status(node.id) == "exited"
            }
            #expect(try await cluster.inspect(node).marker == .rewinding)
            try FileManager.default.removeItem(atPath: marker)
        }

        /// PostgreSQL would not see the server of another container on its own files.
        private func refusesBesideAnother(
            _ cluster: DockerCluster, _ node: NodeSettings
        ) async throws {
            let docker = try #require(node.docker)
            let stranger = docker.container + "-by-hand"
            try await cluster.engine.docker(
                "run", "--detach", "--rm", "--name", stranger, "--network", "none", "--volume",
                "\(docker.volume):\(docker.mount)", docker.image, "sleep", "600")
            #expect(try await cluster.inspect(node).mayHaveOrphans)
            let refused = await cluster.run(.serviceStartCommand, on: node, step: 3)
            #expect(refused.status == 1, "\(refused)")
            #expect(try await cluster.status(node.id) == "exited")
            #expect(await cluster.run(.fenceCommand, on: node, step: 4).results["fenced"] == "yes")
            let left = try await cluster.engine.docker(
                "ps", "--quiet", "--filter", "volume=\(docker.volume)")
            #expect(left.output.isEmpty)
            #expect(try await !cluster.inspect(node).mayHaveOrphans)
            #expect(await cluster.run(.serviceStartCommand, on: node, step: 5).isDone)
        }

        /// Its client was killed: the copy goes on until the next hook ends it.
        private func endsWhatAnInterruptedHookLeft(
            _ cluster: DockerCluster, _ node: NodeSettings
        ) async throws {
            #expect(await cluster.run(.serviceStopCommand, on: node, step: 6).isDone)
            let docker = try #require(node.docker)
            try await cluster.engine.docker(
                "run", "--detach", "--rm", "--name", docker.container + ".work", "--network",
                "none",
                "--volumes-from", docker.container, docker.image, "sleep", "600")
            #expect(await cluster.run(.serviceStartCommand, on: node, step: 7).isDone)
            let left = try await cluster.engine.docker(
                "ps", "--all", "--quiet", "--filter", "name=\(docker.container).work")
            #expect(left.output.isEmpty)
        }

        /// A user whose home names no daemon. What needs no Docker works all the same.
        private func knowsNothingWithoutDocker(
            _ cluster: DockerCluster, _ node: NodeSettings
        ) async throws {
            for (step, hook) in [
                HookName.serviceStatusCommand, .serviceStartCommand, .serviceStopCommand,
                .fenceCommand,
                .promoteCommand,
            ].enumerated() {
                let outcome = await cluster.run(hook, on: node, step: step, home: cluster.root)
                #expect([1, 69].contains(outcome.status), "\(hook): \(outcome)")
            }
            await #expect(throws: (any Error).self) {
                _ = try await InspectReport.of(node, via: ServerUserRunner(home: cluster.root))
            }
            #expect(try await cluster.status(node.id) == "running")
            let blind = ServerUserRunner(home: cluster.root)
            let request = try cluster.request(node, at: nil, term: 100, step: 20)
            let locked = await NodeApply(timeout: .seconds(20)).apply(request, on: node, via: blind)
            #expect(locked.isReloaded, "\(locked)")
            try await until("locked") { try await cluster.isLocked(node) }
        }
    }
}
