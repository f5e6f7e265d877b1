import Glibc
import Reactor
import Subprocess
import Synchronization
import SystemPackage

/// Runs commands on this machine, each in a session of its own.
public struct LocalRunner: CommandRunner {
    public init() {}

    public var place: String { "localhost" }

    public func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        try command.check(for: place)
        guard !Task.isCancelled else { throw command.cancelledBeforeStart(on: place) }
        let run = LocalRun(command)
        // The process outlives a cancellation until its group is ended: a task of its own.
        let task = Task { await run.perform() }
        return try await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            run.cancel()
        }.get()
    }

    public func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        let subject = "cannot write \(path) on \(place)"
        let result = await Blocking.run(until: .now + timeout) {
            LocalFile.replace(path, with: contents, mode: mode)
        }
        switch result {
        case .success: return
        case .failure(let failure):
            throw ExecutionError(
                .transfer, subject, because: LocalFile.reason(failure.number),
                next: "check that \(LocalFile.directory(of: path)) exists, is writable for this "
                    + "user and has space left")
        case nil:
            throw ExecutionError(
                .timedOut, subject, because: "it took longer than \(timeout)",
                next: "look at the disk below \(LocalFile.directory(of: path))")
        }
    }

    public func close() async {}
}

/// One process from its start to the end of its group.
private final class LocalRun: Sendable {
    private struct State {
        var processID: pid_t?
        var isCancelled = false
        var isOver = false
        var wasEnded = false
        /// The token that the watch waits on; nil once it was woken.
        var watchToken: UInt64?
    }

    private let command: Command
    private let state = Mutex(State())
    private let poller = Poller.shared

    /// A process may end before it has read its input: writing on must not end this one.
    private static let ignoresBrokenPipes: Void = {
        _ = signal(SIGPIPE, SIG_IGN)
    }()

    init(_ command: Command) { self.command = command }

    func cancel() {
        state.withLock { $0.isCancelled = true }
        wakeWatch()
    }

    func perform() async -> Result<CommandResult, ExecutionError> {
        _ = Self.ignoresBrokenPipes
        let start = ContinuousClock.now
        let watch = Task { await guardDeadline(start + command.timeout) }
        let limit = command.outputLimitBytes
        do {
            let result = try await Subprocess.run(
                configuration(), input: .inputWriter, output: .sequence,
                error: .sequence
            ) { execution in
                state.withLock { $0.processID = execution.processIdentifier.value }
                wakeWatch()
                async let output = Self.tail(execution.standardOutput, limit: limit)
                async let error = Self.tail(execution.standardError, limit: limit)
                // Finished here in every case: where a process ends without reading its input, the
                // library would drop the writer open, and that traps.
                let writer = execution.standardInputWriter
                async let input: Void = Self.feed(writer, command.standardInput)
                return await (output, error, input)
            }
            let timedOut = await finish(watch)
            let (output, error, _) = result.closureResult
            let ending: CommandResult.Ending =
                switch result.terminationStatus {
                case _ where timedOut: .timedOut
                case .exited(let code): .exited(code)
                case .signaled(let signal): .signaled(SignalName.of(signal))
                }
            return .success(
                CommandResult(
                    ending: ending, standardOutput: output.bytes, standardError: error.bytes,
                    isTruncated: output.hasDropped || error.hasDropped,
                    duration: ContinuousClock.now - start))
        } catch {
            _ = await finish(watch)
            return failure(error, since: start)
        }
    }

    /// Ends the watch. True when it ended the group because of the deadline.
    private func finish(_ watch: Task<Void, Never>) async -> Bool {
        state.withLock { $0.isOver = true }
        wakeWatch()
        await watch.value
        return state.withLock { $0.wasEnded && !$0.isCancelled }
    }

