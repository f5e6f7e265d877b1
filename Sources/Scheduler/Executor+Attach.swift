import ClusterFile
import FailoverCore
import Hooks
import PostgresClient
import Rendering

/// What points a node at an upstream: follow, rejoin, clone, and the slots for it.
extension Executor {
    func follow(
        _ work: EffectWork, _ attachment: Effect.Attachment
    ) async throws(Ended) -> Proof {
        let link = try link(of: work)
        _ = try await makeSlots([attachment.slot], on: self.link(attachment.upstream))
        try await apply(work, to: link, upstream: upstream(attachment, of: link))
        let outcome = await runHook(.followCommand, work, on: link, attachment: attachment)
        if case .notStarted = outcome, isDefault(.followCommand) {
            // The upstream is written and reloaded already; the shipped script does no more.
            return .none
        }
        try results(outcome, of: .followCommand)
        return .none
    }

    func rejoin(
        _ work: EffectWork, _ method: RejoinMethod, _ attachment: Effect.Attachment,
        switchLSN: LSN
    ) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let source = try self.link(attachment.upstream)
        if method == .rewind { try await checkpoint(source) }
        _ = try await makeSlots([attachment.slot], on: source)
        try await apply(
            work, to: link, upstream: upstream(attachment, of: link), overSQL: false)
        try await stopIfRunning(work, link)
        let outcome = await runHook(
            .rejoinCommand, work, on: link, attachment: attachment, switchLSN: switchLSN,
            extra: ["TOOLKIT_REJOIN_METHOD": method.rawValue])
        let results = try results(outcome, of: .rejoinCommand)
        return .rejoined(rewoundFrom: results["rewound_from"].flatMap { LSN($0) })
    }

    func clone(_ work: EffectWork, _ attachment: Effect.Attachment) async throws(Ended) -> Proof {
        let link = try link(of: work)
        _ = try await makeSlots([attachment.slot], on: self.link(attachment.upstream))
        try await apply(
            work, to: link, upstream: upstream(attachment, of: link), overSQL: false)
        try await stopIfRunning(work, link)
        let outcome = await runHook(.cloneCommand, work, on: link, attachment: attachment)
        try results(outcome, of: .cloneCommand)
        return .none
    }

    /// Neither rejoin nor clone touches a data directory in use.
    private func stopIfRunning(_ work: EffectWork, _ link: NodeLink) async throws(Ended) {
        guard try await inspect(link).isPostmasterRunning else { return }
        let outcome = await runHook(
            .serviceStopCommand, work, on: link, extra: ["TOOLKIT_STOP_MODE": "fast"])
        try results(outcome, of: .serviceStopCommand)
    }

    /// Makes the slots that are missing; each keeps WAL from this moment on.
    func makeSlots(_ names: [String], on link: NodeLink) async throws(Ended) -> Proof {
        try await sql { () throws(PostgresError) in
            try await link.inNewSession(within: .seconds(2)) { (session) throws(PostgresError) in
                try await makeSlots(names, in: session)
            }
        }
        return .none
    }

    func makeSlots(_ names: [String], in session: Connection) async throws(PostgresError) {
        for name in names {
            do throws(PostgresError) {
                // An invalidated slot serves nobody again: its standby is cloned, under a new one.
                try await session.query(
                    """
                    SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
                    WHERE slot_name = $1 AND wal_status = 'lost' AND NOT active
                    """, [name], timeout: .seconds(5))
                try await session.query(
                    """
                    SELECT pg_create_physical_replication_slot($1, true) WHERE NOT EXISTS
                      (SELECT FROM pg_replication_slots WHERE slot_name = $1)
                    """, [name], timeout: .seconds(5))
            } catch {
                // Another attempt made it between the look and the call.
                guard error.sqlState == "42710" else { throw error }
            }
        }
    }

    /// pg_rewind reads the source's control file, where a promotion shows only after a checkpoint
    /// (F22a).
    private func checkpoint(_ source: NodeLink) async throws(Ended) {
        let deadline = ContinuousClock.now + .seconds(60)
        let session = try await sql { () throws(PostgresError) in
            try await source.connect(within: .seconds(2))
        }
        defer { Task { await session.close() } }
        while ContinuousClock.now < deadline {
            let isOnIt = try await sql { () throws(PostgresError) in
                try await session.query(
                    """
                    SELECT timeline_id = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))
                      ::bit(32)::int FROM pg_control_checkpoint()
                    """, timeout: .seconds(2)
                ).single().values[0] == "t"
            }
            if isOnIt { return }
            _ = try await sql { () throws(PostgresError) in
                try await session.query("CHECKPOINT", timeout: .seconds(60))
            }
        }
        throw .tryAgain("no checkpoint of the source shows its timeline")
    }
}
