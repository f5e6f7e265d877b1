import ClusterFile
import Execution
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

@Suite("The wrapper around a hook")
struct WrapperTests {
    /// Runs `script` through run-hook; the status and both streams.
    private func wrap(
        _ bench: HookBench, _ script: String, term: Int = 1, step: Int = 1,
        hook: String = "test_command", seconds: Int = 20, dryRun: Bool = false,
        stopBefore: String = ""
    ) async throws -> CommandResult {
        try await bench.runner.run(
            Command(
                [
                    bench.a.stateDirectory + "/bin/run-hook", "\(term)", "\(step)", hook,
                    "\(seconds)", "--", "/bin/sh", "-c", script,
                ],
                environment: [
                    "TOOLKIT_DRY_RUN": dryRun ? "1" : "0", "OUT": bench.path,
                    "TOOLKIT_STOP_BEFORE": stopBefore,
                ],
                standardInput: Array("the document".utf8), timeout: .seconds(60)))
    }

    @Test func handsOnInputOutputAndStatus() async throws {
        try await HookBench.with { (bench) async throws in
            let result = try await wrap(bench, "cat; echo err >&2; exit 42")
            #expect(result.ending == .exited(42))
            #expect(result.output == "the document\n")
            #expect(result.errorOutput == "err\n")
        }
    }

    @Test func refusesALowerStampAndStoresAHigherOne() async throws {
        try await HookBench.with { (bench) async throws in
            #expect(try await wrap(bench, "true", term: 2, step: 5).isSuccess)
            #expect(await bench.apply(term: 2, step: 4, to: bench.a) == .stale)
            for (term, step) in [(2, 4), (1, 9)] {
                let result = try await wrap(bench, "touch $OUT/ran", term: term, step: step)
                #expect(result.ending == .exited(76))
            }
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    @Test func doesTheWorkOfAStepOnceAndKeepsItsResults() async throws {
        try await HookBench.with { (bench) async throws in
            let script = "echo run >>$OUT/runs; echo toolkit:key=value; echo chat"
            #expect(try await wrap(bench, script).isSuccess)
            let again = try await wrap(bench, script)
            #expect(again.isSuccess)
            #expect(again.output == "toolkit:key=value\n")
            #expect(try await bench.read(bench.path + "/runs") == "run\n")
            // Another hook of the step, and the next step, have their own marks.
            #expect(try await wrap(bench, script, hook: "other_command").isSuccess)
            #expect(try await wrap(bench, script, step: 2).isSuccess)
            #expect(try await bench.read(bench.path + "/runs") == "run\nrun\nrun\n")
            let marks = try await bench.sh(#"ls -- "$1/marks""#, bench.a.stateDirectory)
            #expect(marks == "1.2.test_command\n")
        }
    }

    @Test(arguments: [
        "service_stop_command", "service_start_command", "fence_command", "promote_command",
        "follow_command",
    ])
    func whatAnotherHandCanUndoIsDoneAgainInItsStep(_ hook: String) async throws {
        try await HookBench.with { (bench) async throws in
            for _ in 1...2 {
                #expect(try await wrap(bench, "echo run >>$OUT/runs", hook: hook).isSuccess)
            }
            #expect(try await bench.read(bench.path + "/runs") == "run\nrun\n")
        }
    }

    @Test func aRepeatedStepDoesNotStopWhatItHasStarted() async throws {
        try await HookBench.with { (bench) async throws in
            func stop(step: Int) async throws -> Bool {
                try await wrap(
                    bench, "echo stop >>$OUT/runs", step: step, hook: "service_stop_command",
                    stopBefore: "rejoin_command"
                ).isSuccess
            }
            #expect(try await stop(step: 1))
            let rejoin = "echo rejoin >>$OUT/runs"
            #expect(try await wrap(bench, rejoin, hook: "rejoin_command").isSuccess)
            #expect(try await stop(step: 1))
            #expect(try await bench.read(bench.path + "/runs") == "stop\nrejoin\n")
            #expect(try await stop(step: 2))
            #expect(try await bench.read(bench.path + "/runs") == "stop\nrejoin\nstop\n")
        }
    }

    @Test func aHookWhoseOutputNobodyTakesIsDoneAllTheSame() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.sh(
                #""$1/bin/run-hook" 1 1 x 20 -- /bin/echo toolkit:key=value >/dev/full 2>&1"#,
                bench.a.stateDirectory, succeeds: false)
            let mark = try await bench.read(bench.a.stateDirectory + "/marks/1.1.x")
            #expect(mark == "toolkit:key=value\n")
        }
    }

    @Test func noHookStartsWithoutItsRecord() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.sh(#"mkdir -- "$1/hook.running.new""#, bench.a.stateDirectory)
            #expect(try await wrap(bench, "touch $OUT/ran").ending == .exited(73))
            #expect(try await !bench.exists(bench.path + "/ran"))
            // Fencing takes away only: it goes without.
            let fenced = try await wrap(bench, "touch $OUT/ran", hook: "fence_command")
            #expect(fenced.isSuccess, "\(fenced.errorOutput)")
            #expect(fenced.errorOutput.contains("it runs all the same"))
            #expect(try await bench.exists(bench.path + "/ran"))
        }
    }

