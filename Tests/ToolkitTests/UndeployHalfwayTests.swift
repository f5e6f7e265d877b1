import ClusterFile
import Foundation
import Glibc
import Testing

@testable import ToolkitTesting

/// An undeploy that is refused changes nothing; one that ended halfway is ended by the next, and by
/// nothing else.
@Suite("Taking a cluster away, halfway")
struct UndeployHalfwayTests {
    private static func withCluster(
        nodes: Int, _ body: (BareMachine, _ file: String, _ text: String) async throws -> Void
    ) async throws {
        try await BareMachine.with { machine in
            let file = "\(machine.folder)/cluster.yaml"
            let text = try machine.file(nodes: nodes)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let deployed = try await ToolkitProgram.run("deploy", "-c", file)
            try #require(deployed.status == 0, "\(deployed.complaint)")
            try await body(machine, file, text)
        }
    }

    /// What a deployment has left, and the servers that run.
    private static func everything(_ machine: BareMachine) async throws -> [String] {
        let files = ["etc", "lib", "run", "sched"].map { "\(machine.folder)/\($0)" }
        let found = try await machine.run(
            ["find"] + files + ["-type", "f", "-printf", "%p %s %T@\\n"])
        let servers = try await machine.run([
            "grep", "-rh", "--include=postmaster.pid", "-m", "1", "", "\(machine.folder)/data",
        ])
        return (found + servers).split(separator: "\n").map(String.init)
            // Opening the store and taking its lock leave their traces.
            .filter { !$0.contains("/sched/shop.sqlite") }.sorted()
    }

    @Test(
        "While Docker does not answer nothing is changed, on native nodes either",
        .enabled(
            if: access("/var/run/docker.sock", F_OK) != 0, "SKIPPED: a Docker daemon answers here"),
        .timeLimit(.minutes(5)))
    func containers() async throws {
        try await Self.withCluster(nodes: 1) { machine, file, text in
            let docker = """
                  - name: node2
                    host: 127.0.0.1
                    port: \(try ThrowawaySSHD.freePort())
                    runtime: docker

                """
            try (text + docker).write(toFile: file, atomically: true, encoding: .utf8)
            try await machine.write("lib/shop/node2/pgpass", "")
            let before = try await Self.everything(machine)
            let undeploy = ["undeploy", "--yes", "shop"]
            for arguments in [
                undeploy, undeploy + ["--remove-data"], ["undeploy", "--dry-run"],
            ] {
                let run = try await ToolkitProgram.run(arguments + ["-c", file])
                #expect(run.status == 1, "\(arguments): \(run.output)\(run.complaint)")
                #expect(run.complaint.contains("cannot take node2 away"), "\(run.complaint)")
                #expect(run.complaint.contains("nothing was changed"), "\(run.complaint)")
                #expect(run.complaint.contains("Docker does not answer"), "\(run.complaint)")
            }
            #expect(try await Self.everything(machine) == before)
        }
    }

    @Test("While a node can't be asked nothing is changed on the others", .timeLimit(.minutes(5)))
    func unreachable() async throws {
        try await Self.withCluster(nodes: 2) { machine, file, text in
            let before = try await Self.everything(machine)
            let closed = try ThrowawaySSHD.freePort()
            try text.replacing("name: node2\n", with: "name: node2\n    ssh: { port: \(closed) }\n")
                .write(toFile: file, atomically: true, encoding: .utf8)
            let run = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            #expect(run.status == 1, "\(run.complaint)")
            #expect(run.complaint.contains("node2"), "\(run.complaint)")
            #expect(try await Self.everything(machine) == before)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let gone = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            #expect(gone.status == 0, "\(gone.complaint)")
        }
    }

    @Test(
        "With files gone on one node nothing is started until undeploy has ended", .adopts,
        .enabled(if: BareMachine.isRoot, "SKIPPED: a mount is in the way, and that needs root"),
        .timeLimit(.minutes(5)), arguments: [1, 2])
    func halfway(_ kept: Int) async throws {
        try await Self.withCluster(nodes: 2) { machine, file, _ in
            try await Self.sql("CREATE TABLE kept AS SELECT 42 AS number", machine, file)
            let obstacle = "\(machine.folder)/run/shop/node\(kept)/obstacle"
            try await machine.run(["mkdir", obstacle])
            try await machine.run(["mount", "-t", "tmpfs", "tmpfs", obstacle])
            do {
                try await Self.isTold(machine, file, kept: kept)
            } catch {
                try await machine.run(["umount", obstacle])
                throw error
            }
            try await machine.run(["umount", obstacle])
            let gone = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            try #require(gone.status == 0, "\(gone.complaint)")
            let adopted = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            try #require(adopted.status == 0, "\(adopted.complaint)")
            #expect(try await Self.sql("SELECT number FROM kept", machine, file) == "42\n")
        }
    }

    private static func isTold(
        _ machine: BareMachine, _ file: String, kept: Int
    ) async throws {
        // The second one goes on where the first was, and does not forget that either.
        for _ in 1...2 {
            let ended = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            #expect(ended.status == 1, "\(ended.complaint)")
            #expect(ended.complaint.contains("then undeploy again"), "\(ended.complaint)")
            let before = try await left(machine)
            #expect(before.contains("lib/shop/node\(kept)/stamp"))
            #expect(!before.contains("lib/shop/node\(3 - kept)/stamp"))
            for arguments in [
                ["run"], ["deploy"], ["deploy", "--dry-run"], ["deploy", "--adopt", "node1"],
                ["switchover", "--yes"], ["failover", "--yes"],
            ] {
                let run = try await ToolkitProgram.run(arguments + ["-c", file])
                #expect(run.status != 0, "\(arguments)")
                #expect(
                    run.complaint.contains("next: undeploy again"),
                    "\(arguments): \(run.complaint)")
            }
            #expect(try await left(machine) == before)
        }
    }

    /// Files of ours and of running servers, below the machine's folder.
    private static func left(_ machine: BareMachine) async throws -> [String] {
        let found = try await machine.run([
            "find", machine.folder, "(", "-path", "*/lib/*", "-o", "-path", "*/etc/*", "-o",
            "-name", "postmaster.pid", "-o", "-name", "PG_VERSION", ")", "-type", "f", "-printf",
            "%P\\n",
        ])
        let files = found.split(separator: "\n").map(String.init).sorted()
        #expect(!files.contains { $0.hasSuffix("postmaster.pid") }, "a server runs")
        return files
    }

    @discardableResult
    private static func sql(
        _ text: String, _ machine: BareMachine, _ file: String
    ) async throws -> String {
        let settings = try ClusterFile.load(path: file).settings
        let node = try #require(settings.nodes.first)
        return try await machine.run([
            "runuser", "-u", machine.owner, "--", "\(settings.postgresql.binDirectory)/psql", "-X",
            "-At", "-h", node.socketDirectory, "-p", String(node.port), "-c", text, "postgres",
        ])
    }
}
