import Execution
import Testing
import ToolkitTesting

/// Values that a shell would act on reach the program byte for byte.
@Suite("Hostile input", .serialized)
struct HostileInputTests {
    static let values = [
        "", " ", "a b", "'", "''", "\"", "it's \"so\"", "$(touch /tmp/x)", "`id`", "$HOME",
        "${PATH}",
        ";", "a;b", "&&", "|", ">f", "*", "?", "[a]", "~", "~root", "%n", "%%", "{{name}}", "{a,b}",
        "-", "--", "-n", "-e", "--help", "\\", "\\\\", "\\'", "\n", "a\nb", "a\n", "\n\n", "\t",
        "\r",
        "!", "!!", "#", "a#b", "=", "a=b", "(", ")", "äöü", "日本語", "e\u{301}", "'\u{301}",
        "\u{1}\u{7f}", "\u{1b}[31m", "𝄞", " leading", "trailing ",
    ]

    @Test func quotedWordsComeBackFromARealShell() async throws {
        for value in Self.values {
            let line = "printf '%s' " + ShellWord.quote(value)
            let result = try await LocalRunner().run(
                Command(["sh", "-c", line], timeout: .seconds(10)))
            #expect(result.standardOutput == Array(value.utf8), "\(value.debugDescription)")
        }
    }

    @Test func argumentsAndEnvironmentReachTheProgramUnchanged() async throws {
        try await withBothRunners { runner in
            let printed = try await runner.run(
                Command(["printf", "%s\\0"] + Self.values, timeout: .seconds(10)))
            #expect(
                printed.standardOutput == Self.values.flatMap { Array($0.utf8) + [0] },
                "\(runner.place)")
            var environment: [String: String] = [:]
            for (index, value) in Self.values.enumerated() { environment["V\(index)"] = value }
            let result = try await runner.run(
                Command(["env", "-0"], environment: environment, timeout: .seconds(10)))
            let words = Set(result.standardOutput.split(separator: 0).map(Array.init))
            for (name, value) in environment {
                #expect(
                    words.contains(Array("\(name)=\(value)".utf8)),
                    "\(runner.place) \(value.debugDescription)")
            }
        }
    }

    @Test func programsAndPathsWithHostileNamesAreFound() async throws {
        try await withFolder { folder in
            try await withBothRunners { runner in
                for value in Self.values where !value.isEmpty && !value.contains("/") {
                    let path = "\(folder)/\(value)"
                    let script = Array("#!/bin/sh\nprintf '%s' \"$1\"\n".utf8)
                    try await runner.upload(script, to: path, mode: 0o700, timeout: .seconds(10))
                    let result = try await runner.run(
                        Command([path, value], timeout: .seconds(10)))
                    #expect(
                        result.standardOutput == Array(value.utf8),
                        "\(runner.place) \(value.debugDescription) \(result.errorOutput)")
                }
            }
        }
    }

    @Test func aCommandLongerThanAPacketRuns() async throws {
        let long = String(repeating: "it's ", count: 20_000)
        try await withBothRunners { runner in
            let result = try await runner.run(
                Command(
                    ["sh", "-c", "cat; printf '%s' \"$1\"", "sh", long],
                    standardInput: Array("in:".utf8), timeout: .seconds(20),
                    outputLimitBytes: 1 << 20))
            #expect(
                result.output == "in:" + long, "\(runner.place) \(result.errorOutput.prefix(300))")
        }
    }
}
