import Reactor

/// The sessions of one target. Up to eight commands share a session (sshd's `MaxSessions` is 10 by
/// default); when all are busy another one is opened.
actor SSHLane {
    private struct Slot {
        var session: SSHSession
        var load: Int
    }

    private let target: SSHTarget
    private let poller = Poller.shared
    private var slots: [Slot] = []
    private var isConnecting = false
    private var waiting: Set<UInt64> = []
    private var failure: (count: Int, error: ExecutionError?) = (0, nil)
    /// After a failed connect beside sessions that work: when another one is tried.
    private var connectNotBefore = ContinuousClock.now
    /// Commands per session; less where a server allows less.
    private var channelsMax = 8
    private static let sessionsMax = 8

    init(_ target: SSHTarget) { self.target = target }

    func connect() async throws(ExecutionError) {
        release(try await acquire(for: "connect"))
    }

    func close() async {
        let sessions = slots.map(\.session)
        slots = []
        for session in sessions { await session.close() }
        wakeWaiting()
    }

    // MARK: Sessions

    /// A session with room for one more channel. Nothing has started while this waits, so that a
    /// cancellation simply ends it.
    private func acquire(for what: String) async throws(ExecutionError) -> SSHSession {
        let deadline = ContinuousClock.now + max(target.connectTimeout * 2, .seconds(30))
        let failuresSeen = failure.count
        while true {
            dropBroken()
            if let index = slots.firstIndex(where: { $0.load < channelsMax }) {
                slots[index].load += 1
                return slots[index].session
            }
            if slots.isEmpty, failure.count != failuresSeen, let error = failure.error {
                throw error
            }
            var wakeAt = deadline
            if slots.count < Self.sessionsMax, !isConnecting {
                if connectNotBefore <= .now || slots.isEmpty {
                    openAnother()
                } else {
                    wakeAt = min(deadline, connectNotBefore)
                }
            }
            let token = poller.makeToken()
            waiting.insert(token)
            do {
                _ = try await poller.wait(fd: -1, for: [], until: wakeAt, token: token)
            } catch {
                if waiting.remove(token) == nil { poller.retire(token) }
                if Task.isCancelled {
                    throw ExecutionError(
                        .notStarted, "did not \(what) on \(target.place)",
                        because: "the operation was cancelled", next: "start the operation again")
                }
                guard deadline > .now else {
                    throw ExecutionError(
                        .timedOut, "cannot \(what) on \(target.place)",
                        because: "\(slots.reduce(0) { $0 + $1.load }) commands are running there "
                            + "and none has ended in time",
                        next: "look at what runs there for so long")
                }
            }
        }
    }

    private func release(_ session: SSHSession) {
        if let index = slots.firstIndex(where: { $0.session === session }) {
            slots[index].load -= 1
        }
        wakeWaiting()
    }

    private func dropBroken() {
        slots.removeAll { slot in
            let isDead =
                slot.session.isBroken || (slot.load == 0 && slot.session.isClosedByServer)
            if isDead { Task { await slot.session.close() } }
            return isDead
        }
    }

    /// One connect at a time: sshd drops connections at random when too many log in together.
    private func openAnother() {
        isConnecting = true
        let target = target
        Task {
            do throws(ExecutionError) {
                connected(.success(try await SSHSession.open(target)))
            } catch {
                connected(.failure(error))
            }
        }
    }

    private func connected(_ result: Result<SSHSession, ExecutionError>) {
        isConnecting = false
        switch result {
        case .success(let session):
            slots.append(Slot(session: session, load: 0))
        case .failure(let error):
            failure = (failure.count + 1, error)
            connectNotBefore = .now + .seconds(1)
        }
        wakeWaiting()
    }

    private func wakeWaiting() {
        let tokens = waiting
        waiting.removeAll()
        for token in tokens { poller.wake(token) }
    }

    // MARK: Commands

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        let program = command.arguments[0]
        var attempt = 0
        while true {
            let session = try await acquire(for: "run \(program)")
            attempt += 1
            let control = ExecControl()
            let remote = RemoteLine(command, marker: session.marker)
            let request = ExecRequest(
                line: remote.line, standardInput: remote.script + command.standardInput,
                outputLimitBytes: command.outputLimitBytes, timeout: command.timeout,
                marker: session.marker)
            let result = await follow(session, control) { [target] () throws(SessionFault) in
                try await session.exec(
                    request, control: control, keeper: self, openWithin: target.connectTimeout)
            }
            release(session)
            switch result {
            case .success(let outcome): return CommandResult(outcome)
            case .failure(let fault):
                if fault.mayHaveStarted {
                    throw ExecutionError(
                        .lost, "lost \(program) on \(target.place) while it ran",
                        because: fault.text,
                        next: "look at what it has done there before it is run again")
                }
                try retry(fault, attempt, "run \(program)")
            }
        }
    }

    /// Returns when a failure before the start deserves another try.
    private func retry(
        _ fault: SessionFault, _ attempt: Int, _ what: String
    ) throws(ExecutionError) {
        if fault.kind == .refused, attempt < 8 {
            // The server allows fewer channels per session than its default.
            let load = slots.map(\.load).max() ?? 0
            channelsMax = max(1, min(channelsMax - 1, load))
            return
        }
        if fault.kind != .refused, attempt < 2 { return }
        throw ExecutionError(
            .channel, "cannot \(what) on \(target.place)", because: fault.text,
            next: "look at sshd's log on \(target.host), at MaxSessions and at ForceCommand")
    }

    /// Runs the body to its end also when the calling task is cancelled: the cancellation ends the
    /// command's group instead.
    private func follow<Value: Sendable>(
        _ session: SSHSession, _ control: ExecControl,
        _ body: @escaping @Sendable () async throws(SessionFault) -> Value
    ) async -> Result<Value, SessionFault> {
        let task = Task { () -> Result<Value, SessionFault> in
            do throws(SessionFault) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            control.update { $0.isCancelled = true }
            Task { await session.wakeAll() }
        }
    }

    // MARK: Files

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        let deadline = ContinuousClock.now + timeout
        let temporary = LocalFile.temporaryName(beside: path)
        var attempt = 0
        while true {
            let session = try await acquire(for: "write \(path)")
            attempt += 1
            let result = await follow(session, ExecControl()) { () throws(SessionFault) in
                try await session.write(contents, to: temporary, mode: mode, until: deadline)
            }
            release(session)
            guard case .failure(let fault) = result else { break }
            // The file beside is ours alone: writing it once more does no harm.
            if fault.kind == .broken, attempt < 2 { continue }
            if !session.isBroken {
                _ = await session.runControl(
                    ShellWord.join(["rm", "-f", "--", temporary]), timeout: .seconds(3))
            }
            throw ExecutionError(
                fault.kind == .timedOut ? .timedOut : .transfer,
                "cannot write \(path) on \(target.place)", because: fault.text,
                next: "check that \(LocalFile.directory(of: path)) exists there, is writable for "
                    + "\(target.user) and has space left")
        }
        let script = "mv -fT -- \"$1\" \"$2\" && sync -- \"$3\""
        let move = Command(
            ["sh", "-c", script, "sh", temporary, path, LocalFile.directory(of: path)],
            timeout: max(deadline - .now, .seconds(1)))
        let result = try await run(move)
        guard !result.isSuccess else { return }
        _ = try? await run(Command(["rm", "-f", "--", temporary], timeout: .seconds(3)))
        throw ExecutionError(
            result.ending == .timedOut ? .timedOut : .transfer,
            "cannot write \(path) on \(target.place)",
            because: result.ending == .timedOut
                ? "it took longer than \(timeout)" : result.errorOutput.trimmedLine,
            next: "check that \(path) is no directory and that its directory is writable")
    }
}

