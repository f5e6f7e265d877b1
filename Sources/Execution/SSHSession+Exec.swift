import CLibSSH2

/// One command line for the login shell of the other side.
struct ExecRequest: Sendable {
    var line: String
    var standardInput: [UInt8] = []
    var outputLimitBytes = 64 * 1024
    var timeout: Duration
    /// Announced by the command on its first line of output; nil: no line is expected.
    var marker: String?
}

struct ExecOutcome: Sendable {
    var status: Int32
    var signal: String?
    var timedOut: Bool
    var output: TailBuffer
    var error: TailBuffer
    var duration: Duration
}

/// Ends a process group, or looks whether a process is there, by ways beside the command itself.
protocol GroupKeeper: Sendable {
    /// True when the group got SIGTERM and, where needed, SIGKILL.
    func endGroup(_ group: Int32, on session: SSHSession) async -> Bool
    func isGone(_ process: Int32, on session: SSHSession) async -> Bool
}

extension SSHSession {
    func openChannel(
        until deadline: ContinuousClock.Instant
    ) async throws(SessionFault) -> OpaquePointer {
        guard await opening.enter(until: deadline) else {
            throw SessionFault(kind: .timedOut, text: "no channel was opened in time")
        }
        let result: Result<OpaquePointer, SessionFault>
        do throws(SessionFault) {
            nonisolated(unsafe) let channel = try await callForPointer(
                "the server opened no channel", until: deadline
            ) {
                libssh2_channel_open_ex($0, "session", 7, 2 << 20, 32768, nil, 0)
            }
            result = .success(channel)
        } catch {
            // Half-opened: what comes next on this session cannot be told apart.
            if error.kind == .timedOut { breakOff(error.text) }
            result = .failure(error)
        }
        await opening.leave()
        nonisolated(unsafe) let channel = try result.get()
        return channel
    }

    /// Runs one command line. Must run in a task that is never cancelled: the caller sets
    /// `control.isCancelled` and wakes the session in its place.
    func exec(
        _ request: ExecRequest, control: ExecControl, keeper: (any GroupKeeper)?,
        openWithin openTimeout: Duration
    ) async throws(SessionFault) -> ExecOutcome {
        let openDeadline = ContinuousClock.now + openTimeout
        nonisolated(unsafe) let channel = try await openChannel(until: openDeadline)
        var hasStarted = false
        do throws(SessionFault) {
            try await start(request.line, on: channel, until: openDeadline)
            hasStarted = true
            var run = ChannelRun(channel, request)
            try await follow(&run, control: control, keeper: keeper)
            let outcome = run.outcome(session: handle)
            await release(channel)
            return outcome
        } catch {
            if !isBroken { await release(channel) }
            throw SessionFault(
                kind: error.kind, text: error.text,
                mayHaveStarted: hasStarted || error.kind != .refused)
        }
    }

    /// One at a time: libssh2 fails with -1 when the answer that it reads is another channel's.
    private func start(
        _ line: String, on channel: OpaquePointer, until deadline: ContinuousClock.Instant
    ) async throws(SessionFault) {
        guard await opening.enter(until: deadline) else {
            throw SessionFault(kind: .timedOut, text: "no command was started in time")
        }
        nonisolated(unsafe) let channel = channel
        let result: Result<Void, SessionFault>
        do throws(SessionFault) {
            let code = try await call("the server took no command", until: deadline) { _ in
                libssh2_channel_process_startup(channel, "exec", 4, line, UInt32(line.utf8.count))
            }
            result =
                code == 0
                ? .success(()) : .failure(fault(.refused, "the server took no command"))
        } catch {
            if error.kind == .timedOut { breakOff(error.text) }
            result = .failure(error)
        }
        await opening.leave()
        try result.get()
    }

