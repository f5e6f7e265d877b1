import Foundation
import Testing

@Suite("toolkit hook, from a shell")
struct HookCommandTests {
    private static let nodes =
        "nodes: [ { name: node1, host: 192.0.2.1, data_dir: /srv/pg/shop } ]\n"

    private func inFolder(_ hooks: String, _ body: (String) async throws -> Void) async throws {
        try await ToolkitProgram.inFolder { folder in
            try ("cluster: shop\nscheduler: { directory: \(folder)/sched }\n" + Self.nodes + hooks)
                .write(toFile: folder + "/cluster.yaml", atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            try await body(folder)
        }
    }

    /// The throw-away nodes' owner may not even look into it.
    @Test func aTrialNeedsNothingOfTheFolderItIsStartedIn() async throws {
        try await inFolder("") { folder in
            let run = try await ToolkitProgram.run("hook", "test", "promote_command", in: folder)
            #expect(run.status == 0, "\(run.output)\(run.complaint)")
        }
    }

    @Test func nothingTriedIsNoSuccess() async throws {
        try await inFolder("") { folder in
            let run = try await ToolkitProgram.run(
                "hook", "test", "event_notification_command", in: folder)
            #expect(run.status == 1)
            #expect(run.complaint.contains("no hook was tried"), "\(run.complaint)")
        }
    }

    @Test func aCommandThatNamesARealDataDirectoryIsNotTried() async throws {
        let hooks = "hooks: { promote_command: 'pg_ctl promote -D /srv/pg/shop' }\n"
        try await inFolder(hooks) { folder in
            let run = try await ToolkitProgram.run("hook", "test", in: folder)
            #expect(run.status == 1)
            #expect(run.complaint.contains("the data directory of node1"), "\(run.complaint)")
            #expect(run.complaint.contains("$PGDATA"), "\(run.complaint)")
        }
    }

    /// A hook beside the scheduler needs no node: 192.0.2.1 answers nobody.
    @Test func aHookOfTheSchedulerAsksNoNode() async throws {
        let hooks = "hooks: { event_notification_command: 'echo told %e' }\n"
        try await inFolder(hooks) { folder in
            let run = try await ToolkitProgram.run(
                "hook", "run", "event_notification_command", "--node", "node1", "--fact",
                "TOOLKIT_EVENT=open", in: folder)
            #expect(run.status == 0, "\(run.complaint)")
            #expect(run.output == "told open\n")
        }
    }

    @Test(arguments: [
        (["event_notification_command"], Int32(1), "nothing runs as event_notification_command"),
        (
            ["event_notification_command", "--fact", "TOOLKIT_EVNT=open"], 64,
            "is no fact of a hook"
        ),
    ])
    func refuses(_ words: [String], _ status: Int32, _ says: String) async throws {
        try await inFolder("") { folder in
            let run = try await ToolkitProgram.run(
                ["hook", "run", "--node", "node1"] + words, in: folder)
            #expect(run.status == status)
            #expect(run.complaint.contains(says), "\(run.complaint)")
        }
    }
}
