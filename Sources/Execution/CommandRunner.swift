/// Runs commands on one machine: here (`LocalRunner`) or on a VM over SSH (`SSHRunner`).
///
/// A command that exits with a status other than 0, is killed, or outlives its deadline is a
/// *result*, not an error. An error means that the command could not be started, or that the
/// connection was lost while it ran (`ExecutionError.Code.lost`: what it did is unknown).
public protocol CommandRunner: Sendable {
    /// Where commands run, for messages: `localhost`, `postgres@10.0.0.1:22`.
    var place: String { get }

    /// Runs one command to its end or its deadline. Past the deadline the whole process group gets
    /// SIGTERM, two seconds later SIGKILL; the same happens when the calling task is cancelled.
    func run(_ command: Command) async throws(ExecutionError) -> CommandResult

    /// Leaves a file with exactly these bytes and this mode at `path`, atomically (written beside,
    /// renamed over). Parent directories must exist.
    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError)

    /// Closes held connections. Running commands end as `lost`.
    func close() async
}

/// One command: what runs, what it may know, how long it may take.
public struct Command: Hashable, Sendable {
    /// Program and arguments. They reach the program unchanged: no shell interprets them.
    public var arguments: [String]
    /// The whole environment beside PATH, HOME and LANG; nothing else is inherited.
    public var environment: [String: String]
    public var standardInput: [UInt8]
    /// From the start to the end of the process, without connecting.
    public var timeout: Duration
    /// How much of each stream is kept: its last bytes.
    public var outputLimitBytes: Int

    public init(
        _ arguments: [String], environment: [String: String] = [:], standardInput: [UInt8] = [],
        timeout: Duration, outputLimitBytes: Int = 64 * 1024
    ) {
        self.arguments = arguments
        self.environment = environment
        self.standardInput = standardInput
        self.timeout = timeout
        self.outputLimitBytes = outputLimitBytes
    }
}

public struct CommandResult: Hashable, Sendable {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signaled(String)
        case timedOut
    }

    public var ending: Ending
    /// The last `outputLimitBytes` of each stream.
    public var standardOutput: [UInt8]
    public var standardError: [UInt8]
    /// Whether the beginning of a stream was dropped to stay within the limit.
    public var isTruncated: Bool
    public var duration: Duration

    public init(
        ending: Ending, standardOutput: [UInt8] = [], standardError: [UInt8] = [],
        isTruncated: Bool = false, duration: Duration = .zero
    ) {
        self.ending = ending
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.isTruncated = isTruncated
        self.duration = duration
    }

    public var isSuccess: Bool { ending == .exited(0) }
    /// Streams as text; bytes that are not UTF-8 are replaced.
    public var output: String { String(decoding: standardOutput, as: UTF8.self) }
    public var errorOutput: String { String(decoding: standardError, as: UTF8.self) }
}

/// Why a command could not be run: what, to whom, because of what, and what to do next.
public struct ExecutionError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        case refused = "ssh.refused"
        case unreachable = "ssh.unreachable"
        case timedOut = "ssh.timed_out"
        case handshake = "ssh.handshake"
        case hostKeyUnknown = "ssh.host_key_unknown"
        case hostKeyChanged = "ssh.host_key_changed"
        case authentication = "ssh.authentication"
        case identityUnreadable = "ssh.identity_unreadable"
        case keyTypeUnsupported = "ssh.key_type_unsupported"
        case channel = "ssh.channel"
        case transfer = "ssh.transfer"
        case notFound = "command.not_found"
        case notStarted = "command.not_started"
        /// The connection broke while the command ran: what it did is unknown.
        case lost = "command.lost"
    }

    public var code: Code
    /// What could not be done, and to whom.
    public var subject: String
    public var because: String
    /// What to do next.
    public var next: String

    public init(_ code: Code, _ subject: String, because: String, next: String) {
        self.code = code
        self.subject = subject
        self.because = because
        self.next = next
    }

    /// True when the command may have run: the outcome must be looked at, not assumed.
    public var outcomeIsUnknown: Bool { code == .lost }

    public var description: String { "\(subject)\n  because \(because)\n  next: \(next)" }
}
