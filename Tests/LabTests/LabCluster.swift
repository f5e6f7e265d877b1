import Execution
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Scheduler
import Store

@testable import ToolkitTesting

/// A deployed cluster on a lab: three nodes, a scheduler, writers; run as an operator runs it.
final class LabCluster: @unchecked Sendable {
    // Safe: one scenario works on it, from one task at a time.

    static let nodes = ["vm1", "vm2", "vm3"]

    let lab: Lab
    let vms: [LabVM]
    let writers: LabWriters
    let reader: LabReader
    private(set) var daemon: ChildProcess?

    /// The scheduler's machine.
    var control: LabVM { vms[3] }
    var client: SchedulerClient { SchedulerClient(path: "\(control.folder)/sched/lab.sock") }

    init(_ lab: Lab) {
        self.lab = lab
        vms = (Self.nodes + ["vm4"]).enumerated().map {
            LabVM($0.offset + 1, name: $0.element, in: lab)
        }
        writers = LabWriters(lab)
        reader = LabReader(lab, beside: writers)
    }

    subscript(_ name: String) -> LabVM {
        vms.first { $0.name == name } ?? vms[3]
    }

    subscript(_ id: NodeID) -> LabVM { self[id.rawValue] }

    static let toolkit = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("toolkit").path

    func boot() async throws {
        for vm in vms { try await vm.boot(program: vm === control ? Self.toolkit : "") }
    }

    /// Boots everything, starts PostgreSQL as a boot would, then the scheduler.
    func start() async throws {
        try await boot()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for vm in vms.prefix(3) { group.addTask { try await vm.startPostgres() } }
            try await group.waitForAll()
        }
        try await runDaemon()
        try await healthy()
    }

    // MARK: Its file

    /// Replaces words of cluster.yaml.
    func configure(_ old: String, _ new: String) throws {
        let path = "\(control.folder)/cluster.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard text.contains(old) else { throw LabError("cluster.yaml has no \(old)") }
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Adds a top-level setting to cluster.yaml.
    func configure(_ line: String) throws { try configure("nodes:\n", "\(line)\nnodes:\n") }

    /// A hook of the cluster's own.
    func replaceHook(_ name: String, with script: String) throws {
        let path = "\(control.folder)/\(name).sh"
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o755)
        try configure("hooks: { \(name): /mnt/\(name).sh }")
    }

    /// A scheduler that runs for longer has them on every node.
    func hooksAreUploaded(_ bundles: Int) async throws {
        try await until("the hooks are on every node", within: .seconds(60)) {
            try vms.prefix(3).allSatisfy { vm in
                let hooks = "\(vm.folder)/lib/lab/\(vm.name)/hooks"
                return try FileManager.default.contentsOfDirectory(atPath: hooks).count {
                    access("\(hooks)/\($0)/complete", F_OK) == 0
                } == bundles
            }
        }
    }

    // MARK: The program

    func command(_ arguments: [String], _ environment: [String: String] = [:]) -> [String] {
        control.command(
            ["/mnt/toolkit"] + arguments,
            environment.merging(["TOOLKIT_SHARE": "/mnt/share"]) { $1 })
    }

    /// One command of `toolkit`, to its end.
    @discardableResult
    func toolkit(_ arguments: String...) async throws -> CommandResult {
        try await toolkit(arguments)
    }

    func toolkit(_ arguments: [String]) async throws -> CommandResult {
        try await LocalRunner().run(
            Command(command(arguments), timeout: .seconds(120), outputLimitBytes: 64 << 20))
    }

    /// Starts `toolkit run` and waits until it answers.
    func runDaemon(_ environment: [String: String] = [:]) async throws {
        let started = try ChildProcess(
            command(["run"], environment), in: "/", output: "\(lab.folder)/daemon.log")
        daemon = started
        try await until("the scheduler answers", within: .seconds(30)) {
            guard started.isRunning else { throw LabError("the scheduler ended: \(daemonLog)") }
            return await state() != nil
        }
    }

    /// kill -9, or another signal; returns when it has ended.
    func stopDaemon(_ signal: Int32 = SIGKILL) async throws {
        guard let process = daemon else { return }
        // What was started is `nsenter`, which ends as its child does.
        for pid in Processes.children(of: process.pid) { kill(pid, signal) }
        guard await process.ended(before: .now + .seconds(10)) != nil else {
            throw LabError("the scheduler does not end")
        }
        daemon = nil
    }

    var daemonLog: String {
        let text = try? String(contentsOfFile: "\(lab.folder)/daemon.log", encoding: .utf8)
        return (text ?? "").split(separator: "\n").suffix(20).joined(separator: "\n")
    }

    // MARK: Looking

    /// Asks the scheduler; nil when none answers.
    func state() async -> ClusterView? { try? await client.state() }

    func node(_ id: NodeID) async -> ClusterView.Node? {
        await state()?.nodes.first { $0.id == id }
    }

    func primary() async throws -> NodeID {
        guard let primary = await state()?.primary else { throw LabError("there is no primary") }
        return primary
    }

    func standbys() async throws -> [NodeID] {
        let primary = try await primary()
        return Self.nodes.map { NodeID(stringLiteral: $0) }.filter { $0 != primary }
    }

    /// As `toolkit state --json` says it: `healthy`, the primary open, every node counted.
    func healthy(within span: Duration = .seconds(60)) async throws {
        do {
            try await until("the cluster is healthy", within: span) {
                await state()?.isHealthy == true
            }
        } catch {
            throw LabError("\(error): \(try await story())")
        }
    }

    /// The state and the last events, for whoever reads a failed scenario.
    func story() async throws -> String {
        let state = try await toolkit("state")
        let events = try await toolkit("events", "--limit", "60")
        return "\(state.output)\(events.output)\(daemonLog)"
    }

    /// The events after `id`, as `toolkit events --json` prints them.
    func events(after id: Int64 = 0) async throws -> [EventRecord] {
        let result = try await toolkit("events", "--json", "--limit", "5000")
        guard result.isSuccess else { throw LabError("toolkit events: \(result.said)") }
        return try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(EventRecord.self, from: Data($0.utf8))
        }.filter { ($0.id ?? 0) > id }
    }

    /// Rows of the application on a node, with the node and the term that accepted each.
    func rows(on vm: LabVM) async throws -> [Int64: (node: String, term: Int)] {
        let text = try await vm.sql("SELECT id, node, term FROM demo.rows")
        var rows: [Int64: (node: String, term: Int)] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "|")
            guard fields.count == 3, let id = Int64(fields[0]), let term = Int(fields[2]) else {
                throw LabError("\(vm.name): a row can't be read: \(line)")
            }
            rows[id] = (String(fields[1]), term)
        }
        return rows
    }

    // MARK: The end

    func remove() async {
        await writers.stop()
        await reader.stop()
        await lab.remove()
    }
}
