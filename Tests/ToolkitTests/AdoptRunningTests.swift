import ClusterFile
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

/// A primary that is written to, and its standby, taken over while they run.
@Suite("Taking over a running primary")
struct AdoptRunningTests {
    @Test(.adopts, .timeLimit(.minutes(5)))
    func goesOnWriting() async throws {
        try await BareMachine.with { machine in
            let old = try await OldSetup(
                machine, parameters: ["max_connections = 150", "archive_timeout = '1h'"])
            let file = "\(machine.folder)/cluster.yaml"
            try old.text.write(toFile: file, atomically: true, encoding: .utf8)
            try await Self.isRefused(old, file)

            let parameters = "postgresql: { parameters: { max_connections: 150 } }\nnodes:\n"
            try old.text.replacing("nodes:\n", with: parameters)
                .write(toFile: file, atomically: true, encoding: .utf8)
            for node in old.settings.nodes {
                // As `toolkit import` says: not read again before the server is adopted.
                try await old.shell("sed -i /primary/d \(node.dataDirectory)/postgresql.auto.conf")
            }
            try await Self.isRefusedForItsState(old, file)
            let plan = try await ToolkitProgram.run(
                "deploy", "--adopt", "node1", "--dry-run", "-c", file)
            #expect(plan.output.contains("opened, while it runs"), "\(plan.output)")
            #expect(plan.output.contains("archive_timeout"), "\(plan.output)")

            let marks = try old.marks()
            let started = "SELECT pg_postmaster_start_time()"
            let before = try await old.query(0, started)
            let writer = try await Writer(old)
            let adopted = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            try await writer.finish()
            try #require(adopted.status == 0, "\(adopted.complaint)")
            #expect(adopted.complaint.contains("its next start changes"), "\(adopted.complaint)")
            #expect(try await old.query(0, started) == before, "the primary was restarted")
            #expect(try old.marks() == marks, "a data directory was replaced")
            try await Self.isOurs(old, file)
            try await Self.startsLocked(old, file)
            try await Self.isGivenBack(old, file)
        }
    }

