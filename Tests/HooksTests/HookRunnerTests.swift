import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import Hooks

@Suite("Running hooks")
struct HookRunnerTests {
    static let hostile = "it's \"$(touch $OUT)\" `id` ; | & %n {{x}} -rf \\ * é\nsecond line"

    @Test func everyFactArrivesUnchangedInEnvironmentAndDocument() async throws {
        let script = #"hooks: { event_notification_command: "exit 9", follow_command: hook.sh }"#
        try await HookBench.with(hooks: script) { (bench) async throws in
            try await bench.write(
                "#!/bin/sh\nset -eu\nenv -0 >\"$TOOLKIT_STATE_DIR/env\"\n"
                    + "cat >\"$TOOLKIT_STATE_DIR/document\"\n",
                to: bench.path + "/hook.sh")
            var call = HookCall(
                .followCommand, on: bench.a, term: 7, step: 9, primary: bench.b,
                oldPrimary: bench.a, timeline: 3, switchLSN: LSN("1/ABC"), slot: "s",
                applicationName: "a_1", reason: Self.hostile)
            call.extra = ["TOOLKIT_DETAILS": Self.hostile, "TOOLKIT_TERM": "1"]
            let outcome = await bench.hooks.run(call)
            #expect(outcome.isDone, "\(outcome)")
            let expected = try HookEnvironment(settings: bench.settings).variables(for: call)
            var seen: [String: String] = [:]
            let text = try await bench.sh(
                #"tr '\000\n' '\n\001' <"$1/env""#, bench.a.stateDirectory)
            for line in text.split(separator: "\n") {
                let pair = line.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                seen[String(pair[0])] = pair[1].replacingOccurrences(of: "\u{1}", with: "\n")
            }
            for (name, value) in expected { #expect(seen[name] == value, "\(name)") }
            #expect(expected["TOOLKIT_TERM"] == "7")
            #expect(expected["TOOLKIT_SWITCH_LSN"] == "1/ABC")
            let inherited = Set(seen.keys).subtracting(expected.keys)
            #expect(
                inherited.isSubset(of: ["PATH", "HOME", "LANG", "PWD", "OLDPWD", "_", "SHLVL"]))
            let document = try JSONSerialization.jsonObject(
                with: Data(try await bench.read(bench.a.stateDirectory + "/document").utf8))
            let object = try #require(document as? [String: Any])
            #expect(object["hook"] as? String == "follow_command")
            #expect((object["environment"] as? [String: String])?["TOOLKIT_REASON"] == Self.hostile)
        }
    }

    @Test func inlineCommandsRunInTheWrapperAndOnTheScheduler() async throws {
        let hooks = """
            hooks:
              follow_command: "printf 'toolkit:said=%%s\\\\n' %d"
              failover_validation_command: "printf '%%s\\\\n' %v %u %t; exit 75"
              event_notification_command: "exit 3"
            """
        try await HookBench.with(hooks: hooks) { (bench) async throws in
            let value = "it's $(id) %n"
            let outcome = await bench.run(
                .followCommand, on: bench.a, step: 1, extra: ["TOOLKIT_DETAILS": value])
            #expect(outcome.results["said"] == value, "\(outcome)")
            #expect(await bench.apply(step: 0, to: bench.a) == .stale)
            let asked = await bench.run(
                .failoverValidationCommand, on: bench.a, step: 1,
                extra: [
                    "TOOLKIT_VISIBLE_NODES": "2", "TOOLKIT_SHARED_UPSTREAM_NODES": "1",
                    "TOOLKIT_TOTAL_NODES": "3",
                ])
            #expect(asked == .tryAgain(output: "2\n1\n3\n"))
            let told = await bench.run(.eventNotificationCommand, on: bench.a, step: 1)
            #expect(told.status == 3)
        }
    }

    @Test func nothingConfiguredIsSkippedAndAMissingFileIsNotStarted() async throws {
        let hooks = "hooks: { follow_command: hooks/missing.sh }"
        try await HookBench.with(hooks: hooks) { (bench) async throws in
            #expect(
                await bench.run(.eventNotificationCommand, on: bench.a, step: 1) == .skipped)
            let outcome = await bench.run(.followCommand, on: bench.a, step: 1)
            guard case .notStarted(let error) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(error.description.contains("hooks/missing.sh"))
        }
    }

