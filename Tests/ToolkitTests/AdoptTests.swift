import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Toolkit

/// A primary and its standby, as repmgr leaves them, taken over by the plan that `import` prints.
@Suite("Taking over a running set-up")
struct AdoptTests {
    @Test(.timeLimit(.minutes(5)))
    func importsAdoptsAndKeepsTheData() async throws {
        try await BareMachine.with { machine in
            let old = try await OldSetup(machine)
            let imported = try await ToolkitProgram.run(
                [
                    "import", "repmgr", "--json", "--cluster", "shop", "--postgresql",
                    "\(old.version)",
                ]
                    + old.files)
            try #require(imported.status == 0, "\(imported.complaint)")
            let document = try JSONDecoder().decode(Document.self, from: Data(imported.output.utf8))
            let file = "\(machine.folder)/cluster.yaml"
            // What the plan leaves to the operator: SSH, folders, the socket.
            let sockets = document.clusterYAML.replacing(
                "    data_dir:", with: "    socket_dir: \(machine.folder)/sock\n    data_dir:")
            try (sockets + old.access).write(
                toFile: file, atomically: true, encoding: .utf8)

            let early = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            #expect(early.status == 1)
            #expect(early.complaint.contains("stop it cleanly"), "\(early.complaint)")

            for step in document.plan.flatMap(\.steps) where step.on == "each node" {
                let isWanted = ["stop PostgreSQL: the primary", "set aside what ALTER SYSTEM"]
                    .contains(where: step.title.hasPrefix)
                guard isWanted else { continue }
                for command in step.commands where !command.hasPrefix("#") {
                    try await old.shell(command)
                }
            }
            let wrong = try await ToolkitProgram.run("deploy", "--adopt", "node2", "-c", file)
            #expect(wrong.status == 1)
            #expect(wrong.complaint.contains("that of a standby"), "\(wrong.complaint)")

            let marks = try old.marks()
            let adopted = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            try #require(adopted.status == 0, "\(adopted.complaint)")
            #expect(!adopted.complaint.contains("clone on"), "\(adopted.complaint)")
            #expect(try old.marks() == marks, "a data directory was replaced")
            #expect(try await old.query(0, "SELECT count(*) FROM kept") == "1000")
            #expect(try await old.query(1, "SELECT pg_is_in_recovery()") == "t")
            #expect(
                try await old.query(0, "SELECT count(*) FROM pg_stat_replication") == "1")

            let again = try await ToolkitProgram.run("deploy", "-c", file)
            #expect(
                again.output.hasPrefix("shop is up; nothing was changed\n"), "\(again.complaint)")
            let move = try await ToolkitProgram.run(
                "switchover", "--to", "node2", "--yes", "-c", file)
            #expect(move.status == 0, "\(move.complaint)")
            #expect(try await old.query(1, "SELECT count(*) FROM kept") == "1000")
        }
    }

    private struct Document: Decodable {
        struct Step: Decodable {
            var on: String
            var title: String
            var commands: [String]
        }
        struct Phase: Decodable { var steps: [Step] }
        var clusterYAML: String
        var plan: [Phase]

        enum CodingKeys: String, CodingKey {
            case plan
            case clusterYAML = "cluster_yaml"
        }
    }
}

/// Two servers that have been through a failover: the primary is on timeline 2.
private struct OldSetup {
    let machine: BareMachine
    let settings: ClusterSettings
    /// Their repmgr.conf.
    let files: [String]
    let access: String

    var version: Int { settings.postgresql.version }
    private var bin: String { settings.postgresql.binDirectory }

    init(_ machine: BareMachine) async throws {
        self.machine = machine
        let text = try machine.file(nodes: 2)
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

    private func serve(_ node: NodeSettings) async throws {
        let options =
            "-p \(node.port) -c unix_socket_directories=\(node.socketDirectory) -c fsync=off "
            + "-c listen_addresses=127.0.0.1 -c shared_buffers=16MB"
        try await shell(
            "\(bin)/pg_ctl start -w -D \(node.dataDirectory) -l \(node.dataDirectory)/old.log "
                + "-o '\(options)' >/dev/null")
    }

    /// As the owner of PostgreSQL.
    @discardableResult
    func shell(_ command: String) async throws -> String {
        let owner = BareMachine.isRoot ? ["runuser", "-u", machine.owner, "--"] : []
        return try await machine.run(owner + ["/bin/sh", "-c", "cd / && \(command)"])
    }

    func query(_ node: Int, _ statement: String) async throws -> String {
        let node = settings.nodes[node]
        return try await shell(
            "\(bin)/psql -XAtq -h \(node.socketDirectory) -p \(node.port) -U postgres -d postgres "
                + "-c \"\(statement)\""
        ).filter { $0 != "\n" }
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
