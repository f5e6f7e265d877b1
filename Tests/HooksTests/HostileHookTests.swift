import ClusterFile
import Execution
import FailoverCore
import Foundation
import PostgresClient
import Testing
import ToolkitTesting

@testable import Hooks

/// Each value in every place that a hook knows of: its folders, its data directory, the folder of
/// PostgreSQL's programs, roles, slots, words.
@Suite("Hostile values through every default hook")
struct HostileHookTests {
    static let hooks: [HookName] = HookCatalogue.all.filter { $0.defaultFile != nil }.map(\.hook)

    @Test(.timeLimit(.minutes(3)))
    func nothingIsRunAndEveryValueArrives() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.recordPrograms()
            let folder = try await bench.libraryFolder(on: bench.a)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for hook in Self.hooks {
                    group.addTask { try await Self.sweep(bench, hook, folder) }
                }
                try await group.waitForAll()
            }
            #expect(try await !bench.exists("/tmp/tk-hostile"))
        }
    }

    private static func sweep(_ bench: HookBench, _ hook: HookName, _ folder: String) async throws {
        let runs = try HostileValues.all.enumerated().map { number, value in
            try HostileRun(bench, hook, value, number)
        }
        let script = runs.map { $0.script(folder) }.joined()
        let result = try await bench.runner.run(
            Command(
                ["/bin/sh", "-s"],
                standardInput: Array((RecordingPrograms.preparation + "\n" + script).utf8),
                timeout: .seconds(120)))
        #expect(result.isSuccess, "\(hook): \(result.errorOutput)")
        for run in runs {
            let seen = try run.recorded()
            #expect(bytes(seen) == bytes(run.expected), "\(hook) \(run.value.debugDescription)")
        }
    }

    /// Swift's `==` takes é and e + ´ for the same.
    private static func bytes(_ calls: [[String]]) -> [[[UInt8]]] {
        calls.map { $0.map { Array($0.utf8) } }
    }

    /// Names, folders, words and extra variables, and repmgr's placeholders in any quotes.
    @Test(.timeLimit(.minutes(3)))
    func theRunnerAndTheWrapperHandThemOn() async throws {
        let inline = """
            hooks:
              follow_command: >-
                env -0 >"$OUT.env"; printf '%%s\\0' %d "%d" '%d' %a %n "%c" >"$OUT.words"
            """
        try await HookBench.with(hooks: inline) { (bench) async throws in
            for (number, value) in HostileValues.all.enumerated() {
                let run = try HostileRun(bench, .followCommand, value, number, onNode: true)
                let outcome = await run.runner(bench).run(run.call)
                guard case .done = outcome else {
                    Issue.record("\(value.debugDescription): \(outcome)")
                    continue
                }
                let seen = try Self.parts("\(run.out).env")
                for (name, told) in run.variables {
                    #expect(seen.contains(Array("\(name)=\(told)".utf8)), "\(name)=\(told)")
                }
                let words = [value, value, value, value, value, run.conninfo]
                #expect(try Self.parts("\(run.out).words") == words.map { Array($0.utf8) })
            }
            #expect(try await !bench.exists("/tmp/tk-hostile"))
        }
    }

    /// The bytes between the NULs of a file.
    private static func parts(_ file: String) throws -> [[UInt8]] {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map(
            Array.init)
    }

    /// What the hooks hand to psql, pg_basebackup and pg_rewind.
    @Test func libpqReadsBackTheConnectionStringOfAHook() async throws {
        try await HookBench.with { (bench) async throws in
            for (number, value) in HostileValues.all.enumerated() {
                let run = try HostileRun(bench, .cloneCommand, value, number)
                let read = try Conninfo(parsing: run.conninfo + " application_name=toolkit_clone")
                for name in ["host", "user", "dbname"] {
                    #expect(read[name].map { Array($0.utf8) } == Array(value.utf8), "\(name)")
                }
                #expect(read["passfile"].map { Array($0.utf8) } == Array(run.passFile.utf8))
                #expect(read["port"] == String(bench.b.port))
                #expect(read["application_name"] == "toolkit_clone")
                #expect(read["password"] == nil && read["options"] == nil)
            }
        }
    }
}

/// One hook with one value.
struct HostileRun {
    let call: HookCall
    let value: String
    let out: String
    let variables: [String: String]
    private let settings: ClusterSettings

    var hook: HookName { call.hook }
    var node: NodeSettings { call.node }
    var record: String { out + ".record" }