    /// A fault in a template of the cluster's own is seen before a reload, and its files are put back.
    @Test(.adopts, .timeLimit(.minutes(5)))
    func isNotGivenAFaultyFile() async throws {
        try await BareMachine.with { machine in
            let old = try await OldSetup(machine)
            let file = "\(machine.folder)/cluster.yaml"
            try old.text.write(toFile: file, atomically: true, encoding: .utf8)
            for node in old.settings.nodes {
                try await old.shell("sed -i /primary/d \(node.dataDirectory)/postgresql.auto.conf")
            }
            let shipped = try ShareFolder.find().templates + "/postgresql.conf.tmpl"
            let template = try String(contentsOfFile: shipped, encoding: .utf8)
            try await machine.write(
                "templates/postgresql.conf.tmpl", "include '/nowhere/own.conf'\n" + template,
                mode: "644")
            let folder = old.settings.nodes[0].dataDirectory
            let sums = ["sha256sum", "\(folder)/postgresql.conf", "\(folder)/pg_hba.conf"]
            let before = try await machine.run(sums)

            let run = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            #expect(run.status != 0)
            #expect(
                run.complaint.contains("/nowhere/own.conf"), "\(run.complaint)")
            #expect(run.complaint.contains("its files are as they were"), "\(run.complaint)")
            #expect(try await machine.run(sums) == before)
            #expect(try await old.query(0, "SHOW default_transaction_read_only") == "off")
            #expect(try await old.query(1, "SELECT count(*) FROM kept") == "1000")

            try await machine.run(["rm", "-r", "\(machine.folder)/templates"])
            let again = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
            #expect(again.status == 0, "\(again.complaint)")
        }
    }

    /// With each refusal nothing is changed.
    private static func isRefused(_ old: OldSetup, _ file: String) async throws {
        let before = try await old.machine.run([
            "find", "\(old.machine.folder)/data", "-name", "*toolkit*",
        ])
        let overridden = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
        #expect(overridden.status == 1)
        #expect(overridden.complaint.contains("max_connections: 150"), "\(overridden.complaint)")
        #expect(overridden.complaint.contains("ALTER SYSTEM RESET"), "\(overridden.complaint)")

        // A program of that name, as /proc shows it.
        let daemon = "\(old.machine.folder)/repmgrd"
        try await old.shell("cp /bin/sleep \(daemon)")
        try await old.shell("\(daemon) 60 >/dev/null 2>&1 & echo $! >\(daemon).pid")
        let watched = try await ToolkitProgram.run("deploy", "--adopt", "node1", "-c", file)
        #expect(watched.status == 1)
        #expect(watched.complaint.contains("repmgrd (pid "), "\(watched.complaint)")
        try await old.shell("kill $(cat \(daemon).pid)")

        let unnamed = try await ToolkitProgram.run("deploy", "-c", file)
        #expect(unnamed.status == 1)
        #expect(unnamed.complaint.contains("is not ours"), "\(unnamed.complaint)")
        #expect(
            try await old.machine.run(["find", "\(old.machine.folder)/data", "-name", "*toolkit*"])
                == before)
    }

    /// Found before anything is changed, and mended by hand.
    private static func isRefusedForItsState(_ old: OldSetup, _ file: String) async throws {
        let hba = "\(old.settings.nodes[0].dataDirectory)/pg_hba.conf"
        let states = [
            ("echo nonsense >>\(hba)", "sed -i /nonsense/d \(hba)", "its own files have faults"),
            (
                old.command(0, "CREATE ROLE toolkit"), old.command(0, "DROP ROLE toolkit"),
                "roles of these names: toolkit, and they would get new passwords"
            ),
        ]
        for (make, mend, because) in states {
            try await old.shell(make)
            let refused = try await ToolkitProgram.run(
                "deploy", "--adopt", "node1", "-c", file)
            #expect(refused.status == 1)
            #expect(refused.complaint.contains(because), "\(refused.complaint)")
            try await old.shell(mend)
        }
        let made = try await old.machine.run(["find", old.machine.folder, "-name", "*.pgpass"])
        #expect(made == "", "something was changed")
    }

    private static func isOurs(_ old: OldSetup, _ file: String) async throws {
        #expect(try await old.query(1, "SELECT pg_is_in_recovery()") == "t")
        #expect(
            try await old.query(0, "SELECT sync_state FROM pg_stat_replication") == "quorum")
        #expect(
            try await old.query(0, "SELECT count(*) FROM kept")
                == old.query(1, "SELECT count(*) FROM kept"))
        let again = try await ToolkitProgram.run("deploy", "-c", file)
        #expect(again.output.hasPrefix("shop is up; nothing was changed\n"), "\(again.complaint)")
    }

    /// As after a reboot: the old way to start it finds the lock.
    private static func startsLocked(_ old: OldSetup, _ file: String) async throws {
        let node = old.settings.nodes[0]
        try await old.shell("rm \(node.runtimeDirectory)/open.conf")
        try await old.shell("\(old.bin)/pg_ctl stop -w -m fast -D \(node.dataDirectory) >/dev/null")
        try await old.serve(node)
        #expect(try await old.query(0, "SHOW default_transaction_read_only") == "on")
        #expect(
            try await old.query(0, "SHOW synchronous_standby_names") == "ANY 1 (toolkit_locked)")
        let opened = try await ToolkitProgram.run("deploy", "-c", file)
        #expect(opened.status == 0, "\(opened.complaint)")
        #expect(try await old.query(0, "SHOW default_transaction_read_only") == "off")
        let move = try await ToolkitProgram.run(
            "switchover", "--to", "node2", "--yes", "-c", file)
        #expect(move.status == 0, "\(move.complaint)")
        let whole = try await ToolkitProgram.run("deploy", "-c", file)
        #expect(whole.status == 0, "\(whole.complaint)")
        #expect(try await old.query(0, "SELECT pg_is_in_recovery()") == "t")
    }

    private static func isGivenBack(_ old: OldSetup, _ file: String) async throws {
        let gone = try await ToolkitProgram.run("undeploy", "--yes", "shop", "-c", file)
        try #require(gone.status == 0, "\(gone.complaint)")
        for name in ["postgresql.conf", "pg_hba.conf"] {
            let path = "\(old.settings.nodes[0].dataDirectory)/\(name)"
            #expect(try await old.shell("grep -c toolkit \(path) || :") == "0\n")
        }
        try await old.shell("rm -f \(old.settings.nodes[0].dataDirectory)/standby.signal")
        try await old.serve(old.settings.nodes[0])
        #expect(try await old.query(0, "SHOW default_transaction_read_only") == "off")
    }
}

/// Commits row by row, each in a session of its own, until it is told to end; one that fails ends it.
private struct Writer {
    let old: OldSetup
    let folder: String
    let run: Task<String, any Error>

    init(_ old: OldSetup) async throws {
        self.old = old
        folder = old.machine.folder
        let node = old.settings.nodes[0]
        let insert =
            "\(old.bin)/psql -XAtq -h 127.0.0.1 -p \(node.port) -U postgres -d postgres "
            + "-c 'INSERT INTO kept VALUES (0)'"
        let loop =
            "while [ ! -e \(folder)/sock/enough ]; do PGCONNECT_TIMEOUT=3 \(insert) || exit 1; "
            + "echo; done"
        run = Task { try await old.shell(loop) }
    }

    func finish() async throws {
        try await old.shell("touch \(folder)/sock/enough")
        let rows = try await run.value.count
        #expect(rows > 0)
        #expect(
            try await old.query(0, "SELECT count(*) FROM kept WHERE generate_series = 0")
                == "\(rows)")
    }
}
