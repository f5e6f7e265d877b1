import ClusterFile
import FailoverCore
import Hooks
import PostgresClient

extension Executor {
    /// PROTOCOL 4.4 SealNode: a seal is observed, not commanded.
    func seal(_ work: EffectWork) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let timeout = Duration.milliseconds(settings.policy.timers.sealTimeout)
        let deadline = ContinuousClock.now + timeout
        try await apply(work, to: link)
        let session = try await readBack(link) {
            $0.conninfo.isEmpty && $0.restoreCommand.isEmpty && $0.stamp == work.stamp
        }
        do throws(Ended) {
            let proof = try await SealWatch(executor: self, work: work, link: link)
                .proof(session, until: deadline)
            await session.close()
            return .sealed(proof)
        } catch {
            await session.close()
            throw error
        }
    }
}

/// Looks at a standby whose upstream was taken away until it is seen cut off and drained, and
/// pushes harder the longer that takes.
struct SealWatch {
    let executor: Executor
    let work: EffectWork
    let link: NodeLink

    /// Two samples this far apart make a proof.
    private static let apart = Duration.milliseconds(20)
    private static let pace = Duration.milliseconds(5)

    private struct Sample {
        var isInRecovery: Bool
        var hasReceiver: Bool
        var startupWait: String
        var replayed: LSN
        var isPaused: Bool

        /// All local WAL is replayed and nothing can bring more.
        var isDrained: Bool { !hasReceiver && startupWait == "RecoveryRetrieveRetryInterval" }
    }

    private static let sampleSQL = """
        SELECT pg_is_in_recovery(),
          EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'walreceiver'),
          coalesce((SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup'), ''),
          CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_flush_lsn() END,
          CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END
        """

    func proof(
        _ first: Connection, until deadline: ContinuousClock.Instant
    ) async throws(Ended) -> SealProof {
        let start = ContinuousClock.now
        var session = first
        var escalation = Escalation()
        var drainedSince: (moment: ContinuousClock.Instant, replayed: LSN)?
        while ContinuousClock.now < deadline {
            let sample = try await self.sample(session)
            let now = ContinuousClock.now
            if !sample.isInRecovery { return try await read(session, isOutOfRecovery: true) }
            if sample.isDrained {
                if let since = drainedSince, since.replayed == sample.replayed {
                    if now - since.moment >= Self.apart {
                        return try await read(session, position: sample.replayed)
                    }
                } else {
                    drainedSince = (now, sample.replayed)
                }
            } else {
                drainedSince = nil
                let isPaused = sample.isPaused
                if let step = escalation.next(after: now - start, isPaused: isPaused) {
                    work.notes.add("\(now - start): \(step.rawValue)")
                    if let restarted = try await push(step, session, until: deadline) {
                        session = restarted
                    }
                }
            }
            await executor.pause(Self.pace)
        }
        throw .unknown("not seen cut off and drained within the seal timeout")
    }

    private func sample(_ session: Connection) async throws(Ended) -> Sample {
        let row = try await executor.sql { () throws(PostgresError) in
            try await session.query(Self.sampleSQL, timeout: .seconds(1)).single().values
        }
        return Sample(
            isInRecovery: row[0] == "t", hasReceiver: row[1] == "t", startupWait: row[2] ?? "",
            replayed: row[3].flatMap { LSN($0) } ?? .zero, isPaused: row[4] == "t")
    }

    /// Timeline, history and position in one statement; `position` must still hold.
    private func read(
        _ session: Connection, position: LSN? = nil, isOutOfRecovery: Bool = false
    ) async throws(Ended) -> SealProof {
        let row = try await executor.sql { () throws(PostgresError) in
            try await session.query(ProbeQuery.sql, timeout: .seconds(1)).single().values
        }
        guard let seen = ProbeQuery.observation(row) else {
            throw .failed("its timeline or history can't be read")
        }
        guard isOutOfRecovery == !seen.isInRecovery, position == nil || position == seen.position,
            seen.receiver == nil
        else { throw .tryAgain("it went on while its position was read") }
        return SealProof(
            position: seen.position, timeline: seen.timeline, history: seen.history,
            isOutOfRecovery: isOutOfRecovery, postmasterStart: seen.postmasterStart)
    }
}

// MARK: - When settings alone don't end the receiver (F11)

extension SealWatch {
    private struct Escalation {
        enum Step: String {
            case unblock = "replay resumed, blocking sessions ended"
            case disconnect = "standby_disconnect_command"
            case restart = "service_restart_command"
        }

        private var taken: Set<Step> = []

        /// Paused replay never ends the receiver by itself: no reason to wait.
        mutating func next(after elapsed: Duration, isPaused: Bool) -> Step? {
            if elapsed >= .milliseconds(1_500) { return take(.restart) }
            if elapsed >= .milliseconds(500) { return take(.disconnect) }
            if elapsed >= .milliseconds(150) || isPaused { return take(.unblock) }
            return nil
        }

        private mutating func take(_ step: Step) -> Step? {
            taken.insert(step).inserted ? step : nil
        }
    }

    /// The startup process is held by a lock (pg_blocking_pids), or by a snapshot or a pinned
    /// buffer, which no lock shows.
    static let unblockSQL = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity AS other
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
          AND NOT coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), true)
          AND EXISTS (
            SELECT FROM pg_stat_activity AS startup WHERE startup.backend_type = 'startup'
              AND (other.pid = ANY (pg_blocking_pids(startup.pid))
                OR (startup.wait_event LIKE 'RecoveryConflict%' OR startup.wait_event = 'BufferPin')
                  AND other.backend_xmin IS NOT NULL))
        """

    /// Returns a new session when the server was restarted.
    private func push(
        _ step: Escalation.Step, _ session: Connection, until deadline: ContinuousClock.Instant
    ) async throws(Ended) -> Connection? {
        switch step {
        case .unblock:
            try await executor.sql { () throws(PostgresError) in
                _ = try await session.query("SELECT pg_wal_replay_resume()", timeout: .seconds(1))
                _ = try await session.query(Self.unblockSQL, timeout: .seconds(1))
            }
            return nil
        case .disconnect:
            _ = await executor.runHook(.standbyDisconnectCommand, work, on: link)
            return nil
        case .restart:
            _ = await executor.runHook(.serviceRestartCommand, work, on: link)
            await session.close()
            while true {
                do throws(PostgresError) {
                    return try await link.connect(within: .seconds(1))
                } catch {
                    guard ContinuousClock.now < deadline else { throw .sql(error) }
                }
                await executor.pause(.milliseconds(20))
            }
        }
    }
}
