import Foundation
import Testing
import ToolkitTesting

@Suite("A deployment over SSH")
struct DeployTests {
    /// From bare machine to a switched-over cluster, with a known password that shows nowhere.
    @Test(.timeLimit(.minutes(5)))
    func deploysSwitchesOverAndKeepsItsPasswords() async throws {
        try await BareMachine.with { machine in
            let canary = Canary()
            let file = "\(machine.folder)/cluster.yaml"
            let text = try machine.file(nodes: 2)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            try await machine.write(
                "sched/shop.pgpass",
                """
                h:1:*:toolkit:\(canary.secret)
                h:1:*:toolkit_replication:\(canary.secret)

                """)
            try await machine.run(["chown", "-R", "\(getuid())", "\(machine.folder)/sched"])
            let watch = Task { await canary.watch() }
            var said = ""

            let plan = try await ToolkitProgram.run("deploy", "--dry-run", "-c", file)
            #expect(plan.status == 0, "\(plan.complaint)")
            #expect(plan.output.contains("node1: initdb in "))
            #expect(!FileManager.default.fileExists(atPath: "\(machine.folder)/etc"))

            let first = try await ToolkitProgram.run("deploy", "-c", file)
            try #require(first.status == 0, "\(first.complaint)")
            #expect(first.output.hasPrefix("shop is up\n"))
            #expect(first.complaint.contains("node1: initialised"))

            let second = try await ToolkitProgram.run("deploy", "-c", file)
            #expect(second.status == 0, "\(second.complaint)")
            #expect(second.output.hasPrefix("shop is up; nothing was changed\n"))

            let check = try await ToolkitProgram.run("check", "--json", "-c", file)
            #expect(check.status == 0, "\(check.output)")
            let state = try await ToolkitProgram.run("state", "--json", "-c", file)
            #expect(state.status == 2, "no scheduler runs")
            #expect(state.output.contains("\"scheduler_running\" : false"))

            let move = try await ToolkitProgram.run(
                "switchover", "--to", "node2", "--yes", "-c", file)
            #expect(move.status == 0, "\(move.complaint)")
            #expect(move.output.hasSuffix("node2 is primary\n"))

            let events = try await ToolkitProgram.run(
                "events", "--json", "--limit", "1000", "-c", file)
            #expect(events.output.contains("order.switchover"))
            for ended in [plan, first, second, check, state, move, events] {
                said += ended.output + ended.complaint
            }
            watch.cancel()
            #expect(await watch.value == [])
            #expect(!said.contains(canary.secret))
            let files = canary.files(below: machine.folder, except: ["pgpass", "shop.pgpass"])
            #expect(files == [])
        }
    }
}
