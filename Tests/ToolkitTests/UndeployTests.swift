import FailoverCore
import Foundation
import Store
import Testing
import ToolkitTesting

/// A cluster that was brought up is taken away, taken over again, and deleted.
@Suite("Taking a cluster away")
struct UndeployTests {
    @Test(.adopts, .timeLimit(.minutes(5)))
    func leavesTheDataUnlessTheyAreAskedFor() async throws {
        try await BareMachine.with { machine in
            let file = "\(machine.folder)/cluster.yaml"
            try machine.file(nodes: 2).write(toFile: file, atomically: true, encoding: .utf8)
            let deployed = try await ToolkitProgram.run("deploy", "-c", file)
            try #require(deployed.status == 0, "\(deployed.complaint)")

            try await Self.isRefusedWhileScheduled(file)
            let before = try await machine.run(["find", "\(machine.folder)/lib"])
            let plan = try await ToolkitProgram.run("undeploy", "--dry-run", "-c", file)
            #expect(plan.status == 0, "\(plan.complaint)")
            for wrong in [["undeploy"], ["undeploy", "--yes", "shop2"]] {
                let run = try await ToolkitProgram.run(wrong + ["-c", file])
                #expect(run.status == 1)
                #expect(run.complaint.contains("nothing was changed"))
            }
            #expect(try await machine.run(["find", "\(machine.folder)/lib"]) == before)

            let gone = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            try #require(gone.status == 0, "\(gone.complaint)")
            #expect(gone.complaint.contains("node1: dropped the slot toolkit_node2"))
            Self.expect(plan.output, isWhatWasDone: gone.complaint)
            #expect(Self.commands(plan.output).contains("rmdir -- \(machine.folder)/etc"))
            #expect(Self.commands(plan.output).contains("rmdir \(machine.folder)/sched"))
            #expect(try await Self.left(on: machine) == ["data", "node1", "node2"])
            for node in 1...2 {
                let version = "\(machine.folder)/data/node\(node)/PG_VERSION"
                try await machine.run(["test", "-f", version])
            }
            let again = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            #expect(again.status == 0, "\(again.complaint)")
            #expect(again.output.hasSuffix("stays\nnothing to do\n"), "\(again.output)")

            try await Self.isTakenOverAgain(machine, file)
        }
    }