    private func configuration() -> Configuration {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(
                signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
        ]
        let program = command.arguments[0]
        return Configuration(
            executable: program.contains("/") ? .path(FilePath(program)) : .name(program),
            arguments: Arguments(
                executablePathOverride: program,
                remainingValues: Array(command.arguments.dropFirst())),
            environment: .custom(environment().map { Array("\($0.key)=\($0.value)\0".utf8) }),
            platformOptions: options)
    }

    private func environment() -> [String: String] {
        var environment = ["LANG": "C.UTF-8"]
        for name in ["PATH", "HOME", "LANG"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        return environment.merging(command.environment) { $1 }
    }

    private static func feed(_ writer: StandardInputWriter, _ bytes: [UInt8]) async {
        if !bytes.isEmpty { _ = try? await writer.write(bytes) }
        try? await writer.finish()
    }

    private static func tail(_ stream: SubprocessOutputSequence, limit: Int) async -> TailBuffer {
        var tail = TailBuffer(limit: limit)
        do {
            for try await buffer in stream {
                buffer.withUnsafeBytes { tail.append($0) }
            }
        } catch {
            // The process closed its end in an unusual way: what was read so far is the output.
        }
        return tail
    }

    private func failure(
        _ error: any Error, since start: ContinuousClock.Instant
    ) -> Result<CommandResult, ExecutionError> {
        let program = command.arguments[0]
        if let error = error as? SubprocessError, error.code == .executableNotFound {
            // The same as a shell's, so that both runners answer alike.
            return .success(
                CommandResult(
                    ending: .exited(127),
                    standardError: Array("\(program): command not found\n".utf8),
                    duration: ContinuousClock.now - start))
        }
        return .failure(
            ExecutionError(
                .notStarted, "cannot run \(program) on localhost", because: "\(error)",
                next: "check that it exists, is executable and is built for this machine"))
    }
}

extension LocalRun {
    /// Ends the group at the deadline or on a cancellation, whichever comes before the process's
    /// own end.
    private func guardDeadline(_ deadline: ContinuousClock.Instant) async {
        while true {
            let token = poller.makeToken()
            let now = state.withLock { state in
                state.watchToken = token
                return state
            }
            if now.isOver { return }
            let isDue = now.isCancelled || deadline <= .now
            if isDue, let processID = now.processID {
                state.withLock { $0.wasEnded = true }
                await endGroup(processID)
                return
            }
            // Due, but not spawned yet: look again soon.
            _ = try? await poller.wait(
                fd: -1, for: [], until: isDue ? .now + .milliseconds(10) : deadline, token: token)
            let wasWoken = state.withLock { state in
                defer { state.watchToken = nil }
                return state.watchToken == nil
            }
            if wasWoken { poller.retire(token) }
        }
    }

    private func wakeWatch() {
        let token = state.withLock { state in
            defer { state.watchToken = nil }
            return state.watchToken
        }
        if let token { poller.wake(token) }
    }

    /// SIGTERM to the group, SIGKILL two seconds later to what is left of it.
    private func endGroup(_ group: pid_t) async {
        kill(-group, SIGTERM)
        let deadline = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < deadline {
            guard kill(-group, 0) == 0 else { return }
            try? await poller.sleep(until: .now + .milliseconds(20))
        }
        kill(-group, SIGKILL)
    }
}

/// Names of signals as SSH sends them: without SIG.
enum SignalName {
    private static let names: [Int32: String] = [
        SIGABRT: "ABRT", SIGALRM: "ALRM", SIGBUS: "BUS", SIGFPE: "FPE", SIGHUP: "HUP",
        SIGILL: "ILL", SIGINT: "INT", SIGKILL: "KILL", SIGPIPE: "PIPE", SIGQUIT: "QUIT",
        SIGSEGV: "SEGV", SIGTERM: "TERM", SIGUSR1: "USR1", SIGUSR2: "USR2", SIGTRAP: "TRAP",
        SIGSYS: "SYS", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ",
    ]

    static func of(_ number: Int32) -> String { names[number] ?? "\(number)" }
}
