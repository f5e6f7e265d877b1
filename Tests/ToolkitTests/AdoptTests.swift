import Foundation
import Testing
import ToolkitTesting

@testable import Toolkit

/// A primary and its standby, as repmgr leaves them, taken over by the plan that `import` prints.
@Suite("Taking over a running set-up")
struct AdoptTests {
    @Test(.adopts, .timeLimit(.minutes(5)))
    func importsAdoptsAndKeepsTheData() async throws {
        try await BareMachine.with { machine in
            let old = try await OldSetup(machine, commandLine: "-c fsync=off")
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
            #expect(early.complaint.contains("fsync is off, not on"), "\(early.complaint)")

            for step in document.plan.flatMap(\.steps) where step.on == "each node" {
                let isWanted =
                    step.title.contains("stop PostgreSQL, the primary first")
                    || step.title.hasPrefix("set aside what ALTER SYSTEM")
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
