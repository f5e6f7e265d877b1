import ClusterFile
import Execution
import FailoverCore
import Testing

@testable import Hooks

@Suite("The upload of the hooks")
struct UploadTests {
    private static let list = #"cd -- "$1" && find . -printf '%m %y %P\n' | sort"#

    @Test func onlyProgramsCanBeRunAndNothingElseLiesThere() async throws {
        try await HookBench.with { (bench) async throws in
            let folder = try await bench.libraryFolder(on: bench.a)
            let lines = try await bench.sh(Self.list, folder).split(separator: "\n")
            for line in lines {
                let isFile = line.contains(" f ")
                let mode =
                    isFile && (line.contains(" lib/") || line.hasSuffix(" complete")) ? 600 : 700
                #expect(line.hasPrefix("\(mode) "), "\(line)")
            }
            let files = try bench.bundle().files.map { "\(String($0.mode, radix: 8)) f \($0.name)" }
            #expect(
                Set(lines.filter { $0.contains(" f ") }.map { "\($0)" })
                    == Set(files + ["600 f complete"]))
            let beside = try await bench.sh(#"ls -A -- "${1%/*}""#, folder)
            #expect(try beside == bench.bundle().hash + "\n")
        }
    }

    /// A connection that breaks may hand on the beginning of what was sent.
    @Test(arguments: [0, 4, 4_000])
    func whatArrivesCutOffIsNotUsed(_ bytes: Int) async throws {
        try await HookBench.with { (bench) async throws in
            let bundle = try bench.bundle()
            let cut = CuttingRunner(runner: bench.runner, bytes: bytes)
            let error = await #expect(throws: ExecutionError.self) {
                try await bundle.upload(to: bench.a, via: cut, timeout: .seconds(30))
            }
            #expect(error?.because.contains("damaged") == true, "\(String(describing: error))")
            let folder = bundle.folder(on: bench.a)
            #expect(try await bench.sh(#"ls -A -- "${1%/*}""#, folder) == "")
            try await bundle.upload(to: bench.a, via: bench.runner, timeout: .seconds(30))
            #expect(try await bench.exists(folder + "/complete"))
        }
    }

    /// A hook need not be text: the archive is a script, which can't hold a NUL byte.
    @Test func everyByteArrives() async throws {
        try await HookBench.with { (bench) async throws in
            let own = bench.path + "/hooks/follow_command.d"
            try await bench.sh(#"mkdir -p -- "$1""#, own)
            let hooks: [String: [UInt8]] = [
                "post-binary": Array(UInt8.min...UInt8.max),
                "post-text it's": Array("'\n$(false)`\\\n".utf8) + Array(1...UInt8.max),
                "post-empty": [],
            ]
            for (name, contents) in hooks {
                try await bench.runner.upload(
                    contents, to: own + "/" + name, mode: 0o755, timeout: .seconds(30))
            }
            let bundle = try bench.bundle()
            try await bundle.upload(to: bench.a, via: bench.runner, timeout: .seconds(30))
            for (name, contents) in hooks {
                let path = bundle.folder(on: bench.a) + "/follow_command.d/" + name
                let sum = try await bench.sh(#"sha256sum <"$1""#, path)
                #expect(sum == SHA256.hex(contents) + "  -\n", "\(name)")
            }
        }
    }

    @Test func twoUploadsAtOnceLeaveOneFolder() async throws {
        try await HookBench.with { (bench) async throws in
            let bundle = try bench.bundle()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await bundle.upload(
                            to: bench.a, via: bench.runner, timeout: .seconds(30))
                    }
                }
                try await group.waitForAll()
            }
            let folder = bundle.folder(on: bench.a)
            #expect(try await bench.sh(#"ls -A -- "${1%/*}""#, folder) == bundle.hash + "\n")
        }
    }

    @Test(arguments: [
        ("6.1.0-18-amd64", true), ("5.8.0", true), ("5.10.0-28-amd64", true), ("10.0", true),
        ("5.7.19", false), ("5.4.0-150-generic", false), ("4.19.0-26-amd64", false), ("", false),
        ("unknown", false),
    ])
    func aFileSystemIsFlushedAtOnceWhereItTellsOfLostWrites(
        _ release: String, _ tells: Bool
    ) async throws {
        let script =
            #". "$1/lib/flush.sh"; if tells_of_lost_writes "$2"; then echo yes; else echo no; fi"#
        let result = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-euc", script, "sh", HookBench.sharedHooks, release],
                timeout: .seconds(20)))
        #expect(result.output == (tells ? "yes\n" : "no\n"), "\(result.errorOutput)")
    }
}

/// Hands on only the first bytes of what a command reads.
private struct CuttingRunner: CommandRunner {
    let runner: any CommandRunner
    let bytes: Int

    var place: String { runner.place }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        var command = command
        command.standardInput = Array(command.standardInput.prefix(bytes))
        return try await runner.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try await runner.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async { await runner.close() }
}