extension SSHLane: GroupKeeper {
    func endGroup(_ group: Int32, on session: SSHSession) async -> Bool {
        // The other side sends the SIGKILL, also when it hears nothing more from here.
        let script =
            "kill -s TERM -- -\(group) 2>/dev/null || exit 3; "
            + "(sleep 2; kill -s KILL -- -\(group)) </dev/null >/dev/null 2>&1 &"
        var helper = session
        var isFresh = false
        var status = await session.runControl(script, timeout: .seconds(3))
        if status == nil {
            do throws(ExecutionError) {
                helper = try await SSHSession.open(target)
                isFresh = true
                status = await helper.runControl(script, timeout: .seconds(5))
            } catch {
                return false
            }
        }
        let isEnded = await waitForEnd(of: group, on: helper, after: status)
        if isFresh { await helper.close() }
        return isEnded
    }

    private func waitForEnd(
        of group: Int32, on session: SSHSession, after status: Int32?
    ) async -> Bool {
        guard let status else { return false }
        guard status != 3 else { return true }
        let killed = ContinuousClock.now + .milliseconds(2300)
        var pause = Duration.milliseconds(20)
        while ContinuousClock.now < killed {
            try? await poller.sleep(until: min(.now + pause, killed))
            pause = min(pause * 2, .milliseconds(250))
            let alive = await session.runControl(
                "kill -s 0 -- -\(group) 2>/dev/null", timeout: .seconds(3))
            if let alive, alive != 0 { return true }
        }
        return true
    }

    func isGone(_ process: Int32, on session: SSHSession) async -> Bool {
        let status = await session.runControl(
            "kill -s 0 -- \(process) 2>/dev/null", timeout: .seconds(5))
        return status.map { $0 != 0 } ?? false
    }
}

extension CommandResult {
    init(_ outcome: ExecOutcome) {
        let ending: Ending =
            if outcome.timedOut {
                .timedOut
            } else if let signal = outcome.signal {
                .signaled(signal)
            } else {
                .exited(outcome.status)
            }
        self.init(
            ending: ending, standardOutput: outcome.output.bytes,
            standardError: outcome.error.bytes,
            isTruncated: outcome.output.hasDropped || outcome.error.hasDropped,
            duration: outcome.duration)
    }
}
