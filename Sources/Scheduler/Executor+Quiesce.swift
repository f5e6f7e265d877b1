import ClusterFile
import FailoverCore
import PostgresClient
import Rendering

extension Executor {
    /// PROTOCOL 4.5, variant `quiesce`: what may take long comes before the lock; from the lock on
    /// the primary serves nobody, and every wait is short.
    func quiesce(_ work: EffectWork, target: String) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let session = try await sql { () throws(PostgresError) in
            try await link.connect(within: .seconds(2), writes: true)
        }
        do throws(Ended) {
            let handOver = HandOver(
                executor: self, work: work, link: link, target: target, session: session)
            let proof = try await handOver.prepareAndQuiesce()
            await session.close()
            return .quiesced(proof)
        } catch {
            await session.close()
            throw error
        }
    }

    /// Ends every session but our own, and logical subscriptions' workers: they acknowledge to
    /// their publisher. Nil: whatever the moment of its beginning.
    ///
    /// Returns how many of those that began by then are still there.
    func endClients(
        _ session: Connection, begunBy moment: String? = nil
    ) async throws(PostgresError) -> Int {
        let rows = try await session.query(
            Self.endClientsSQL, [moment], timeout: .seconds(2)
        ).values
        // Not even pg_signal_backend may end a superuser's session by SQL; the system's signal may.
        if rows.contains(where: { $0[1] == "t" }) {
            try await session.query(Self.signalSuperusersSQL, timeout: .seconds(2))
        }
        return rows.count { $0[0] == "t" }
    }

    /// The scheduler's own sessions write nothing that anybody is told.
    private static let foreignSessions = """
        (backend_type = 'client backend' OR backend_type LIKE 'logical replication %worker')
          AND pid <> pg_backend_pid()
          AND (usename, application_name) IS DISTINCT FROM (session_user, 'toolkit')
        """

    private static let isSuperusers = """
        NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
          AND coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), true)
        """

    private static let endClientsSQL = """
        SELECT coalesce(backend_start <= $1::timestamptz, true), \(isSuperusers),
          CASE WHEN NOT (\(isSuperusers)) THEN pg_terminate_backend(pid) END
        FROM pg_stat_activity WHERE \(foreignSessions)
        """

    /// The server runs the shell itself: no process can get one of these numbers meanwhile.
    private static let signalSuperusersSQL = """
        COPY (SELECT pid FROM pg_stat_activity WHERE \(foreignSessions) AND \(isSuperusers))
          TO PROGRAM 'while read -r pid; do kill -s TERM "$pid" || :; done 2>/dev/null'
        """
}

/// Takes the primary out of service so that its last record is known and the target has it.
private struct HandOver {
    let executor: Executor
    let work: EffectWork
    let link: NodeLink
    /// application_name of the successor.
    let target: String
    /// Opened before the lock and kept: never read-only, waits for no standby.
    let session: Connection

    /// For everything after the lock: two attempts, and an undo, in about ten seconds.
    private static let lockedTimeout = Duration.seconds(5)
    private static let pace = Duration.milliseconds(3)
    /// A target that is further behind would let everybody wait.
    private static let lagMax: UInt64 = 1 << 20

    func prepareAndQuiesce() async throws(Ended) -> QuiesceProof {
        try await checkpoint()
        try await targetIsClose()
        let deadline = ContinuousClock.now + Self.lockedTimeout
        try await executor.apply(work, to: link)
        let lockedAt = try await lockIsInForce(until: deadline)
        try await endSessions(begunBy: lockedAt, until: deadline)
        let (end, timeline) = try await lastRecord()
        try await targetHas(end, until: deadline)
        return QuiesceProof(end: end, timeline: timeline)
    }

    // MARK: Before the lock

    /// The old primary is stopped at once: what it replays then is what came after its checkpoint.
    private func checkpoint() async throws(Ended) {
        for _ in 1...2 {
            let began = ContinuousClock.now
            _ = try await ask("CHECKPOINT", within: .seconds(60))
            if ContinuousClock.now - began <= .seconds(2) { return }
        }
    }

    private func targetIsClose() async throws(Ended) {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            let lag = try await ask(
                """
                SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), min(replay_lsn))::bigint
                FROM pg_stat_replication WHERE application_name = $1
                """, [target])?[0].flatMap { UInt64($0) }
            if let lag, lag <= Self.lagMax { return }
            guard ContinuousClock.now < deadline else {
                throw .tryAgain(
                    "\(target) is \(lag.map { "\($0) bytes behind" } ?? "not connected"); "
                        + "nothing was locked")
            }
            await executor.pause(.milliseconds(50))
        }
    }

    // MARK: From the lock on

    /// When a new session has shown the lock, by the server's clock. Sessions that began later are
    /// locked from their first transaction on; older ones may be in the midst of one.
    private func lockIsInForce(until deadline: ContinuousClock.Instant) async throws(Ended)
        -> String
    {
        let witness = try await executor.readBack(
            link, within: deadline - ContinuousClock.now
        ) {
            $0.names == NodeFiles.lockedNames && $0.isReadOnly && $0.stamp == work.stamp
        }
        await witness.close()
        guard let moment = try await ask("SELECT clock_timestamp()")?[0] else {
            throw .unknown("the server's clock can't be read")
        }
        return moment
    }

    private func endSessions(
        begunBy moment: String, until deadline: ContinuousClock.Instant
    ) async throws(Ended) {
        while true {
            let left = try await executor.sql { () throws(PostgresError) in
                try await executor.endClients(session, begunBy: moment)
            }
            if left == 0 { return }
            guard ContinuousClock.now < deadline else {
                throw .failed("\(left) sessions of clients can't be ended")
            }
            await executor.pause(Self.pace)
        }
    }

    /// Its end, flushed here: nothing that was acknowledged lies behind it.
    private func lastRecord() async throws(Ended) -> (LSN, TimelineID) {
        let end = try await ask("SELECT pg_logical_emit_message(true, 'toolkit', '')")?[0]
        let timeline = try await ask(
            "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint"
        )?[0]
        guard let end = end.flatMap({ LSN($0) }), let timeline = timeline.flatMap({ UInt32($0) })
        else { throw .unknown("the position of the last record can't be read") }
        return (end, TimelineID(timeline))
    }

    private func targetHas(
        _ end: LSN, until deadline: ContinuousClock.Instant
    ) async throws(Ended) {
        while true {
            let row = try await ask(
                """
                SELECT min(flush_lsn), coalesce(min(flush_lsn) >= $2::pg_lsn, false)
                FROM pg_stat_replication WHERE application_name = $1
                """, [target, end.description])
            if row?[1] == "t" { return }
            guard ContinuousClock.now < deadline else {
                throw .failed(
                    "\(target) has not flushed \(end) in time "
                        + "(it is at \((row?[0]).map { "\($0)" } ?? "no position: not connected"))")
            }
            await executor.pause(Self.pace)
        }
    }

    private func ask(
        _ query: String, _ parameters: [String?] = [], within timeout: Duration = .seconds(2)
    ) async throws(Ended) -> [String?]? {
        try await executor.sql { () throws(PostgresError) in
            try await session.query(query, parameters, timeout: timeout).values.first
        }
    }
}
