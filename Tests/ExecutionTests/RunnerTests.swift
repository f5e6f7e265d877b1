import Execution
import Glibc
import Testing
import ToolkitTesting

/// What both runners promise, tried with both.
@Suite("Running commands", .serialized)
struct RunnerTests {
    @Test func keepsStatusAndStreamsApart() async throws {
        try await withBothRunners { runner in
            let result = try await runner.shell("echo out; echo err >&2; exit 7")
            #expect(result.ending == .exited(7), "\(runner.place)")
            #expect(result.output == "out\n", "\(runner.place)")
            #expect(result.errorOutput == "err\n", "\(runner.place)")
            #expect(!result.isTruncated)
        }
    }

    @Test func namesTheSignal() async throws {
        try await withBothRunners { runner in
            let result = try await runner.shell("kill -s KILL $$")
            #expect(result.ending == .signaled("KILL"), "\(runner.place)")
        }
    }

    @Test func aMissingProgramIsStatus127() async throws {
        try await withBothRunners { runner in
            let result = try await runner.run(
                Command(["no-such-program-here", "x"], timeout: .seconds(10)))
            #expect(result.ending == .exited(127), "\(runner.place)")
            #expect(result.errorOutput.contains("no-such-program-here"), "\(runner.place)")
        }
    }

    @Test func theEnvironmentIsExactlyWhatIsGiven() async throws {
        try await withBothRunners { runner in
            let result = try await runner.run(
                Command(["env"], environment: ["TOOLKIT_HOOK": "x y"], timeout: .seconds(10)))
            let names = result.output.split(separator: "\n").compactMap { line in
                line.split(separator: "=").first.map(String.init)
            }
            #expect(Set(names) == ["PATH", "HOME", "LANG", "TOOLKIT_HOOK"], "\(runner.place)")
            #expect(result.output.contains("TOOLKIT_HOOK=x y\n"))
        }
    }

    @Test func fiftyCommandsAtOnce() async throws {
        try await withBothRunners { runner in
            let outputs = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for index in 0..<50 {
                    group.addTask {
                        let result = try await runner.shell(
                            "cat; echo $1", "\(index)", input: Array("in\(index) ".utf8),
                            timeout: .seconds(60))
                        return (index, result.output)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for index in 0..<50 {
                #expect(outputs[index] == "in\(index) \(index)\n", "\(runner.place)")
            }
        }
    }

    @Test func largeOutputKeepsItsLastBytes() async throws {
        try await withBothRunners { runner in
            // Lines of 8 bytes: 20 MB and a last word.
            let script = "yes 1234567 | head -c 20000000; printf END"
            let result = try await runner.shell(script, timeout: .seconds(60), limit: 1000)
            #expect(result.isSuccess, "\(runner.place) \(result.ending)")
            #expect(result.isTruncated)
            #expect(result.standardOutput.count == 1000)
            #expect(result.output.hasSuffix("1234567\nEND"), "\(runner.place)")
        }
    }

    @Test func largeInputArrivesWhole() async throws {
        let input = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try await withBothRunners { runner in
            let result = try await runner.run(
                Command(["sha256sum"], standardInput: input, timeout: .seconds(60)))
            #expect(result.output == SHA256.hex(input) + "  -\n", "\(runner.place)")
        }
    }

    @Test func largeInputThatComesBackDoesNotBlock() async throws {
        let input = [UInt8](repeating: 0x61, count: 6_000_000)
        try await withBothRunners { runner in
            let result = try await runner.run(
                Command(
                    ["cat"], standardInput: input, timeout: .seconds(60),
                    outputLimitBytes: 8_000_000))
            #expect(result.standardOutput.count == input.count, "\(runner.place)")
        }
    }

    @Test func aProgramThatReadsNoInputEnds() async throws {
        let input = [UInt8](repeating: 0x61, count: 3_000_000)
        try await withBothRunners { runner in
            let result = try await runner.shell("echo done", input: input)
            #expect(result.isSuccess, "\(runner.place)")
            #expect(result.output == "done\n", "\(runner.place)")
        }
    }

    @Test func theDeadlineEndsTheGroupWithAGrandchildThatIgnoresTERM() async throws {
        try await withBothRunners { runner in
            let script = """
                (trap '' TERM; echo $$; sh -c 'trap "" TERM; echo $PPID $$; while :; do sleep 1; done')
                """
            let result = try await runner.shell(script, timeout: .milliseconds(700))
            #expect(result.ending == .timedOut, "\(runner.place)")
            let processes = result.output.split(whereSeparator: \.isWhitespace).compactMap {
                pid_t($0)
            }
            #expect(processes.count == 3, "\(runner.place) \(result.output)")
            for process in processes {
                try await until("\(runner.place): \(process) is gone") { isDead(process) }
            }
            #expect(result.duration < .seconds(30), "\(runner.place) \(result.duration)")
        }
    }

    @Test func theDeadlineLeavesWhatWasPrinted() async throws {
        try await withBothRunners { runner in
            let result = try await runner.shell(
                "echo begun; exec sleep 60", timeout: .milliseconds(500))
            #expect(result.ending == .timedOut, "\(runner.place)")
            #expect(result.output == "begun\n", "\(runner.place)")
            #expect(result.duration < .seconds(30), "\(runner.place) \(result.duration)")
        }
    }

    @Test func cancellationEndsTheGroup() async throws {
        try await withFolder { folder in
            try await withBothRunners { runner in
                let file = "\(folder)/pid"
                let task = Task {
                    try await runner.shell(
                        "sh -c 'trap \"\" TERM; echo $$ >\"$1.new\"; mv \"$1.new\" \"$1\"; "
                            + "while :; do sleep 1; done' sh \"$1\"",
                        file, timeout: .seconds(60))
                }
                try await until("the command runs") { access(file, F_OK) == 0 }
                let text = try await LocalRunner().run(
                    Command(["cat", file], timeout: .seconds(5)))
                let process = try #require(pid_t(text.output.dropLast()))
                #expect(!isDead(process))
                task.cancel()
                let result = try await task.value
                #expect(result.ending != .exited(0), "\(runner.place)")
                #expect(result.ending != .timedOut, "\(runner.place)")
                try await until("\(runner.place): \(process) is gone") { isDead(process) }
                unlink(file)
            }
        }
    }

    @Test func aGrandchildThatHoldsTheStreamsDoesNotHoldTheRun() async throws {
        try await withBothRunners { runner in
            let result = try await runner.shell("sleep 30 & echo $!; exit 3", timeout: .seconds(20))
            #expect(result.ending == .exited(3), "\(runner.place)")
            #expect(result.duration < .seconds(15), "\(runner.place) \(result.duration)")
            let process = try #require(pid_t(result.output.dropLast()))
            // A daemon that a hook has started stays.
            #expect(!isDead(process), "\(runner.place)")
            kill(process, SIGKILL)
        }
    }

    @Test func aProcessThatClosesItsStreamsIsWaitedFor() async throws {
        try await withBothRunners { runner in
            let result = try await runner.shell("exec >&- 2>&-; sleep 1; exit 5")
            #expect(result.ending == .exited(5), "\(runner.place)")
        }
    }

    @Test func refusesWhatNoProcessCanBeGiven() async throws {
        try await withBothRunners { runner in
            let commands = [
                Command([], timeout: .seconds(5)), Command(["a\0b"], timeout: .seconds(5)),
                Command(["env"], environment: ["A=B": "c"], timeout: .seconds(5)),
            ]
            for command in commands {
                let error = await executionError { _ = try await runner.run(command) }
                #expect(error?.code == .notStarted, "\(runner.place)")
            }
        }
    }
}
