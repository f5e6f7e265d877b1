import ClusterFile
import FailoverCore
import Hooks
import PostgresClient
import Rendering

/// What points a node at an upstream: follow, rejoin, clone.
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
            await dropStaleSlots(work, on: link)
            return .none
        }
        try results(outcome, of: .followCommand)
        await dropStaleSlots(work, on: link)
        return .none
    }

    func rejoin(
        _ work: EffectWork, _ method: RejoinMethod, _ attachment: Effect.Attachment,
        switchLSN: LSN
    ) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let source = try self.link(attachment.upstream)
        if method == .rewind { try await checkpoint(source) }
        let inspection = beside { () throws(Ended) in try await inspect(link) }
        _ = try await makeSlots([attachment.slot], on: source)
        try await apply(
            work, to: link, upstream: upstream(attachment, of: link), overSQL: false)
        try await stopIfRunning(work, link, inspection, before: .rejoinCommand)
        let outcome = await runHook(
            .rejoinCommand, work, on: link, attachment: attachment, switchLSN: switchLSN,
            extra: ["TOOLKIT_REJOIN_METHOD": method.rawValue])
        let results = try results(outcome, of: .rejoinCommand)
        await dropStaleSlots(work, on: link)
        return .rejoined(rewoundFrom: results["rewound_from"].flatMap { LSN($0) })
    }

    func clone(_ work: EffectWork, _ attachment: Effect.Attachment) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let source = try self.link(attachment.upstream)
        let inspection = beside { () throws(Ended) in try await inspect(link) }
        let slots = beside { () throws(Ended) in
            try await makeSlots([attachment.slot], on: source)
        }
        try await apply(
            work, to: link, upstream: upstream(attachment, of: link), overSQL: false)
        _ = try await slots.value.get()
        try await stopIfRunning(work, link, inspection, before: .cloneCommand)
        let outcome = await runHook(.cloneCommand, work, on: link, attachment: attachment)
        try results(outcome, of: .cloneCommand)
        // No base backup brings slots along; a copy of another kind may.
        if !isDefault(.cloneCommand) { await dropStaleSlots(work, on: link) }
        return .none
    }

    /// Neither rejoin nor clone touches a data directory in use: a server that starts after the
    /// inspection, made while the node's files are written, is refused by the hook itself. A repeated
    /// step finds the server that it has started itself: the wrapper knows, and lets that run.
    private func stopIfRunning(
        _ work: EffectWork, _ link: NodeLink,
        _ inspection: Task<Result<FailoverCore.NodeInspection, Ended>, Never>,
        before hook: HookName
    ) async throws(Ended) {
        guard try await inspection.value.get().isPostmasterRunning else { return }
        let outcome = await runHook(
            .serviceStopCommand, work, on: link,
            extra: ["TOOLKIT_STOP_MODE": "fast", "TOOLKIT_STOP_BEFORE": hook.rawValue])
        try results(outcome, of: .serviceStopCommand)
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
