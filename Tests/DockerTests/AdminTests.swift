import ClusterFile
import Execution
import Foundation
import Testing

@testable import Deployment
@testable import ToolkitTesting

extension DockerNodeTests {
    /// What root does for a docker node, on a machine whose /etc is a layer above this one's.
    @Suite struct AdminTests {
        @Test(.timeLimit(.minutes(2)))
        func makesTheMachineReadyAndTakesThatBack() async throws {
            try await DockerCluster.with(.onHostNetwork(1)) { cluster in
                let network = "\(cluster.settings.cluster)-net"
                let login = AdminLogin(user: "root") { _ in LayeredMachine(cluster) }
                let deployment = try deployment(cluster, ["network: host": "network: \(network)"])
                let node = try #require(deployment.settings.nodes.first)
                let tmpfiles =
                    "/etc/tmpfiles.d/toolkit-\(deployment.settings.cluster)-\(node.id).conf"

                let plan = try await deployment.machinePlan(.prepare, as: login).map(\.text)
                #expect(plan.contains("+ usermod --append --groups docker postgres"), "\(plan)")
                #expect(plan.contains("+ write \(tmpfiles) (mode 644)"), "\(plan)")
                #expect(plan.contains { $0.hasPrefix("+ docker network create ") }, "\(plan)")
                #expect(plan.contains("+ sysctl --quiet --write vm.swappiness=1"), "\(plan)")
                // Of PostgreSQL nothing is needed on the machine, and no unit.
                #expect(!plan.contains { $0.contains("apt-get") || $0.contains("systemctl") })
                #expect(!plan.contains { $0.contains(node.dataDirectory) }, "\(plan)")
                let done = try await deployment.changeMachines(.prepare, as: login) { _ in }
                #expect(done.map(\.text) == plan)
                #expect(try await deployment.machinePlan(.prepare, as: login).isEmpty)
                #expect(FileManager.default.fileExists(atPath: node.stateDirectory))

                let back = try await deployment.machinePlan(.remove, as: login).map(\.text)
                #expect(back.contains("+ docker network rm \(network)"), "\(back)")
                #expect(back.contains("+ rm -f -- \(tmpfiles)"), "\(back)")
                _ = try await deployment.changeMachines(.remove, as: login) { _ in }
                #expect(try await deployment.machinePlan(.remove, as: login).isEmpty)
                #expect(!FileManager.default.fileExists(atPath: node.stateDirectory))
            }
        }

        /// An image that is not there is pulled; a network that another has made stays.
        @Test(.timeLimit(.minutes(2)))
        func pullsTheImageAndLeavesOthersNetworks() async throws {
            try await DockerCluster.with(.onHostNetwork(1)) { cluster in
                let login = AdminLogin(user: "root") { _ in LayeredMachine(cluster) }
                let deployment = try deployment(
                    cluster,
                    [
                        "network: host": "network: \(DockerEngine.network)",
                        DockerEngine.image: "nobody/has:1",
                    ])
                let plan = try await deployment.machinePlan(.prepare, as: login).map(\.text)
                #expect(plan.first == "+ docker pull --quiet nobody/has:1", "\(plan)")
                #expect(!plan.contains { $0.hasPrefix("+ docker network") }, "\(plan)")
                let back = try await deployment.machinePlan(.remove, as: login).map(\.text)
                #expect(!back.contains { $0.hasPrefix("+ docker network") }, "\(back)")

                let silent = AdminLogin(user: "root") { _ in
                    LayeredMachine(cluster, socket: "/nobody/docker.sock")
                }
                let refused = await #expect(throws: DeploymentError.self) {
                    try await deployment.machinePlan(.prepare, as: silent)
                }
                #expect(refused?.because.contains("Docker does not answer") == true)
                #expect(refused?.next.contains("systemctl start docker") == true)
            }
        }

        /// From a registry on the machine's own loopback, as the pinned image of a digest.
        @Test(
            .enabled(
                if: FileManager.default.isExecutableFile(atPath: DockerRegistry.program),
                "SKIPPED: docker-registry is not installed"), .timeLimit(.minutes(2)))
        func pullsTheImageOfADigest() async throws {
            try await DockerCluster.with(.onHostNetwork(1)) { cluster in
                let login = AdminLogin(user: "root") { _ in LayeredMachine(cluster) }
                try await DockerRegistry.with(cluster.engine) { registry in
                    let pinned = try await registry.push(DockerEngine.image)
                    #expect(pinned.contains("@sha256:"))
                    let deployment = try deployment(cluster, [DockerEngine.image: pinned])
                    let pull = "+ docker pull --quiet \(pinned)"
                    #expect(
                        try await deployment.machinePlan(.prepare, as: login).first?.text == pull)
                    let done = try await deployment.changeMachines(.prepare, as: login) { _ in }
                    #expect(done.first?.text == pull)
                    #expect(try await deployment.machinePlan(.prepare, as: login).isEmpty)
                    let version = try await cluster.engine.docker(
                        "run", "--rm", pinned, DockerEngine.bin + "/postgres", "--version")
                    #expect(version.output.contains("(PostgreSQL) 15."))
                    _ = try await deployment.changeMachines(.remove, as: login) { _ in }
                    try await cluster.engine.docker("rmi", pinned)
                }
            }
        }

        private func deployment(
            _ cluster: DockerCluster, _ changes: [String: String]
        ) throws -> Deployment {
            var text = try String(
                contentsOfFile: cluster.root + "/cluster.yaml", encoding: .utf8)
            for (old, new) in changes { text = text.replacing(old, with: new) }
            let settings = try ClusterFile.parse(text, baseDirectory: cluster.root).settings
            let share = ShareFolder(path: cluster.root + "/share")
            return Deployment(settings: settings, share: share) { _ in cluster.runner }
        }
    }
}

/// Runs commands as root, with an /etc that keeps what they write in the cluster's folder, and kernel
/// settings that nobody may set.
private struct LayeredMachine: CommandRunner {
    private let layer: String
    private let socket: String
    private let local = LocalRunner()

    init(_ cluster: DockerCluster, socket: String? = nil) {
        layer = cluster.root + "/layer"
        self.socket = "unix://\(socket ?? cluster.engine.folder + "/docker.sock")"
    }

    var place: String { local.place }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        let script = """
            mkdir -p "$1/upper" "$1/work"
            mount --bind /proc/sys /proc/sys
            mount -o remount,bind,ro /proc/sys
            mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc
            shift
            exec "$@"
            """
        var command = command
        command.arguments =
            ["unshare", "--mount", "/bin/sh", "-euc", script, "sh", layer] + command.arguments
        command.environment["DOCKER_HOST"] = socket
        return try await local.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try await local.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async {}
}
