import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Scheduler

/// Three nodes on this machine: folders, keys, sshd, settings. Nothing of it runs yet.
struct DemoCluster: Sendable {
    static let names: [NodeID] = ["node1", "node2", "node3"]

    let root: String
    let runtime: String
    let settings: ClusterSettings
    let share: ShareFolder
    let daemons: [NodeID: DemoSSHD]
    let gates: [NodeID: DemoGate]
    let local = LocalRunner()

    var processes: DemoProcesses { DemoProcesses(root: root) }
    var configPath: String { root + "/cluster.yaml" }

    init(
        root: String, isLocal: Bool, user: String = DemoUser.current
    ) async throws {
        self.root = root
        share = ShareFolder(path: root + "/share")
        // open.conf must be lost with the machine: a tmpfs, as /run is on a real one.
        runtime = "/dev/shm/" + URL(fileURLWithPath: root).lastPathComponent
        let ports = try Self.freePorts(isLocal ? 3 : 6)
        let text = Self.file(
            root: root, runtime: runtime, ports: ports, isLocal: isLocal, user: user)
        for folder in ["", "/sock", "/sched", "/ssh"] {
            try FileManager.default.createDirectory(
                atPath: root + folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        try FileManager.default.createDirectory(
            atPath: runtime, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try text.write(toFile: root + "/cluster.yaml", atomically: true, encoding: .utf8)
        settings = try ClusterFile.load(path: root + "/cluster.yaml").settings
        var daemons: [NodeID: DemoSSHD] = [:]
        if !isLocal {
            try await DemoSSHD.makeIdentity(at: root + "/ssh/client_key", local)
            for node in settings.nodes {
                let daemon = DemoSSHD(
                    folder: "\(root)/ssh/\(node.id)", port: node.sshPort, runner: local)
                try await daemon.prepare(
                    identity: root + "/ssh/client_key", knownHosts: root + "/ssh/known_hosts")
                daemons[node.id] = daemon
            }
        }
        self.daemons = daemons
        let runners = Runners(settings)
        gates = Dictionary(
            uniqueKeysWithValues: settings.nodes.map { ($0.id, DemoGate(runners.runner($0))) })
    }

    var runners: Runners {
        let (gates, local) = (gates, local)
        return Runners(
            runner: { gates[$0.id] ?? local as any CommandRunner }, local: local)
    }

    /// Cuts a node's way in: its sshd is ended, or without SSH its door is shut.
    func cutOff(_ id: NodeID) {
        if let daemon = daemons[id] { daemon.stop() } else { gates[id]?.shut(true) }
    }

    func letBack(_ id: NodeID) async throws {
        if let daemon = daemons[id] { try await daemon.start() } else { gates[id]?.shut(false) }
    }

    func node(_ id: NodeID) throws -> NodeSettings {
        guard let node = settings.node(id) else {
            throw DemoError(
                "cannot use node \(id)", because: "the demo has no such node",
                next: "report this: it is a defect of the demo")
        }
        return node
    }

    /// What applications use: every host, and only the one that takes writes.
    func applicationConninfo() -> Conninfo {
        var conninfo = Conninfo()
        conninfo["host"] = settings.nodes.map(\.host).joined(separator: ",")
        conninfo["port"] = settings.nodes.map { String($0.port) }.joined(separator: ",")
        conninfo["dbname"] = settings.postgresql.database
        conninfo["user"] = "app"
        conninfo["passfile"] = root + "/app.pgpass"
        conninfo["target_session_attrs"] = "read-write"
        conninfo["connect_timeout"] = "2"
        conninfo["application_name"] = "demo writer"
        return conninfo
    }

    /// The owner of the server, over its own socket: only on the node's machine, by peer.
    func ownerConninfo(_ id: NodeID) throws -> Conninfo {
        let node = try node(id)
        return Conninfo(
            host: node.socketDirectory, port: node.port, user: "postgres",
            database: settings.postgresql.database)
    }

    /// Ends every process and removes every folder.
    func remove() async {
        for daemon in daemons.values { daemon.stop() }
        // A killed postmaster would leave its shared memory behind.
        await processes.quit(settings.nodes.map(\.dataDirectory))
        await processes.endAll()
        try? FileManager.default.removeItem(atPath: runtime)
        try? FileManager.default.removeItem(atPath: root)
    }

    private static func file(
        root: String, runtime: String, ports: [Int], isLocal: Bool, user: String
    ) -> String {
        let nodes = names.indices.map { index in
            let ssh = isLocal ? "" : ", ssh: { port: \(ports[index + 3]) }"
            return "  - { name: \(names[index]), host: 127.0.0.1, port: \(ports[index]), "
                + "data_dir: \(root)/data/\(names[index]), socket_dir: \(root)/sock\(ssh) }"
        }
        return """
            # Three nodes on one machine, as `toolkit demo` makes them.
            cluster: demo
            execution: \(isLocal ? "local" : "ssh")
            postgresql:
              version: \(version)
              parameters: { shared_buffers: 32MB, max_connections: 50, checkpoint_timeout: 30min }
              hba: [ "host postgres app 127.0.0.1/32 scram-sha-256" ]
            scheduler: { directory: \(root)/sched }
            ssh:
              user: \(user)
              identity_file: \(root)/ssh/client_key
              known_hosts: \(root)/ssh/known_hosts
            config_dir: \(root)/etc
            state_dir: \(root)/state
            runtime_dir: \(runtime)
            nodes:
            \(nodes.joined(separator: "\n"))

            """
    }

    /// The newest installed server that is supported.
    private static var version: Int {
        (13...18).reversed().first {
            FileManager.default.isExecutableFile(atPath: "/usr/lib/postgresql/\($0)/bin/postgres")
        } ?? 15
    }

    private static func freePorts(_ count: Int) throws -> [Int] {
        try (0..<count).map { _ in
            guard let port = LoopbackPort.unused() else {
                throw DemoError(
                    "cannot find a free port", because: "127.0.0.1 can't be bound",
                    next: "check that the loopback interface is up")
            }
            return Int(port)
        }
    }
}
