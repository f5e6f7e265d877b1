public import ClusterFile
public import Execution
public import FailoverCore
import Foundation
public import Quotation

/// What `node-apply` is asked to leave on a node, whole, under one stamp.
public struct NodeRequest: Hashable, Sendable {
    public enum Opening: Hashable, Sendable {
        /// `open.conf` stays as it is.
        case unchanged
        case removed
        case contents(String)
    }

    public var stamp: Stamp
    /// Nil: `node.conf` stays as it is.
    public var nodeConf: String?
    public var opening: Opening

    public init(stamp: Stamp, nodeConf: String?, opening: Opening) {
        self.stamp = stamp
        self.nodeConf = nodeConf
        self.opening = opening
    }

    /// The request's lines. An incomplete one (without `end`) changes nothing.
    public var requestLines: [String] {
        var lines = ["term \(stamp.term.number)", "step \(stamp.step.number)"]
        if let nodeConf { lines.append("node.conf \(Self.base64(nodeConf))") }
        switch opening {
        case .unchanged: break
        case .removed: lines.append("open.conf -")
        case .contents(let text): lines.append("open.conf \(Self.base64(text))")
        }
        lines.append("end")
        return lines
    }

    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString()
    }
}

/// The only writer of a node's `node.conf` and `open.conf`, over SSH or SQL.
public struct NodeApply: Sendable {
    public struct Applied: Hashable, Sendable {
        public var stamp: Stamp
        public var bootID: String
        /// Whether a running postmaster was told to read its configuration again.
        public var isReloaded: Bool

        public init(stamp: Stamp, bootID: String, isReloaded: Bool) {
            self.stamp = stamp
            self.bootID = bootID
            self.isReloaded = isReloaded
        }
    }

    public enum Outcome: Hashable, Sendable {
        case applied(Applied)
        /// The node has accepted a higher stamp; nothing was changed.
        case stale
        /// The node's lock could not be had in time; nothing was changed.
        case tryAgain
        case failed(status: Int32, output: String)
        case unknown(after: Duration)
        case notStarted(ExecutionError)
    }

    public var timeout: Duration

    public init(timeout: Duration = .seconds(5)) { self.timeout = timeout }

    public static func path(on node: NodeSettings) -> String {
        node.stateDirectory + "/bin/node-apply"
    }

    public func apply(
        _ files: NodeRequest, on node: NodeSettings, via runner: any CommandRunner
    ) async -> Outcome {
        let text = files.requestLines.map { $0 + "\n" }.joined()
        return await run([Self.path(on: node)], input: Array(text.utf8), via: runner)
    }

    /// The stamp that a node has accepted, and its boot id; changes nothing.
    public func stamp(of node: NodeSettings, via runner: any CommandRunner) async -> Outcome {
        await run([Self.path(on: node), "stamp"], input: [], via: runner)
    }

    private func run(
        _ arguments: [String], input: [UInt8], via runner: any CommandRunner
    ) async -> Outcome {
        let command = Command(arguments, standardInput: input, timeout: timeout)
        do {
            return Self.outcome(of: try await runner.run(command))
        } catch {
            return error.outcomeIsUnknown ? .unknown(after: timeout) : .notStarted(error)
        }
    }

    static func outcome(of result: CommandResult) -> Outcome {
        switch result.ending {
        case .exited(0):
            guard let applied = parse(result.output) else {
                return .failed(status: 0, output: result.output + result.errorOutput)
            }
            return .applied(applied)
        case .exited(let status):
            return outcome(status: status, output: result.errorOutput)
        case .signaled, .timedOut: return .unknown(after: result.duration)
        }
    }

    static func outcome(status: Int32, output: String) -> Outcome {
        switch status {
        case ExitStatus.tryAgain: .tryAgain
        case ExitStatus.stale: .stale
        default: .failed(status: status, output: output)
        }
    }

    private static func parse(_ output: String) -> Applied? {
        var facts: [Substring: Substring] = [:]
        for line in output.split(separator: "\n") {
            let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { facts[halves[0]] = halves[1] }
        }
        guard let stamp = facts["stamp"].flatMap({ Stamp(nodeText: $0) }) else { return nil }
        return Applied(
            stamp: stamp, bootID: String(facts["boot_id"] ?? ""),
            isReloaded: facts["reloaded"] == "yes")
    }
}

extension NodeApply {
    /// The same request as SQL, for a node whose SSH is down.
    ///
    /// Its output can't be read: what it set is read back in a new session; a failure's exit
    /// status stands in the error's detail (`outcome(programDetail:)`).
    public static func sql(
        _ files: NodeRequest, on node: NodeSettings
    ) throws(QuotingError) -> String {
        let rows = try files.requestLines.map { line throws(QuotingError) in
            "(\(try Quoting.sqlLiteral(line)))"
        }.joined(separator: ",")
        let program = try Quoting.sqlLiteral(Quoting.shellWord(path(on: node)))
        return "COPY (VALUES \(rows)) TO PROGRAM \(program)"
    }

    /// Reads the detail of a failed `COPY … TO PROGRAM`: "child process exited with exit code 76".
    public static func outcome(programDetail detail: String) -> Outcome {
        guard let range = detail.range(of: "exit code ") else {
            return .failed(status: -1, output: detail)
        }
        let digits = detail[range.upperBound...].prefix { $0.isNumber }
        return outcome(status: Int32(digits) ?? -1, output: detail)
    }
}

/// Exit statuses that hooks and node programs agree on.
enum ExitStatus {
    /// The wrapper found no such program.
    static let noProgram: Int32 = 66
    static let tryAgain: Int32 = 75
    static let stale: Int32 = 76
    /// timeout(1): the deadline passed.
    static let deadline: Int32 = 124

    /// The hook did not run: a damaged stamp (70), no space for the stamp (73), or the machine could not
    /// be reached again (-1).
    static func isNoHooks(_ status: Int32) -> Bool { [noProgram, 70, 73, -1].contains(status) }
}

extension Stamp {
    /// `TERM.STEP`, as `node-apply` prints it.
    init?(nodeText text: some StringProtocol) {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count == 2, let term = Int(halves[0]), let step = Int(halves[1]) else {
            return nil
        }
        self.init(term: Term(term), step: Revision(step))
    }
}