    /// Moves data until the command is over, ends its group when that is due, and looks now and
    /// then whether only a grandchild still holds the streams.
    private func follow(
        _ run: inout ChannelRun, control: ExecControl, keeper: (any GroupKeeper)?
    ) async throws(SessionFault) {
        var isEnding = false
        var leaveAt: ContinuousClock.Instant?
        var probeAt = run.start + .milliseconds(500)
        var probeInterval = Duration.milliseconds(500)
        while true {
            guard !isBroken else { throw fault(.broken, "the command is running") }
            let step = run.move()
            if case .failed(let code) = step {
                try check(code, "the connection broke")
                throw fault(.refused, "the streams of the command broke")
            }
            if case .over = step {
                run.isOver = true
                return
            }
            if case .moved = step {
                wakeAll()
                await Task.yield()
                // A stream that never stops must not keep the deadline from acting.
            }
            let now = ContinuousClock.now
            let state = control.now
            run.isCancelled = state.isCancelled
            if state.groupEnded == false {
                throw SessionFault(
                    kind: .broken,
                    text: "the deadline passed and its processes could not be ended")
            }
            if state.groupEnded == true || state.leaderIsGone {
                let limit = leaveAt ?? now + .milliseconds(300)
                leaveAt = limit
                if now >= limit { return }
            }
            if !isEnding, now >= run.deadline || state.isCancelled {
                run.timedOut = run.timedOut || !state.isCancelled
                guard let keeper else {
                    throw SessionFault(kind: .timedOut, text: "no answer in time")
                }
                if let group = run.group {
                    isEnding = true
                    endGroup(group, keeper, control)
                } else if now >= run.deadline + .seconds(5) {
                    throw SessionFault(
                        kind: .timedOut, text: "the command did not report its start")
                }
            } else if let keeper, let group = run.group, !isEnding, !state.leaderIsGone,
                now >= probeAt
            {
                probeInterval = min(probeInterval * 2, .seconds(5))
                probeAt = now + probeInterval
                probe(group, keeper, control)
            }
            if case .moved = step { continue }
            var next = min(probeAt, leaveAt ?? probeAt)
            if !isEnding { next = min(next, run.deadline) }
            if next <= now { next = now + .milliseconds(100) }
            do throws(SessionFault) {
                try await park(until: next, "the command is running")
            } catch {
                guard error.kind == .timedOut else { throw error }
            }
        }
    }

    private func endGroup(_ group: Int32, _ keeper: any GroupKeeper, _ control: ExecControl) {
        Task {
            let isEnded = await keeper.endGroup(group, on: self)
            control.update { $0.groupEnded = isEnded }
            wakeAll()
        }
    }

    private func probe(_ process: Int32, _ keeper: any GroupKeeper, _ control: ExecControl) {
        Task {
            guard await keeper.isGone(process, on: self) else { return }
            control.update { $0.leaderIsGone = true }
            wakeAll()
        }
    }

    /// Closes and frees a channel; a server that does not answer costs the session.
    private func release(_ channel: OpaquePointer) async {
        nonisolated(unsafe) let channel = channel
        let deadline = ContinuousClock.now + .seconds(5)
        do {
            _ = try await call("closing a channel", until: deadline) { _ in
                libssh2_channel_close(channel)
            }
            _ = try await call("freeing a channel", until: deadline) { _ in
                libssh2_channel_free(channel)
            }
        } catch {
            breakOff(error.text)
        }
    }

    /// Runs a short script of ours on one of the channels kept for that: its exit status.
    func runControl(_ script: String, timeout: Duration) async -> Int32? {
        let deadline = ContinuousClock.now + timeout
        guard await controlling.enter(until: deadline) else { return nil }
        let request = ExecRequest(line: script, timeout: timeout)
        var status: Int32?
        do {
            let outcome = try await exec(
                request, control: ExecControl(), keeper: nil, openWithin: timeout)
            status = outcome.signal == nil ? outcome.status : nil
        } catch {
            status = nil
        }
        await controlling.leave()
        return status
    }
}