    @Test func aHookWhoseWrapperDiedBeforeItBeganIsKnownToTheNext() async throws {
        try await HookBench.with { (bench) async throws in
            // The wrapper dies between the fork and the record.
            let murder = #"""
                cd -- "$1/bin"
                sed 's/^start_time() {/look_at_start_time() {/' node-lib.sh >node-lib.sh.new
                cat >>node-lib.sh.new <<'END'
                start_time() {
                    if rm "$OUT/kill" 2>/dev/null; then kill -s KILL "$$"; fi
                    look_at_start_time "$1"
                }
                END
                mv node-lib.sh.new node-lib.sh
                """#
            try await bench.sh(murder, bench.a.stateDirectory)
            try await bench.write("", to: bench.path + "/kill")
            let killed = try await wrap(bench, "echo $$ >$OUT/orphan; sleep 60")
            #expect(killed.ending == .signaled("KILL"))
            try await until("the hook runs") { try await bench.exists(bench.path + "/orphan") }
            #expect(try await wrap(bench, "true", hook: "next_command").isSuccess)
            #expect(try await !bench.isAlive("orphan"))
        }
    }

    @Test func aRepeatMakesDurableWhatItFinds() async throws {
        try await HookBench.with { (bench) async throws in
            // Which files and folders are synced, by the programs' own word.
            let spy =
                #"printf '%s\n' 'sync() { echo "$*" >>"$PWD/synced"; command sync "$@"; }' >>"$1""#
            try await bench.sh(spy, bench.a.stateDirectory + "/bin/node-lib.sh")
            let log = bench.a.stateDirectory + "/synced"
            for _ in 1...2 {
                try await bench.sh(#"rm -f -- "$1""#, log)
                #expect(await bench.apply(step: 1, to: bench.a, nodeConf: "# one\n").isApplied)
                let folders = "-- . \(bench.a.configDirectory) \(bench.a.runtimeDirectory)\n"
                #expect(try await bench.read(log).hasSuffix(folders))
            }
            for _ in 1...2 {
                try await bench.sh(#"rm -f -- "$1""#, log)
                #expect(try await wrap(bench, "exit 1", step: 2).ending == .exited(1))
                #expect(try await bench.read(log).split(separator: "\n").contains("-- ."))
            }
        }
    }

    @Test func aFailureLeavesNoMark() async throws {
        try await HookBench.with { (bench) async throws in
            let script = "echo run >>$OUT/runs; exit 75"
            #expect(try await wrap(bench, script).ending == .exited(75))
            #expect(try await wrap(bench, script).ending == .exited(75))
            #expect(try await bench.read(bench.path + "/runs") == "run\nrun\n")
        }
    }

    @Test func aDryRunLeavesNothing() async throws {
        try await HookBench.with { (bench) async throws in
            #expect(try await wrap(bench, "true", step: 7, dryRun: true).isSuccess)
            #expect(await bench.apply(step: 1, to: bench.a).isApplied)
        }
    }

    @Test func hooksOfOneNodeWaitForEachOther() async throws {
        try await HookBench.with { (bench) async throws in
            let script = """
                mkdir $OUT/busy || { echo overlap; exit 1; }
                i=0; while [ $i -lt 20 ]; do sleep 0.01; i=$((i + 1)); done; rmdir $OUT/busy
                """
            try await withThrowingTaskGroup(of: CommandResult.self) { group in
                for number in 1...3 {
                    group.addTask { try await wrap(bench, script, hook: "hook\(number)") }
                }
                for try await result in group {
                    #expect(result.isSuccess, "\(result.output)\(result.errorOutput)")
                }
            }
        }
    }

    @Test func waitingEndsAtTheDeadline() async throws {
        try await HookBench.with { (bench) async throws in
            let script =
                #"exec 7>>"$1/hook.lock"; flock 7; "$1/bin/run-hook" 1 1 x 1 -- /bin/true 7>&-"#
            let result = try await bench.runner.run(
                Command(
                    ["/bin/sh", "-c", script, "sh", bench.a.stateDirectory], timeout: .seconds(30)))
            #expect(result.ending == .exited(75))
        }
    }

    @Test func waitingForTheNodesLockCountsToo() async throws {
        try await HookBench.with { (bench) async throws in
            // Held until two seconds have passed on the clock that the wrapper reads.
            let script = #"""
                exec 7>>"$1/lock"
                flock 7
                read -r now _ </proc/uptime
                end=$((${now%.*} + 3))
                "$1/bin/run-hook" 1 1 x 20 -- /bin/sh -c 'tr "\0" "\n" <"/proc/$PPID/cmdline"' 7>&- &
                while [ "${now%.*}" -lt "$end" ]; do read -r now _ </proc/uptime; sleep 0.05; done
                exec 7>&-
                wait
                """#
            let arguments = try await bench.sh(script, bench.a.stateDirectory)
                .split(separator: "\n")
            let left = arguments.dropFirst(2).first.flatMap { Int($0) }
            #expect(try #require(left) < 20, "\(arguments)")
        }
    }

    @Test func theDeadlineEndsEveryProcessOfTheHook() async throws {
        try await HookBench.with { (bench) async throws in
            let script = """
                sh -c 'trap "" TERM; echo $$ >$OUT/stubborn; while :; do sleep 0.05; done' &
                echo $$ >$OUT/leader
                sleep 60
                """
            let result = try await wrap(bench, script, seconds: 1)
            #expect(result.ending == .exited(124))
            #expect(result.duration < .seconds(45))
            #expect(try await !bench.isAlive("stubborn"))
            #expect(try await !bench.isAlive("leader"))
        }
    }

    @Test func aBackgroundChildNeitherBlocksNorOutlivesItsHook() async throws {
        try await HookBench.with { (bench) async throws in
            let result = try await wrap(bench, "sleep 60 & echo $! >$OUT/child; echo done")
            #expect(result.isSuccess)
            #expect(try await !bench.isAlive("child"))
        }
    }

    @Test func aHigherTermEndsAHookOfALowerOne() async throws {
        try await HookBench.with { (bench) async throws in
            async let zombie = wrap(bench, "echo $$ >$OUT/zombie; sleep 60; touch $OUT/promoted")
            try await until("the hook runs") {
                try await bench.exists(
                    bench.a.stateDirectory + "/hook.running", bench.path + "/zombie")
            }
            // A later step of the same term lets it run on, a higher term ends it.
            #expect(await bench.apply(term: 1, step: 1, to: bench.a).isApplied)
            #expect(try await bench.isAlive("zombie"))
            #expect(await bench.apply(term: 2, step: 2, to: bench.a).isApplied)
            #expect(try await !bench.isAlive("zombie"))
            #expect(try await zombie.ending == .exited(76))
            #expect(try await !bench.exists(bench.path + "/promoted"))
        }
    }

    @Test func aHookThatLostItsWrapperIsEndedByTheNext() async throws {
        try await HookBench.with { (bench) async throws in
            async let lost = wrap(bench, "echo $PPID >$OUT/timeout; echo $$ >$OUT/orphan; sleep 60")
            try await until("the hook runs") {
                try await bench.exists(
                    bench.a.stateDirectory + "/hook.running", bench.path + "/orphan")
            }
            try await bench.sh(
                #"kill -KILL "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(cat "$1/timeout")/status")""#,
                bench.path)
            _ = try await lost
            #expect(try await wrap(bench, "true", hook: "next_command").isSuccess)
            #expect(try await !bench.isAlive("orphan"))
        }
    }

    @Test func aWrapperThatFailsByItselfEndsItsHook() async throws {
        try await HookBench.with { (bench) async throws in
            // It waits for its hook: there it meets an error of its own, and the shell ends it.
            let failure = #"""
                cat >>"$1/bin/node-lib.sh" <<'END'
                wait() {
                    while [ ! -s "$OUT/child" ]; do sleep 0.02; done
                    : "${no_such_variable:?}"
                }
                END
                """#
            try await bench.sh(failure, bench.a.stateDirectory)
            let failed = try await wrap(bench, "echo $$ >$OUT/child; sleep 60")
            #expect(failed.ending == .exited(2))
            #expect(failed.errorOutput.contains("no_such_variable"))
            #expect(try await !bench.isAlive("child"))
        }
    }

    @Test func keepsTheEndOfLongOutput() async throws {
        try await HookBench.with { (bench) async throws in
            let result = try await wrap(bench, "yes 0123456789 | head -n 20000; echo end")
            #expect(result.isSuccess)
            #expect(result.output.hasSuffix("0123456789\nend\n"))
            #expect(result.standardOutput.count <= 64 * 1024)
        }
    }
}
