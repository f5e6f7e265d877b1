import Execution
import FailoverCore
import Foundation
import Glibc

@testable import ToolkitTesting

/// Why the lab could not do what a scenario asked.
struct LabError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a program of the lab's own as root, to its end; throws with what it said when it fails.
@discardableResult
func shell(
    _ arguments: [String], input: String = "", within timeout: Duration = .seconds(60)
) async throws -> String {
    let result = try await LocalRunner().run(
        Command(
            arguments, standardInput: Array(input.utf8), timeout: timeout,
            outputLimitBytes: 16 << 20))
    guard result.isSuccess else {
        throw LabError("\(arguments.joined(separator: " ")): \(result.said)")
    }
    return result.output
}

extension CommandResult {
    var said: String { "\(ending) \(output)\(errorOutput)" }

    var status: Int32? {
        if case .exited(let code) = ending { code } else { nil }
    }
}

/// Polls until `isSeen`; throws at the deadline.
func until(
    _ what: String, within span: Duration, every pause: Duration = .milliseconds(50),
    _ isSeen: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + span
    while try await !isSeen() {
        guard ContinuousClock.now < deadline else { throw LabError("not within \(span): \(what)") }
        try await Task.sleep(for: pause)
    }
}

extension Duration {
    var milliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}

/// The processes of this machine, as /proc shows them.
enum Processes {
    static func children(of pid: pid_t) -> [pid_t] {
        let text = read("/proc/\(pid)/task/\(pid)/children") ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }

    /// The only child of the only child …, `depth` times, once it is there.
    static func descendant(
        of process: ChildProcess, depth: Int, _ what: String
    ) async throws -> pid_t {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline, process.isRunning {
            var pid: pid_t? = process.pid
            for _ in 0..<depth { pid = pid.flatMap { children(of: $0).first } }
            if let pid { return pid }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw LabError("\(what) did not start")
    }

    /// All processes of the PID namespace of `pid`, but not of those within it.
    static func neighbours(of pid: pid_t) -> [pid_t] {
        guard let space = namespace(pid) else { return [] }
        return all.filter { namespace($0) == space }
    }

    private static func namespace(_ pid: pid_t) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/pid")
    }

    /// `R`, `S`, `T` …
    static func state(_ pid: pid_t) -> Character? {
        guard let stat = read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else {
            return nil
        }
        return stat[stat.index(after: end)...].first { $0 != " " }
    }

    static func isDead(_ pid: pid_t) -> Bool { state(pid).map { $0 == "Z" || $0 == "X" } ?? true }

    static func command(_ pid: pid_t) -> String {
        (read("/proc/\(pid)/cmdline") ?? "").replacing("\0", with: " ")
    }

    static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
