import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

/// Commands as they stand in a repmgr.conf, with scripts as its users write them.
@Suite("Hooks written for repmgr")
struct RepmgrHookTests {
    static let hostile = "it's \"$(touch ran)\" `touch ran` ${HOME} ; | & %n \\ -rf * é\nsecond"

    @Test(arguments: [
        ("%n.%a.%p", "a.a.b"), ("%%n 100%", "%n100%"), (#"\%n"#, "%n"), ("%z%v%u", "%z%v%u"),
        (#""%n %a""#, "a a"), (#"'%n'%p"#, "ab"), (#"it\'s %n"#, "it'sa"),
        (#""\"%n""#, "\"a"), (#"'\'%n"#, #"\a"#),
    ])
    func placeholdersStandForTheirValues(command: String, says: String) async throws {
        try await HookBench.with { (bench) async throws in
            let seen = try await expanded("printf %%s " + command, in: bench)
            #expect(seen == says)
        }
    }

    /// Whatever quotes the user has put around it.
    @Test(arguments: [
        ("%d", true), (#""%d""#, true), (#"'%d'"#, true), (#"""%d"""#, false),
        (#""$(printf %%s "%d")""#, false),
    ])
    func aHostileValueIsNeverRun(placeholder: String, arrivesWhole: Bool) async throws {
        try await HookBench.with { (bench) async throws in
            let seen = try await expanded("cd \"$OUT\" && printf %%s " + placeholder, in: bench)
            #expect(!arrivesWhole || seen == Self.hostile)
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    private func expanded(_ command: String, in bench: HookBench) async throws -> String {
        let call = HookCall(
            .eventNotificationCommand, on: bench.a, term: 1, step: 1, oldPrimary: bench.b,
            extra: ["TOOLKIT_DETAILS": Self.hostile, "OUT": bench.path])
        let variables = try HookEnvironment(settings: bench.settings).variables(for: call)
        let text = HookPlaceholders(call: call, variables: variables).expand(command)
        let result = try await bench.runner.run(
            Command(["/bin/sh", "-c", text], environment: variables, timeout: .seconds(30)))
        #expect(result.isSuccess, "\(text): \(result.errorOutput)")
        return result.output
    }

    /// Writes an executable script that records its arguments, one per line, then runs `body`.
    private func script(_ name: String, _ body: String = "", in bench: HookBench) async throws {
        let path = bench.path + "/" + name
        try await bench.write(
            """
            #!/bin/bash
            # \(name) for repmgr
            for argument in "$@"; do echo "$argument" >>\(bench.path)/\(name).log; done
            \(body)

            """, to: path)
        try await bench.sh(#"chmod 755 -- "$1""#, path)
    }

    private func lines(of name: String, in bench: HookBench) async throws -> [String] {
        try await bench.read(bench.path + "/\(name).log").split(separator: "\n").map(String.init)
    }

    /// a opened, b cloned from it and streaming.
    private func pair(_ bench: HookBench) async throws {
        try await bench.initialize(bench.a)
        #expect(await bench.run(.serviceStartCommand, on: bench.a, step: 1).isDone)
        #expect(
            await bench.apply(
                step: 1, to: bench.b, nodeConf: bench.upstream(bench.a, name: "b_1")
            ).isApplied)
        #expect(await bench.run(.cloneCommand, on: bench.b, step: 2, primary: bench.a).isDone)
    }

    @Test func promoteCommandByPgCtl() async throws {
        try await HookBench.with(
            hooks:
                "hooks: { promote_command: '\(ThrowawayPostgres.binDirectory)/pg_ctl promote -D \"$PGDATA\"' }"
        ) { (bench) async throws in
            try await pair(bench)
            let outcome = await bench.run(.promoteCommand, on: bench.b, step: 3)
            #expect(outcome.isDone, "\(outcome)")
            #expect(try await bench.sql("select pg_is_in_recovery()", on: bench.b) == "f")
        }
    }

    @Test func followCommandGetsTheUpstreamItFollows() async throws {
        try await HookBench.with(
            hooks: "hooks: { follow_command: '\"$FOLLOW\" --upstream-node-id=%n --log-to-file' }"
        ) { (bench) async throws in
            try await pair(bench)
            try await script(
                "follow.sh",
                #"psql() { "$PG_BINDIR/psql" -X -h "$PGHOST" -p "$PGPORT" -U postgres -d postgres "$@"; }"#
                    + "\npsql -c 'select pg_reload_conf()'", in: bench)
            let outcome = await bench.run(
                .followCommand, on: bench.b, step: 3, primary: bench.a,
                extra: ["FOLLOW": bench.path + "/follow.sh"])
            #expect(outcome.isDone, "\(outcome)")
            #expect(
                try await lines(of: "follow.sh", in: bench)
                    == ["--upstream-node-id=a", "--log-to-file"])
        }
    }

    @Test func eventNotificationCommandWithRepmgrsOwnExample() async throws {
        try await HookBench.with(
            hooks:
                #"hooks: { event_notification_command: '"$OUT/event.sh" %n %e %s "%t" "%d" >/dev/null 2>&1' }"#
        ) { (bench) async throws in
            try await script("event.sh", in: bench)
            let outcome = await bench.run(
                .eventNotificationCommand, on: bench.a, step: 1,
                extra: [
                    "TOOLKIT_EVENT": "promotion.open", "TOOLKIT_SUCCESS": "1",
                    "TOOLKIT_TIMESTAMP": "1700000000", "TOOLKIT_DETAILS": Self.hostile,
                    "OUT": bench.path,
                ])
            #expect(outcome.isDone, "\(outcome)")
            let told = try await bench.read(bench.path + "/event.sh.log")
            #expect(told == "a\npromotion.open\n1\n1700000000\n\(Self.hostile)\n")
        }
    }

    @Test func childNodesDisconnectCommandStopsThePrimary() async throws {
        try await HookBench.with(
            hooks: """
                hooks:
                  child_nodes_disconnect_command: >-
                    "$OUT/disconnect.sh" %p &&
                    \(ThrowawayPostgres.binDirectory)/pg_ctl stop -m fast -D "$PGDATA"
                """
        ) { (bench) async throws in
            try await bench.initialize(bench.a)
            #expect(await bench.run(.serviceStartCommand, on: bench.a, step: 1).isDone)
            try await script("disconnect.sh", in: bench)
            let outcome = await bench.run(
                .childNodesDisconnectCommand, on: bench.a, step: 2, primary: bench.a,
                extra: ["OUT": bench.path])
            #expect(outcome.isDone, "\(outcome)")
            #expect(try await bench.inspect(bench.a).postmaster == .stopped)
            #expect(try await lines(of: "disconnect.sh", in: bench) == ["a"])
        }
    }

    @Test(arguments: [(visible: "2", agrees: true), (visible: "1", agrees: false)])
    func failoverValidationCommandAgreesByItsStatus(visible: String, agrees: Bool) async throws {
        try await HookBench.with(
            hooks:
                "hooks: { failover_validation_command: '\"$OUT/validate.sh\" %n \"%a\" %v %u %t' }"
        ) { (bench) async throws in
            try await script("validate.sh", #"[ "$3" -gt $(($5 / 2)) ]"#, in: bench)
            let outcome = await bench.run(
                .failoverValidationCommand, on: bench.b, step: 1,
                extra: [
                    "TOOLKIT_VISIBLE_NODES": visible, "TOOLKIT_SHARED_UPSTREAM_NODES": "1",
                    "TOOLKIT_TOTAL_NODES": "3", "OUT": bench.path,
                ])
            #expect(outcome.isDone == agrees, "\(outcome)")
            #expect(
                try await lines(of: "validate.sh", in: bench) == ["b", "b", visible, "1", "3"])
        }
    }
}