    /// With `onNode` the node's own folder stays where its wrapper lies.
    init(
        _ bench: HookBench, _ hook: HookName, _ value: String, _ number: Int, onNode: Bool = false
    ) throws {
        self.value = value
        out = "\(bench.path)/\(hook).\(number)"
        let name = value.hasSuffix("/") ? value + "x" : value
        var settings = bench.settings
        settings.postgresql.binDirectory = "\(out)/bin/\(name)"
        settings.postgresql.database = value
        settings.postgresql.replicationRole = value
        var node = bench.a
        node.dataDirectory = "\(out)/data/\(name)"
        node.runtimeDirectory = "\(out)/run/\(name)"
        node.configDirectory = "\(out)/etc/\(name)"
        node.socketDirectory = "\(out)/\(name)"
        if onNode {
            node.id = NodeID(value)
            node.service = value
        } else {
            node.stateDirectory = "\(out)/state/\(name)"
        }
        var primary = bench.b
        primary.id = NodeID(value)
        primary.host = value
        call = HookCall(
            hook, on: node, term: 1, step: number + 1, primary: primary, oldPrimary: primary,
            switchLSN: LSN("0/3000000"), slot: value, applicationName: value, reason: value,
            extra: [
                "TOOLKIT_REJOIN_METHOD": "rewind", "TOOLKIT_DETAILS": value,
                "RECORD": out + ".record", "OUT": onNode ? out : bench.path,
            ])
        variables = try HookEnvironment(settings: settings).variables(for: call)
        self.settings = settings
    }

    func runner(_ bench: HookBench) -> HookRunner {
        HookRunner(
            settings: settings, sharedHooks: HookBench.sharedHooks,
            runner: { _ in bench.runner }, local: bench.runner)
    }

    var conninfo: String { variables["TOOLKIT_PRIMARY_CONNINFO"] ?? "" }
    var passFile: String { NodeEnvironment.passFile(of: node) }

    /// In a shell of its own, with nothing in its environment but the facts of the call.
    func script(_ folder: String) -> String {
        let facts = variables.sorted { $0.key < $1.key }.map {
            "export \($0.key)=\(ShellWord.quote($0.value))\n"
        }.joined()
        let program = ShellWord.quote("\(folder)/\(hook).sh")
        return """
            (
            \(facts)PATH=$OUT/quiet:$PATH
            prepare \(hook)
            status=0
            \(program) </dev/null >/dev/null 2>"$RECORD.said" || status=$?
            finish "$status"
            )

            """
    }

    /// The calls of programs, then status and files.
    func recorded() throws -> [[String]] {
        let text = try String(contentsOfFile: record, encoding: .utf8)
        return text.split(separator: "\u{1}").map {
            $0.split(separator: "\0", omittingEmptySubsequences: false).dropLast().map(String.init)
        }.filter { $0.first != "pg_controldata" }.map { $0[0] == "psql" ? $0.dropLast() : $0 }
    }

    var expected: [[String]] {
        let data = node.dataDirectory
        let start = [
            "postgres", "-D", data, "-c", "config_file=\(node.configDirectory)/postgresql.conf",
        ]
        let stop = ["pg_ctl", "stop", "--pgdata=\(data)", "--mode=fast", "--no-wait"]
        let done = ["status", "0"]
        let (opening, signal) = (["file", "open.conf"], ["file", "standby.signal"])
        switch hook {
        case .promoteCommand:
            return [
                ["pg_ctl", "promote", "--pgdata=\(data)", "--no-wait"], done, opening, signal,
            ]
        case .followCommand: return [done, opening, signal]
        case .fenceCommand: return [done]
        case .rejoinCommand:
            return rewind("--dry-run") + rewind("--progress") + [start, done, signal]
        case .cloneCommand: return [ask, copy, start, done, signal]
        case .serviceStartCommand: return [start, done]
        case .serviceStopCommand: return [stop, done, opening]
        case .serviceRestartCommand: return [stop, start, done]
        default: return [done, opening]
        }
    }
    private func rewind(_ mode: String) -> [[String]] {
        [
            [
                "pg_rewind", "--no-ensure-shutdown", "--target-pgdata=\(node.dataDirectory)",
                "--source-server=\(conninfo) application_name=toolkit_rewind", mode,
            ]
        ]
    }

    /// Without the statement at its end.
    private var ask: [String] {
        [
            "psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet",
            "--dbname=\(conninfo) application_name=toolkit_clone",
        ]
    }

    private var copy: [String] {
        [
            "pg_basebackup", "--pgdata=\(node.dataDirectory).clone.\(call.step)",
            "--wal-method=stream", "--checkpoint=fast", "--progress", "--no-password",
        ] + (Self.flushesWhole ? ["--no-sync"] : []) + [
            "--dbname=\(conninfo) application_name=toolkit_clone"
        ]
    }

    private static let flushesWhole: Bool = {
        let kernel = ProcessInfo.processInfo.operatingSystemVersion
        return (kernel.majorVersion, kernel.minorVersion) >= (5, 8)
    }()
}

extension HookBench {
    /// Programs of PostgreSQL's names that write down how they are called.
    fileprivate func recordPrograms() async throws {
        try await sh(
            #"mkdir -- "$1/programs" "$1/sleeper" && cp /bin/sleep "$1/sleeper/postgres""#, path)
        // Nothing here has to outlive the machine.
        try await sh(#"mkdir -- "$1/quiet" && ln -s /bin/true "$1/quiet/sync""#, path)
        try await write(RecordingPrograms.script, to: path + "/programs/pg_ctl")
        for name in RecordingPrograms.names where name != "pg_ctl" {
            try await sh(#"ln -s pg_ctl "$1/programs/$2""#, path, name)
        }
        try await sh(#"chmod 700 "$1/programs/pg_ctl""#, path)
    }
}
