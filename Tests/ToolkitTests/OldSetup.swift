import ClusterFile
import Execution
import FailoverCore
import Foundation
import ToolkitTesting

@testable import Toolkit

/// Two servers that have been through a failover: the primary is on timeline 2.
struct OldSetup {
    let machine: BareMachine
    let settings: ClusterSettings
    /// Their repmgr.conf.
    let files: [String]
    let access: String
    /// The cluster.yaml that takes them over.
    let text: String

    var version: Int { settings.postgresql.version }
    var bin: String { settings.postgresql.binDirectory }

    private let commandLine: String
    private let parameters: [String]

    /// `commandLine` are options of the servers, `parameters` lines of their postgresql.conf.
    init(
        _ machine: BareMachine, commandLine: String = "", parameters: [String] = []
    ) async throws {
        self.machine = machine
        self.commandLine = commandLine
        self.parameters = parameters
        text = try machine.file(nodes: 2)
        settings = try ClusterFile.parse(text, baseDirectory: machine.folder).settings
        let head = text.prefix(upTo: text.range(of: "nodes:\n")?.lowerBound ?? text.endIndex)
        access = String(head).replacing("cluster: shop\n", with: "")
        var files: [String] = []
        for node in settings.nodes {
            let conf = """
                node_name='\(node.id)'
                conninfo='host=\(node.host) port=\(node.port) user=repmgr password=hunter2'
                data_directory='\(node.dataDirectory)'
                pg_bindir='\(settings.postgresql.binDirectory)'
                failover=automatic

                """
            try await machine.write("old/\(node.id).conf", conf, mode: "644")
            files.append("\(machine.folder)/old/\(node.id).conf")
        }
        self.files = files
        try await start()
    }

    private func start() async throws {
        let (first, second) = (settings.nodes[0], settings.nodes[1])
        let folder = first.dataDirectory
        let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        try await shell("mkdir -p \(parent)")
        try await shell("\(bin)/initdb -D \(folder) -U postgres -A trust -k -N >/dev/null")
        try await serve(first)
        _ = try await query(0, "CREATE TABLE kept AS SELECT generate_series(1, 1000)")
        // A failover of the past: recovery to its end, on a timeline of its own.
        try await shell("\(bin)/pg_ctl stop -m fast -w -D \(folder)")
        try await shell("touch \(folder)/standby.signal")
        try await serve(first)
        try await shell("\(bin)/pg_ctl promote -w -D \(folder)")
        try await shell(
            "\(bin)/pg_basebackup -D \(second.dataDirectory) -R -X stream -c fast "
                + "-h \(first.socketDirectory) -p \(first.port) -U postgres")
        try await serve(second)
        let receiver = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        try await until("the standby streams") { try await query(1, receiver) == "1" }
    }

    /// As their owner starts them, on their own configuration.
    func serve(_ node: NodeSettings) async throws {
        let conf = """
            port = \(node.port)
            unix_socket_directories = '\(node.socketDirectory)'
            listen_addresses = '127.0.0.1'
            shared_buffers = '16MB'
            \(parameters.joined(separator: "\n"))
            """
        try await shell(
            "cat >>\(node.dataDirectory)/postgresql.conf <<'END'\n\(conf)\nEND")
        try await shell(
            "\(bin)/pg_ctl start -w -D \(node.dataDirectory) -l \(node.dataDirectory)/old.log "
                + "-o '\(commandLine)' >/dev/null")
    }

    /// As the owner of PostgreSQL.
    @discardableResult
    func shell(_ command: String) async throws -> String {
        let owner = BareMachine.isRoot ? ["runuser", "-u", machine.owner, "--"] : []
        return try await machine.run(owner + ["/bin/sh", "-c", "cd / && \(command)"])
    }

    func query(_ node: Int, _ statement: String) async throws -> String {
        try await shell(command(node, statement)).filter { $0 != "\n" }
    }

    func command(_ node: Int, _ statement: String) -> String {
        let node = settings.nodes[node]
        return
            "\(bin)/psql -XAtq -h \(node.socketDirectory) -p \(node.port) -U postgres -d postgres "
            + "-c \"\(statement)\""
    }

    /// The inodes of the control files' folders: a clone makes new ones.
    func marks() throws -> [Int] {
        try settings.nodes.map { node in
            let file = "\(node.dataDirectory)/PG_VERSION"
            let found = try FileManager.default.attributesOfItem(atPath: file)
            return (found[.systemFileNumber] as? Int) ?? 0
        }
    }
}
