import ClusterFile
import FailoverCore
import Foundation
import Rendering

extension ClusterSettings {
    /// A cluster as cluster.yaml's defaults make it, one node for each host.
    static func shop(
        hosts: [String] = ["10.0.0.1", "fd00::2", "db3.example.org"],
        schedulerAddress: String? = "10.0.0.9", version: Int = 15
    ) -> ClusterSettings {
        let nodes = hosts.enumerated().map { index, host in
            NodeSettings.node(number: index + 1, host: host)
        }
        return ClusterSettings(
            cluster: "shop", isLab: false,
            postgresql: PostgresSettings(
                version: version, binDirectory: "/usr/lib/postgresql/\(version)/bin",
                database: "postgres",
                parameters: [
                    .init(name: "work_mem", value: "16MB"),
                    .init(name: "archive_command", value: "cp '%p' /archive/%f"),
                ],
                hba: ["host app app 10.0.0.0/24 scram-sha-256"], authentication: .scram,
                role: "toolkit", replicationRole: "toolkit_replication"),
            scheduler: SchedulerSettings(
                address: schedulerAddress, directory: "/var/lib/toolkit/scheduler"),
            execution: .ssh,
            ssh: SSHSettings(
                user: "postgres", port: 22, identityFile: nil, knownHosts: "/root/known_hosts",
                connectTimeoutMs: 5_000),
            directories: DirectorySettings(
                configDirectory: "/etc/toolkit", stateDirectory: "/var/lib/toolkit",
                runtimeDirectory: "/run/toolkit"),
            nodes: nodes, policy: Policy(nodes: nodes.map { Policy.Node(id: $0.id) }),
            hooks: HookSettings(byName: [:], eventNotifications: []),
            baseDirectory: "/nowhere")
    }
}

extension ClusterSettings {
    /// Machines of different sizes.
    static func sized(version: Int) -> ClusterSettings {
        var settings = shop(version: version)
        settings.nodes[0].service = "postgresql@\(version)-main.service"
        settings.nodes[0].machine = MachineSettings(
            memoryBytes: 8 << 30, cores: 4, diskBytes: 100 << 30)
        settings.nodes[1].machine = MachineSettings(memoryBytes: 256 << 30, cores: 64)
        settings.nodes[2].machine = MachineSettings(diskBytes: 4 << 30)
        return settings
    }

    /// Three containers, two of them on one machine.
    static func docker() -> ClusterSettings {
        var settings = shop(hosts: ["10.0.0.1", "10.0.0.2", "10.0.0.2"], version: 17)
        for index in settings.nodes.indices {
            let name = "toolkit-shop-node\(index + 1)"
            settings.nodes[index].machine = MachineSettings(
                memoryBytes: 4 << 30, cores: 2, diskBytes: 40 << 30)
            settings.nodes[index].dataDirectory = "/var/lib/postgres/pgdata"
            if index > 0 { settings.nodes[index].socketDirectory = "/var/run/postgresql" }
            settings.nodes[index].docker = DockerSettings(
                image: "postgres:17.6", container: name, volume: name, mount: "/var/lib/postgres",
                network: index == 2 ? "pg" : "host")
        }
        return settings
    }
}

extension RenderFacts {
    static let example = RenderFacts(
        publicKeys: [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFake key"
        ],
        hostKeys: ["10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHostHostHostHostHostHostHost"],
        passwordFile: "10.0.0.1:5432:*:toolkit_replication:secret\n")
}

extension NodeSettings {
    static func node(number: Int, host: String) -> NodeSettings {
        let name = "node\(number)"
        return NodeSettings(
            id: NodeID(name), host: host, port: 5431 + number,
            dataDirectory: "/var/lib/postgresql/15/shop", priority: 50, replicationQuorum: true,
            sshHost: host, sshPort: 22, sshUser: "postgres",
            socketDirectory: "/run/toolkit/shop/\(name)",
            configDirectory: "/etc/toolkit/shop/\(name)",
            stateDirectory: "/var/lib/toolkit/shop/\(name)",
            runtimeDirectory: "/run/toolkit/shop/\(name)")
    }
}

/// Folders of this checkout.
enum Checkout {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let golden = tests.appendingPathComponent("Golden")
    private static let root = tests.deletingLastPathComponent().deletingLastPathComponent()
    static let templates = TemplateFolder(
        own: nil, shipped: root.appendingPathComponent("templates").path)

    static func pack(_ name: String) -> String {
        root.appendingPathComponent("hooks/contrib/\(name)").path
    }
}
