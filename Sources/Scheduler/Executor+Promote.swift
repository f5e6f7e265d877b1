import ClusterFile
import Execution
import FailoverCore
import Hooks
import PostgresClient
import Rendering

extension Executor {
    /// Ends recovery of the candidate. It stays locked: every node file but the primary's opening
    /// holds the lock, and the hook's wrapper takes the same stamp as `node-apply`. So both run
    /// side by side, with the slots.
    func promote(_ work: EffectWork, slots: [String]) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let timeout = Duration.milliseconds(settings.policy.timers.promoteTimeout)
        let deadline = ContinuousClock.now + timeout
        let files = beside { () throws(Ended) in try await apply(work, to: link) }
        let made = beside { () throws(Ended) in try await makeSlots(slots, on: link) }
        defer {
            files.cancel()
            made.cancel()
        }
        let session = try await sql { () throws(PostgresError) in
            try await link.connect(within: .seconds(1))
        }
        do throws(Ended) {
            try await requestPromotion(work, link, session, files, until: deadline)
            let proof = try await promotion(session)
            _ = try await files.value.get()
            _ = try await made.value.get()
            await session.close()
            return .promoted(proof)
        } catch {
            await session.close()
            throw error
        }
    }

    /// Runs the hook and, beside it, watches for the end of recovery.
    private func requestPromotion(
        _ work: EffectWork, _ link: NodeLink, _ session: Connection,
        _ files: Task<Result<String, Ended>, Never>, until deadline: ContinuousClock.Instant
    ) async throws(Ended) {
        let hook = Task { () -> HookOutcome in await promoteByHook(work, link, files) }
        let ending = HookEnding()
        let watcher = Task { ending.set(await hook.value) }
        defer { watcher.cancel() }
        var nudged = ContinuousClock.now
        _ = try await sql { () throws(PostgresError) in
            try await session.query(SealWatch.unblockSQL, timeout: .seconds(1))
        }
        while true {
            let isInRecovery = try await sql { () throws(PostgresError) in
                try await session.query("SELECT pg_is_in_recovery()", timeout: .seconds(2))
                    .single().values[0] == "t"
            }
            guard isInRecovery else { return }
            if let outcome = ending.outcome { try results(outcome, of: .promoteCommand) }
            let now = ContinuousClock.now
            guard now < deadline else { throw .unknown("still in recovery after the promotion") }
            // A request that arrives as the stream ends is logged and then sleeps (F21a).
            if now - nudged >= .milliseconds(30) {
                nudged = now
                _ = try await sql { () throws(PostgresError) in
                    try await session.query("SELECT pg_reload_conf()", timeout: .seconds(2))
                }
            }
            await pause(.milliseconds(3))
        }
    }

    /// SQL in place of the shipped hook alone, which does no more: when the hook can't be started,
    /// or the runner is silent. One that starts late finds the node out of recovery.
    private func promoteByHook(
        _ work: EffectWork, _ link: NodeLink, _ files: Task<Result<String, Ended>, Never>
    ) async -> HookOutcome {
        let hook = Task { await runHook(.promoteCommand, work, on: link) }
        let isPlain = isDefault(.promoteCommand) && !hooks.hasDropIns(.promoteCommand)
        if isPlain, await Race.value(of: hook, within: link.silence.patience) == nil,
            case .success = await files.value, link.silence.isKept
        {
            work.notes.add("the runner is silent: promoted by SQL")
        } else {
            let outcome = await hook.value
            guard case .notStarted = outcome, isDefault(.promoteCommand) else { return outcome }
        }
        // SQL carries no stamp of its own: it comes after a node-apply that was not refused.
        if case .failure(let error) = await files.value {
            work.notes.add("not promoted by SQL: \(error.outcome)")
            return await hook.value
        }
        do throws(PostgresError) {
            _ = try await link.inNewSession(within: .seconds(2)) {
                (session) throws(PostgresError) in
                try await session.query("SELECT pg_promote(false)", timeout: .seconds(2))
            }
            return .done(results: [:], output: "")
        } catch {
            work.notes.add(error.description)
            return await hook.value
        }
    }

    private func promotion(_ session: Connection) async throws(Ended) -> PromotionProof {
        let row = try await sql { () throws(PostgresError) in
            try await session.query(ProbeQuery.sql, timeout: .seconds(2)).single().values
        }
        guard let seen = ProbeQuery.observation(row), !seen.isInRecovery,
            !seen.history.ancestors.isEmpty
        else { throw .unknown("promoted, but its timeline's history can't be read") }
        return PromotionProof(timeline: seen.timeline, history: seen.history)
    }

    /// Gives the opening, and looks from a new session whether it is in force.
    func open(_ work: EffectWork, names: String) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let text = try openConf(work.stamp, names: names)
        let bootID = try await apply(work, to: link, opening: .contents(text))
        let session = try await readBack(link) {
            $0.names == names && !$0.isReadOnly && $0.stamp == work.stamp
        }
        let isInRecovery = try await sql { () throws(PostgresError) in
            try await session.query("SELECT pg_is_in_recovery()", timeout: .seconds(2))
                .single().values[0] == "t"
        }
        await session.close()
        guard !isInRecovery else { throw .failed("it is in recovery: a standby can't be opened") }
        return .opened(bootID: bootID)
    }
}
