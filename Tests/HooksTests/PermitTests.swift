import ClusterFile
import Execution
import FailoverCore
import Foundation
import Synchronization
import Testing

@testable import Hooks
@testable import ToolkitTesting

@Suite("A node's hook beside the scheduler")
struct PermitTests {
    private static let hooks = """
        hooks:
          fence_command:
            { command: "echo ran >>ran; exit 1", run_on: scheduler, retries: 2, retry_delay: 0s }
        """

    private func runner(_ bench: HookBench, local: any CommandRunner) -> HookRunner {
        HookRunner(
            settings: bench.settings, sharedHooks: HookBench.sharedHooks,
            runner: { _ in bench.runner }, local: local)
    }

    @Test func doesNotStartWhenItIsRefused() async throws {
        try await HookBench.with(hooks: Self.hooks) { (bench) async throws in
            let asked = Mutex(0)
            let call = HookCall(.fenceCommand, on: bench.a, term: 1, step: 1)
            let hooks = runner(bench, local: InFolder(bench.path))
            let outcome = await hooks.run(call) {
                asked.withLock { $0 += 1 }
                return "decided since"
            }
            #expect(outcome == .tryAgain(output: "decided since"))
            #expect(asked.withLock { $0 } == 3)
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    @Test func isAskedForBeforeEachAttempt() async throws {
        try await HookBench.with(hooks: Self.hooks) { (bench) async throws in
            let asked = Mutex(0)
            let call = HookCall(.fenceCommand, on: bench.a, term: 1, step: 1)
            let outcome = await runner(bench, local: InFolder(bench.path)).run(call) {
                asked.withLock { $0 += 1 }
                return asked.withLock { $0 } < 3 ? nil : "decided since"
            }
            #expect(outcome == .tryAgain(output: "decided since"))
            #expect(try await bench.read(bench.path + "/ran") == "ran\nran\n")
        }
    }

    /// Between the answer and the start the machine was suspended.
    @Test(arguments: [InFolder.Clock.uptime, .wall])
    func doesNotStartLate(_ clock: InFolder.Clock) async throws {
        try await HookBench.with(hooks: Self.hooks) { (bench) async throws in
            let call = HookCall(.fenceCommand, on: bench.a, term: 1, step: 1)
            let late = runner(bench, local: InFolder(bench.path, late: clock))
            let outcome = await late.run(call) { nil }
            guard case .tryAgain(let output) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(output.hasPrefix("not started: the scheduler slept"))
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }
}

/// Runs commands in a folder, with all the time they want; or late by one of the two clocks.
struct InFolder: CommandRunner {
    enum Clock: Int, CaseIterable, Sendable {
        case uptime
        case wall

        /// Ten minutes.
        var shift: Int { self == .uptime ? 60_000 : 600 }
    }

    let folder: String
    let late: Clock?
    let user = ServerUserRunner()
    var place: String { user.place }

    init(_ folder: String, late: Clock? = nil) {
        self.folder = folder
        self.late = late
    }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        var command = command
        // sh -c SCRIPT sh UPTIME WALL …: what a suspended machine finds is an older limit.
        for clock in Clock.allCases {
            let place = 4 + clock.rawValue
            guard let limit = Int(command.arguments[place]) else { continue }
            command.arguments[place] = String(limit + (clock == late ? -clock.shift : clock.shift))
        }
        command.arguments = ["/usr/bin/env", "-C", folder] + command.arguments
        return try await user.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try await user.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async {}
}
