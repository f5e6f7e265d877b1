import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks
import Testing

@testable import ToolkitTesting

/// What must not happen, and what nobody knows.
extension DockerNodeTests.HookTests {
    func refuses(
        _ cluster: DockerCluster, standby: NodeSettings, primary: NodeSettings
    ) async throws {
        try await refusesOverAMarker(cluster, standby)
        try await refusesBesideAnother(cluster, standby, upstream: primary)
        try await endsWhatAnInterruptedHookLeft(cluster, standby)
        try await endsAHookAtItsDeadline(cluster, primary, standby)
        try await knowsNothingWithoutDocker(cluster, primary)
    }

    /// Neither the hook nor Docker itself starts a half-rewound server.
    private func refusesOverAMarker(
        _ cluster: DockerCluster, _ node: NodeSettings
    ) async throws {
        #expect(await cluster.run(.serviceStopCommand, on: node, step: 21).isDone)
        let marker = node.stateDirectory + "/marker"
        try "rewinding copying\n".write(toFile: marker, atomically: true, encoding: .utf8)
        #expect(await cluster.run(.serviceStartCommand, on: node, step: 22).status == 1)
        try await cluster.engine.docker("start", cluster.container(node.id))
        try await until("the container has ended") {
            try await cluster.status(node.id) == "exited"
        }
        #expect(try await cluster.inspect(node).marker == .rewinding)
        try FileManager.default.removeItem(atPath: marker)
    }

    /// PostgreSQL would not see the server of another container on its own files.
    private func refusesBesideAnother(
        _ cluster: DockerCluster, _ node: NodeSettings, upstream: NodeSettings
    ) async throws {
        let docker = try #require(node.docker)
        let stranger = docker.container + "-by-hand"
        try await cluster.engine.docker(
            "run", "--detach", "--rm", "--name", stranger, "--network", "none", "--volume",
            "\(docker.volume):\(docker.mount)", docker.image, "sleep", "600")
        #expect(try await cluster.inspect(node).mayHaveOrphans)
        let refused = await cluster.run(.serviceStartCommand, on: node, step: 23)
        #expect(refused.status == 1, "\(refused)")
        for (hook, method) in [
            (HookName.cloneCommand, ""), (.rejoinCommand, "rewind"),
        ] {
            let refused = await cluster.run(
                hook, on: node, step: 23, primary: upstream, switchLSN: LSN(1),
                extra: ["TOOLKIT_REJOIN_METHOD": method])
            #expect(refused.status == 1, "\(hook) \(method): \(refused)")
        }
        #expect(try await cluster.inspect(node).marker == .none, "nothing was begun")
        #expect(try await cluster.status(node.id) == "exited")
        #expect(await cluster.run(.fenceCommand, on: node, step: 24).results["fenced"] == "yes")
        let left = try await cluster.engine.docker(
            "ps", "--quiet", "--filter", "volume=\(docker.volume)")
        #expect(left.output.isEmpty)
        #expect(try await !cluster.inspect(node).mayHaveOrphans)
        #expect(await cluster.run(.serviceStartCommand, on: node, step: 25).isDone)
    }

    /// Its client was killed: the copy goes on until the next hook ends it.
    private func endsWhatAnInterruptedHookLeft(
        _ cluster: DockerCluster, _ node: NodeSettings
    ) async throws {
        #expect(await cluster.run(.serviceStopCommand, on: node, step: 26).isDone)
        let docker = try #require(node.docker)
        try await cluster.engine.docker(
            "run", "--detach", "--rm", "--name", docker.container + ".work", "--network",
            "none",
            "--volumes-from", docker.container, docker.image, "sleep", "600")
        #expect(await cluster.run(.serviceStartCommand, on: node, step: 27).isDone)
        let left = try await cluster.engine.docker(
            "ps", "--all", "--quiet", "--filter", "name=\(docker.container).work")
        #expect(left.output.isEmpty)
    }

    /// In the container and in one of its own.
    private func endsAHookAtItsDeadline(
        _ cluster: DockerCluster, _ a: NodeSettings, _ b: NodeSettings
    ) async throws {
        for (step, hook, node) in [(28, HookName.promoteCommand, a), (28, .cloneCommand, b)] {
            let script = """
                #!/bin/sh
                here=${0%/*}
                . "$here/lib/common.sh"
                log "in $TOOLKIT_INSIDE"
                sleep 4711
                """
            let file = "\(cluster.root)/hooks/\(hook).sh"
            try FileManager.default.createDirectory(
                atPath: cluster.root + "/hooks", withIntermediateDirectories: true)
            try script.write(toFile: file, atomically: true, encoding: .utf8)
            if hook == .cloneCommand {
                #expect(await cluster.run(.serviceStopCommand, on: node, step: step).isDone)
            }
            var settings = cluster.settings
            settings.hooks.byName[hook.rawValue]?.timeoutMs = 2000
            let outcome = await cluster.run(hook, on: node, step: step, settings: settings)
            guard case .unknown(_, let output) = outcome else {
                Issue.record("\(hook): \(outcome)")
                continue
            }
            #expect(output.contains("in \(try cluster.container(node.id))"), "\(output)")
            try await until("nothing of \(hook) is left") {
                let look = try await LocalRunner().run(
                    Command(
                        [
                            "/bin/sh", "-c",
                            "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | "
                                + "grep -c 'sleep [4]711'",
                        ], timeout: .seconds(10)))
                return look.output == "0\n"
            }
            try FileManager.default.removeItem(atPath: file)
        }
        #expect(await cluster.run(.serviceStartCommand, on: b, step: 29).isDone)
    }

    /// A user whose home names no daemon. What needs no Docker works all the same.
    private func knowsNothingWithoutDocker(
        _ cluster: DockerCluster, _ node: NodeSettings
    ) async throws {
        for hook in [
            HookName.serviceStatusCommand, .serviceStartCommand, .serviceStopCommand,
            .fenceCommand,
            .promoteCommand,
        ] {
            let outcome = await cluster.run(hook, on: node, step: 40, home: cluster.root)
            #expect([1, 69].contains(outcome.status), "\(hook): \(outcome)")
        }
        await #expect(throws: (any Error).self) {
            _ = try await InspectReport.of(node, via: ServerUserRunner(home: cluster.root))
        }
        #expect(try await cluster.status(node.id) == "running")
        let blind = ServerUserRunner(home: cluster.root)
        let request = try cluster.request(node, at: nil, term: 100, step: 41)
        let locked = await NodeApply(timeout: .seconds(20)).apply(request, on: node, via: blind)
        #expect(locked.isReloaded, "\(locked)")
        try await until("locked") { try await cluster.isLocked(node) }
    }
}