    /// The data are those of a cluster whose servers were stopped cleanly.
    private static func isTakenOverAgain(_ machine: BareMachine, _ file: String) async throws {
        // Nothing tells any more that these data are ours: they are another's.
        let deleted = try await ToolkitProgram.run(
            "undeploy", "--remove-data", "--yes", "shop", "-c", file)
        #expect(deleted.status == 1)
        #expect(deleted.complaint.contains("nothing shows that it is of this node"))
        try await machine.run(["test", "-f", "\(machine.folder)/data/node1/PG_VERSION"])

        let adopted = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
        try #require(adopted.status == 0, "\(adopted.complaint)")
        #expect(!adopted.complaint.contains("clone on"), "\(adopted.complaint)")

        let plan = try await ToolkitProgram.run(
            "undeploy", "--remove-data", "--dry-run", "-c", file)
        #expect(
            plan.output.contains("node2: + rm -rf -- \(machine.folder)/data/node2\n"),
            "\(plan.output)")
        let gone = try await ToolkitProgram.run(
            "undeploy", "--remove-data", "--yes", "shop", "-c", file)
        #expect(gone.status == 0, "\(gone.complaint)")
        expect(plan.output, isWhatWasDone: gone.complaint)
        // Ended between the two, nothing starts on what is left.
        let first = try #require(
            gone.complaint.range(of: "+ rm -f -- \(machine.folder)/data/node1/global/pg_control"))
        let rest = try #require(gone.complaint.range(of: "+ find \(machine.folder)/data/node1 "))
        #expect(first.lowerBound < rest.lowerBound)
        #expect(try await left(on: machine) == ["data"])
    }

    /// A data_dir that was edited names another's data: those of a cluster of its own stay, whatever
    /// was asked for.
    @Test(.timeLimit(.minutes(5)))
    func keepsDataThatTheNodeWasNotDeployedWith() async throws {
        try await BareMachine.with { machine in
            let file = "\(machine.folder)/cluster.yaml"
            let text = try machine.file()
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let deployed = try await ToolkitProgram.run("deploy", "-c", file)
            try #require(deployed.status == 0, "\(deployed.complaint)")
            try await machine.write("other/PG_VERSION", "15\n")
            try text.replacing("/data/node1", with: "/other").write(
                toFile: file, atomically: true, encoding: .utf8)
            let refused = try await ToolkitProgram.run(
                "undeploy", "--remove-data", "--yes", "shop", "-c", file)
            #expect(refused.status == 1)
            #expect(refused.complaint.contains("this node was deployed with the data_dir"))
            for kept in ["other/PG_VERSION", "data/node1/PG_VERSION", "lib/shop/node1/stamp"] {
                try await machine.run(["test", "-f", "\(machine.folder)/\(kept)"])
            }
        }
    }

    /// Its marker alone tells whose they are.
    @Test(.timeLimit(.minutes(2)))
    func takesAwayWhatAnInterruptedInitdbHasLeft() async throws {
        try await BareMachine.with { machine in
            let file = "\(machine.folder)/cluster.yaml"
            try machine.file().write(toFile: file, atomically: true, encoding: .utf8)
            let data = "\(machine.folder)/data/node1"
            try await machine.write("data/node1/base/1", "")
            try await machine.markInitdb(of: data)
            let gone = try await ToolkitProgram.run(
                "undeploy", "--remove-data", "--yes", "shop", "-c", file)
            #expect(gone.status == 0, "\(gone.output)\(gone.complaint)")
            #expect(try await machine.run(["find", machine.folder, "-path", data]) == "")
        }
    }

    /// What was done on the nodes is known to the store, so that a scheduler may go on.
    @Test(
        .enabled(if: BareMachine.isRoot, "SKIPPED: a mount is in the way, and that needs root"),
        .timeLimit(.minutes(5)))
    func canBeGivenUpHalfway() async throws {
        try await BareMachine.with { machine in
            let file = "\(machine.folder)/cluster.yaml"
            try machine.file().write(toFile: file, atomically: true, encoding: .utf8)
            let deployed = try await ToolkitProgram.run("deploy", "-c", file)
            try #require(deployed.status == 0, "\(deployed.complaint)")
            let obstacle = "\(machine.folder)/etc/shop/node1/obstacle"
            try await machine.run(["mkdir", obstacle])
            try await machine.run(["mount", "-t", "tmpfs", "tmpfs", obstacle])
            let ended = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            try await machine.run(["umount", obstacle])
            #expect(ended.status == 1)
            #expect(ended.complaint.contains("node1: stopped"), "\(ended.complaint)")

            let stamp = try await machine.run(["cat", "\(machine.folder)/lib/shop/node1/stamp"])
                .split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            let store = try await SQLiteStore(path: "\(machine.folder)/sched/shop.sqlite")
            let stored = try #require(try await store.load())
            #expect(stamp == [stored.term.number, stored.revision.number])
            let again = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
            #expect(again.status == 0, "\(again.complaint)")
        }
    }

    private static func isRefusedWhileScheduled(_ file: String) async throws {
        let scheduler = Process()
        scheduler.executableURL = URL(fileURLWithPath: ToolkitProgram.path)
        scheduler.arguments = ["run", "-c", file]
        scheduler.standardOutput = FileHandle.nullDevice
        scheduler.standardError = FileHandle.nullDevice
        try scheduler.run()
        defer {
            scheduler.terminate()
            scheduler.waitUntilExit()
        }
        try await until("the scheduler answers") {
            try await ToolkitProgram.run("state", "--json", "-c", file).output
                .contains("\"scheduler_running\" : true")
        }
        for arguments in [["--dry-run"], ["--yes", "shop"]] {
            let run = try await ToolkitProgram.run(["undeploy", "-c", file] + arguments)
            #expect(run.status == 75, "\(run.output)\(run.complaint)")
            #expect(run.complaint.contains("stop `toolkit run`"))
        }
    }

    /// Without the node: what is shared is taken away by the last one. SQLite's own files come and go.
    private static func commands(_ text: String) -> Set<Substring> {
        let commands = text.split(separator: "\n").compactMap { line in
            line.range(of: "+ ").map { line[$0.upperBound...] }
        }
        return Set(commands.filter { !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") })
    }

    private static func expect(_ plan: String, isWhatWasDone said: String) {
        let (plan, done) = (commands(plan), commands(said))
        #expect(done.subtracting(plan) == [], "done without a word before")
        // The lock has taken the opening away already.
        let left = plan.subtracting(done).filter { !$0.contains("/run/shop/") }
        #expect(left == [], "foretold and not done")
    }

    /// Folders of ours, by name; the data themselves are not looked into.
    private static func left(on machine: BareMachine) async throws -> [String] {
        let found = try await machine.run([
            "find", machine.folder, "-mindepth", "1", "-maxdepth", "2", "-type", "d", "!", "-name",
            "sock", "-printf", "%f\\n",
        ])
        return found.split(separator: "\n").map(String.init).sorted()
    }
}
