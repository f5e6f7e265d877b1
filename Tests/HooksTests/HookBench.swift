import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import Hooks
@testable import ToolkitTesting

/// Not the simulator's.
typealias NodeRequest = Hooks.NodeRequest

/// Nodes a and b of a cluster, as deploy would leave them, in a private folder whose names hold
/// spaces, quotes and `$()`. Every process in it and the folder are gone after `with`.
final class HookBench: Sendable {
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let sharedHooks = checkout + "/hooks"

    let root: ThrowawayPostgresRoot
    var path: String { root.path }
    let settings: ClusterSettings
    let runner = ServerUserRunner()
    let a: NodeSettings
    let b: NodeSettings
    let hooks: HookRunner

    static func with(
        hooks: String = "", isolation: isolated (any Actor)? = #isolation,
        _ body: (HookBench) async throws -> Void
    ) async throws {
        let root = try ThrowawayPostgresRoot()
        do {
            let bench = try HookBench(root, hooks: hooks)
            try await bench.install()
            try await body(bench)
            await root.remove()
        } catch {
            await root.remove()
            throw error
        }
    }

    private init(_ root: ThrowawayPostgresRoot, hooks: String) throws {
        let path = root.path
        let text = """
            cluster: shop
            lab: true
            execution: local
            postgresql:
              version: \(Self.version)
              bin_dir: \(ThrowawayPostgres.binDirectory)
              authentication: trust
              replication_role: postgres
            config_dir: "\(path)/c'f $(id)"
            state_dir: "\(path)/s't ; é"
            runtime_dir: "\(path)/r \\"n"
            nodes:
              - { name: a, host: 127.0.0.1, port: \(try #require(LoopbackPort.unused())), data_dir: "\(path)/d'a $HOME/a" }
              - { name: b, host: 127.0.0.1, port: \(try #require(LoopbackPort.unused())), data_dir: "\(path)/d'a $HOME/b" }
            \(hooks)
            """
        var settings = try ClusterFile.parse(text, baseDirectory: path).settings
        for index in settings.nodes.indices { settings.nodes[index].socketDirectory = path }
        self.root = root
        self.settings = settings
        a = settings.nodes[0]
        b = settings.nodes[1]
        let runner = runner
        self.hooks = HookRunner(
            settings: settings, sharedHooks: Self.sharedHooks, runner: { _ in runner },
            local: runner)
    }

    static let version = ThrowawayPostgres.binDirectory.split(separator: "/").dropLast().last ?? ""

    private func install() async throws {
        let programs = NodePrograms(settings: settings, sharedHooks: Self.sharedHooks)
        for node in settings.nodes {
            try await sh(
                #"mkdir -p -- "$@""#, node.configDirectory, node.runtimeDirectory,
                (node.dataDirectory as NSString).deletingLastPathComponent)
            try await programs.install(on: node, via: runner)
            try await write(configuration(of: node), to: node.configDirectory + "/postgresql.conf")
            try await write(
                "local all all trust\nhost all all 127.0.0.1/32 trust\n"
                    + "host replication all 127.0.0.1/32 trust\n",
                to: node.configDirectory + "/pg_hba.conf")
            try await write("", to: node.configDirectory + "/node.conf")
        }
    }

    private func configuration(of node: NodeSettings) -> String {
        func quoted(_ text: String) -> String {
            "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
        }
        return """
            data_directory = \(quoted(node.dataDirectory))
            hba_file = \(quoted(node.configDirectory + "/pg_hba.conf"))
            listen_addresses = '127.0.0.1'
            port = \(node.port)
            unix_socket_directories = \(quoted(node.socketDirectory))
            fsync = off
            shared_buffers = 16MB
            autovacuum = off
            wal_log_hints = on
            wal_keep_size = 256MB
            wal_retrieve_retry_interval = 100ms
            dynamic_shared_memory_type = mmap
            include 'node.conf'
            include_if_exists \(quoted(node.runtimeDirectory + "/open.conf"))
            """ + "\n"
    }

    // MARK: Acting

    /// Runs a shell script as the server's user; its arguments are `$1`, `$2` ….
    @discardableResult
    func sh(
        _ script: String, _ arguments: String..., input: String = "", succeeds: Bool = true
    ) async throws -> String {
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-c", script, "sh"] + arguments, standardInput: Array(input.utf8),
                timeout: .seconds(60)))
        if succeeds { #expect(result.isSuccess, "\(script): \(result.errorOutput)") }
        return result.output
    }

    func write(_ text: String, to path: String) async throws {
        try await runner.upload(Array(text.utf8), to: path, mode: 0o600, timeout: .seconds(60))
    }

    func read(_ path: String) async throws -> String { try await sh(#"cat -- "$1""#, path) }

    /// Whether all of these exist.
    func exists(_ paths: String...) async throws -> Bool {
        for path in paths {
            let answer = try await sh(#"if [ -e "$1" ]; then echo yes; fi"#, path)
            if answer != "yes\n" { return false }
        }
        return true
    }

    /// Whether the process whose number is in `file` runs; one that nobody has reaped does not.
    func isAlive(_ file: String) async throws -> Bool {
        let script = #"sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$(cat "$1")/status" 2>&1"#
        let state = try await sh(script, path + "/" + file, succeeds: false)
        return state.count == 2 && state != "Z\n"
    }

    func initialize(_ node: NodeSettings) async throws {
        try await sh(
            #""$1"/initdb --pgdata="$2" --username=postgres --auth=trust --no-sync --no-locale >/dev/null"#,
            ThrowawayPostgres.binDirectory, node.dataDirectory)
    }

    @discardableResult
    func sql(_ statement: String, on node: NodeSettings, succeeds: Bool = true) async throws
        -> String
    {
        let output = try await sh(
            #"exec "$1"/psql -X -q -A -t -h "$2" -p "$3" -U postgres -d postgres -c "$4" 2>&1"#,
            ThrowawayPostgres.binDirectory, node.socketDirectory, String(node.port), statement,
            succeeds: succeeds)
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func run(
        _ hook: HookName, on node: NodeSettings, term: Int = 1, step: Int,
        primary: NodeSettings? = nil, switchLSN: LSN? = nil, extra: [String: String] = [:]
    ) async -> HookOutcome {
        await hooks.run(
            HookCall(
                hook, on: node, term: term, step: step, primary: primary, switchLSN: switchLSN,
                extra: extra))
    }

    func apply(
        term: Int = 1, step: Int, to node: NodeSettings, nodeConf: String? = nil,
        opening: NodeRequest.Opening = .unchanged
    ) async -> NodeApply.Outcome {
        await NodeApply(timeout: .seconds(20)).apply(
            NodeRequest(
                stamp: Stamp(term: Term(term), step: Revision(step)), nodeConf: nodeConf,
                opening: opening), on: node, via: runner)
    }

    func inspect(_ node: NodeSettings) async throws -> InspectReport {
        try await InspectReport.of(node, via: runner)
    }

    /// `primary_conninfo` for node.conf.
    func upstream(_ node: NodeSettings, name: String) -> String {
        "primary_conninfo = 'host=127.0.0.1 port=\(node.port) user=postgres application_name=\(name)'\n"
    }
}
