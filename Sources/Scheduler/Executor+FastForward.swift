import ClusterFile
import FailoverCore
import PostgresClient
import Rendering

extension Executor {
    /// A standby that is cut off fetches WAL from a peer that is cut off, too, and from nowhere
    /// else. For these moments `wal_keep_size` keeps what it needs: a slot would outlive them.
    func fastForward(
        _ work: EffectWork, _ attachment: Effect.Attachment, to end: LSN
    ) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let deadline =
            ContinuousClock.now + .milliseconds(settings.policy.timers.fastForwardTimeout)
        var source = try upstream(attachment, of: link)
        source.slot = ""
        try await apply(work, to: link, upstream: source, usesArchive: false)
        let session = try await readBack(link) {
            !$0.conninfo.isEmpty && $0.stamp == work.stamp
        }
        do throws(Ended) {
            try await replay(to: end, in: session, until: deadline)
            await session.close()
            return .none
        } catch {
            await session.close()
            throw error
        }
    }

    private func replay(
        to end: LSN, in session: Connection, until deadline: ContinuousClock.Instant
    ) async throws(Ended) {
        while true {
            let replayed = try await sql { () throws(PostgresError) in
                try await session.query("SELECT pg_last_wal_replay_lsn()", timeout: .seconds(1))
                    .single().values[0].flatMap { LSN($0) }
            }
            if let replayed, replayed >= end { return }
            guard ContinuousClock.now < deadline else {
                throw .unknown("replayed up to \(replayed ?? .zero), not \(end)")
            }
            await pause(.milliseconds(5))
        }
    }
}