    @Test func retriesAndDeadlineFollowTheSettings() async throws {
        let hooks = """
            hooks:
              follow_command: { command: "echo run >>\\"$TOOLKIT_STATE_DIR/runs\\"; exit 75", retries: 2, retry_delay: 10ms }
              promote_command: { command: "sleep 60", timeout: 1s }
            """
        try await HookBench.with(hooks: hooks) { (bench) async throws in
            let outcome = await bench.run(.followCommand, on: bench.a, step: 1)
            #expect(outcome == .tryAgain(output: ""))
            #expect(try await bench.read(bench.a.stateDirectory + "/runs") == "run\nrun\nrun\n")
            let late = await bench.run(.promoteCommand, on: bench.a, step: 2)
            #expect(late == .unknown(after: .seconds(1), output: ""))
        }
    }

    @Test func dropInsStandAroundTheClustersOwnHook() async throws {
        try await HookBench.with { (bench) async throws in
            let own = bench.path + "/hooks"
            try await bench.sh(#"mkdir -p -- "$1/follow_command.d""#, own)
            func put(_ name: String, _ body: String) async throws {
                let path = own + "/" + name
                try await bench.write("#!/bin/sh\n\(body)\n", to: path)
                try await bench.sh(#"chmod 755 -- "$1""#, path)
            }
            let log = #" >>"$TOOLKIT_STATE_DIR/log""#
            try await put("follow_command.sh", "echo hook" + log)
            try await put("follow_command.d/pre-2 it's", "echo pre2" + log)
            try await put("follow_command.d/pre-1", "echo pre1" + log)
            try await put("follow_command.d/post-1", "echo post; exit 5")
            let outcome = await bench.run(.followCommand, on: bench.a, step: 1)
            guard case .done(_, let output) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(output.contains("warning: "))
            let log1 = try await bench.read(bench.a.stateDirectory + "/log")
            #expect(log1 == "pre1\npre2\nhook\n")

            try await put("follow_command.d/pre-1", "exit 4")
            #expect(await bench.run(.followCommand, on: bench.a, step: 2).status == 4)
            #expect(try await bench.read(bench.a.stateDirectory + "/log") == log1)
        }
    }

    @Test func dropInsAloneStandForAHookOfTheScheduler() async throws {
        try await HookBench.with { (bench) async throws in
            #expect(!bench.hooks.runsAnything(.eventNotificationCommand))
            let folder = bench.path + "/hooks/event_notification_command.d"
            try await bench.sh(#"mkdir -p -- "$1""#, folder)
            for (name, body) in [("pre-a", "echo pre"), ("post-b", "echo \"$TOOLKIT_EVENT\"")] {
                let path = folder + "/" + name
                try await bench.write("#!/bin/sh\n\(body) >>\"$OUT/told\"\n", to: path)
                try await bench.sh(#"chmod 755 -- "$1""#, path)
            }
            #expect(bench.hooks.runsAnything(.eventNotificationCommand))
            let outcome = await bench.run(
                .eventNotificationCommand, on: bench.a, step: 1,
                extra: ["TOOLKIT_EVENT": "open", "OUT": bench.path])
            #expect(outcome.isDone, "\(outcome)")
            #expect(try await bench.read(bench.path + "/told") == "pre\nopen\n")
        }
    }

    @Test func aFailureGoesOnOnlyWhereTheFileSaysSo() async throws {
        let hooks = """
            hooks:
              follow_command:
                { command: "echo run >>$TOOLKIT_STATE_DIR/runs; echo toolkit:key=%n; exit 9",
                  retries: 1, retry_delay: 0s, on_failure: continue }
              promote_command: "exit 9"
              service_start_command: { command: "exit 75", on_failure: continue }
            """
        try await HookBench.with(hooks: hooks) { (bench) async throws in
            let outcome = await bench.run(.followCommand, on: bench.a, step: 1, primary: bench.b)
            guard case .done(let results, let output) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(results == ["key": "b"])
            #expect(
                output.hasSuffix(
                    "warning: follow_command ended with status 9; on_failure: continue\n"))
            // For good: after its retries.
            #expect(try await bench.read(bench.a.stateDirectory + "/runs") == "run\nrun\n")
            #expect(await bench.run(.promoteCommand, on: bench.a, step: 1).status == 9)
            // Not ready is no failure.
            let waits = await bench.run(.serviceStartCommand, on: bench.a, step: 1)
            #expect(waits == .tryAgain(output: ""))
            #expect(await bench.run(.followCommand, on: bench.a, step: 0) == .stale)
            // A hook that did not run has failed at nothing.
            try await bench.sh(#"echo damaged >"$1/stamp""#, bench.a.stateDirectory)
            #expect(await bench.run(.followCommand, on: bench.a, step: 2).status == 70)
            #expect(try await bench.read(bench.a.stateDirectory + "/runs") == "run\nrun\n")
        }
    }

    @Test func scriptsAreUploadedOnceAndAgainWhenTheyAreGone() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.hooks.prepare(bench.a)
            let folders = #"ls -- "$1/hooks""#
            let first = try await bench.sh(folders, bench.a.stateDirectory)
            #expect(first.split(separator: "\n").count == 1)
            #expect(await bench.run(.serviceStatusCommand, on: bench.a, step: 1).status == 3)
            #expect(try await bench.sh(folders, bench.a.stateDirectory) == first)
            try await bench.sh(#"rm -r -- "$1/hooks/"*"#, bench.a.stateDirectory)
            #expect(await bench.run(.serviceStatusCommand, on: bench.a, step: 2).status == 3)
            #expect(try await bench.sh(folders, bench.a.stateDirectory) == first)
        }
    }

    /// Over a connection that leads nowhere.
    private func hooksWithoutNodes(_ bench: HookBench) -> HookRunner {
        let target = SSHTarget(
            host: "127.0.0.1", port: 1, user: "nobody", identityFile: nil,
            knownHostsFile: "/dev/null", connectTimeout: .seconds(2))
        let runner = SSHRunner(target)
        return HookRunner(
            settings: bench.settings, sharedHooks: HookBench.sharedHooks,
            runner: { _ in runner }, local: bench.runner)
    }

    @Test func aNodeThatCanNotBeReachedIsNotStarted() async throws {
        try await HookBench.with { (bench) async throws in
            let outcome = await hooksWithoutNodes(bench).run(
                HookCall(.promoteCommand, on: bench.a, term: 1, step: 1))
            guard case .notStarted = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
    }

    @Test func aFenceBesideTheSchedulerNeedsNoNode() async throws {
        let hooks = """
            hooks:
              fence_command: { command: "printf 'toolkit:fenced=%%s\\n' %n", run_on: scheduler }
            """
        try await HookBench.with(hooks: hooks) { (bench) async throws in
            let outcome = await hooksWithoutNodes(bench).run(
                HookCall(.fenceCommand, on: bench.a, term: 1, step: 1))
            #expect(outcome.results["fenced"] == "a", "\(outcome)")
        }
    }

    @Test func everyShippedScriptIsCleanUnderShellcheck() async throws {
        let runner = LocalRunner()
        let script = """
            cd -- "$1" || exit; command -v shellcheck >/dev/null || { echo missing; exit 0; }
            shellcheck hooks/*.sh hooks/lib/*.sh hooks/contrib/*/*.sh
            """
        let result = try await runner.run(
            Command(["/bin/sh", "-c", script, "sh", HookBench.checkout], timeout: .seconds(120)))
        if result.output == "missing\n" {
            print("SKIPPED: shellcheck is not installed (apt-get install shellcheck)")
        }
        #expect(result.isSuccess, "\(result.output)")
    }

    @Test(arguments: HookCatalogue.all)
    func everyHookOfANodeHasAScript(entry: HookCatalogue.Entry) {
        let file = entry.defaultFile.map { HookBench.checkout + "/" + $0 }
        let isOptional = entry.hook == .childNodesDisconnectCommand
        #expect((file != nil) == (entry.place == .node && !isOptional))
        #expect(file.map { FileManager.default.isExecutableFile(atPath: $0) } ?? true)
    }
}
