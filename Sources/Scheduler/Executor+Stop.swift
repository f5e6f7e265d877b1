import ClusterFile
import Execution
import FailoverCore
import Hooks
import PostgresClient

/// What starts, fences and stops a server.
extension Executor {
    func start(_ work: EffectWork, isSealed: Bool) async throws(Ended) -> Proof {
        let link = try link(of: work)
        if isSealed { try await apply(work, to: link, overSQL: false) }
        let outcome = await runHook(.serviceStartCommand, work, on: link)
        try results(outcome, of: .serviceStartCommand)
        return .none
    }

    /// Level 2 of PROTOCOL 4.7. Without a runner only level 1 is left: locked over SQL and
    /// clients ended, but not stopped, so the effect has failed.
    func fence(_ work: EffectWork) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let outcome = await runHook(.fenceCommand, work, on: link, permit: permit(work))
        guard case .notStarted(let error) = outcome else {
            try results(outcome, of: .fenceCommand)
            return .none
        }
        do throws(Ended) {
            try await apply(work, to: link)
            try await sql { () throws(PostgresError) in
                try await link.inNewSession(within: .seconds(2)) {
                    (session) throws(PostgresError) in
                    _ = try await endClients(session)
                }
            }
        } catch {
            work.notes.add("not locked over SQL either: \(error.outcome)")
            throw .failed("it can be neither stopped nor locked: \(tail(work.notes.text))")
        }
        throw .failed("locked over SQL, but not stopped: \(error.because)")
    }

    /// PROTOCOL 4.5, variant `stop`: the shutdown checkpoint is the last record of its WAL.
    func stopForSwitchover(_ work: EffectWork) async throws(Ended) -> Proof {
        let link = try link(of: work)
        do throws(PostgresError) {
            try await link.inNewSession(within: .seconds(2)) { (session) throws(PostgresError) in
                _ = try await session.query("CHECKPOINT", timeout: .seconds(60))
            }
        } catch {
            // An earlier attempt may have stopped it already: then only the proof is left.
            work.notes.add(Ended.oneLine(error))
        }
        try await apply(work, to: link, overSQL: false)
        let ending = HookEnding()
        let stopper = Task {
            ending.set(
                await runHook(
                    .serviceStopCommand, work, on: link, extra: ["TOOLKIT_STOP_MODE": "fast"]))
        }
        defer { stopper.cancel() }
        return .stopped(try await stopProof(link, ending))
    }

    private func stopProof(
        _ link: NodeLink, _ ending: HookEnding
    ) async throws(Ended) -> StopProof {
        let timeout = Duration.milliseconds(settings.policy.timers.switchoverTimeout)
        let deadline = ContinuousClock.now + timeout
        while ContinuousClock.now < deadline {
            // A look that begins after the hook's end sees what the hook left.
            let outcome = ending.outcome
            let seen = try await inspect(link)
            if seen.controlState == "shut down", !seen.isPostmasterRunning,
                let checkpoint = seen.checkpoint, let timeline = seen.timeline
            {
                return StopProof(checkpoint: checkpoint, timeline: timeline)
            }
            if let outcome {
                try results(outcome, of: .serviceStopCommand)
                throw .unknown("the stop was done, but pg_control says \(seen.controlState ?? "?")")
            }
            await pause(.milliseconds(10))
        }
        throw .unknown("not stopped within the switchover timeout")
    }
}
