import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import ToolkitTesting

extension DockerNodeTests {
    /// compose.yaml and docker-run.sh tell the same container.
    @Suite(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/docker-compose"),
            "SKIPPED: docker-compose is not installed"))
    struct ComposeTests {
        @Test(.timeLimit(.minutes(2)))
        func makesTheContainerOfDockerRun() async throws {
            for layout in [DockerCluster.Layout.onHostNetwork(1), .published] {
                try await DockerCluster.with(layout) { cluster in
                    let container = try cluster.container("node1")
                    _ = try await cluster.toolkit("render", "--output", cluster.root + "/rendered")
                    let files = cluster.root + "/rendered/node1"
                    let node = try cluster.node("node1")
                    for folder in [
                        node.configDirectory, node.stateDirectory, node.runtimeDirectory,
                    ] {
                        try FileManager.default.createDirectory(
                            atPath: folder, withIntermediateDirectories: true)
                    }
                    try await cluster.engine.run(["/bin/sh", files + "/docker-run.sh", "create"])
                    let wanted = try await look(at: container, of: cluster.engine)
                    #expect(wanted["user"]?.contains(":") == true, "\(wanted)")
                    try await cluster.engine.docker("rm", container)
                    try await compose(files, of: cluster)
                    let made = try await look(at: container, of: cluster.engine)
                    for (name, value) in wanted { #expect(made[name] == value, "\(name)") }
                }
            }
        }

        /// Debian's docker-compose, a first one, takes the project's name as an option alone.
        private func compose(_ files: String, of cluster: DockerCluster) async throws {
            let script = """
                sed '/^name: /d' "$1/compose.yaml" >"$1/compose-1.yaml"
                TOOLKIT_UID=$(id -u postgres) TOOLKIT_GID=$(id -g postgres) docker-compose \\
                    --project-name "$2" --file "$1/compose-1.yaml" up --no-start
                """
            try await cluster.engine.run(
                ["/bin/sh", "-euc", script, "sh", files, cluster.settings.cluster])
        }

        private func look(
            at container: String, of engine: DockerEngine
        ) async throws -> [String: String] {
            let format = """
                {{$label := index .Config.Labels "io.toolkit.cluster"}}
                command={{.Path}} {{json .Args}}
                user={{.Config.User}}
                stop={{.Config.StopSignal}} {{.Config.StopTimeout}}
                labels={{$label}} {{index .Config.Labels "io.toolkit.node"}}
                image={{.Config.Image}}
                network={{.HostConfig.NetworkMode}}
                ports={{json .HostConfig.PortBindings}}
                restart={{.HostConfig.RestartPolicy.Name}}
                rights={{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}
                security={{.HostConfig.SecurityOpt}}
                memory={{.HostConfig.ShmSize}}
                init={{.HostConfig.Init}}
                log={{json .HostConfig.LogConfig}}
                tmpfs={{json .HostConfig.Tmpfs}}
                mounts={{range .Mounts}}{{.Type}} {{.Name}} {{if eq .Type "bind"}}{{.Source}}{{end}} {{.Destination}} {{.RW}};{{end}}
                inside={{range .Config.Env}}{{if eq (slice . 0 4) "TOOL"}}{{.}}{{end}}{{end}}
                """
            let answer = try await engine.docker("inspect", "--format", format, container)
            var facts: [String: String] = [:]
            for line in answer.output.split(separator: "\n") {
                guard let equals = line.firstIndex(of: "=") else { continue }
                facts[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            facts["security"] = facts["security"]?.replacing(":true", with: "")
            facts["mounts"] = facts["mounts"]?.split(separator: ";").sorted().joined(separator: ";")
            return facts
        }
    }
}
