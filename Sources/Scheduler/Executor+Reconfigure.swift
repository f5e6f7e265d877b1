import ClusterFile
import FailoverCore
import Hooks
import PostgresClient
import Rendering

extension Executor {
    /// PROTOCOL 2.3 steps 2 and 3. Not proven in time: the pair of configs stays, and it is tried
    /// again.
    func reconfigure(
        _ work: EffectWork, _ change: Effect.Reconfiguration
    ) async throws(Ended) -> Proof {
        let link = try link(of: work)
        let deadline = ContinuousClock.now + .seconds(10)
        let written = try await timeThere(link)
        let text = try openConf(work.stamp, names: change.standbyNames)
        try await apply(work, to: link, opening: .contents(text))
        let session = try await readBack(link) {
            $0.names == change.standbyNames && !$0.isReadOnly && $0.stamp == work.stamp
        }
        do throws(Ended) {
            let barrier = Barrier(
                executor: self, link: link, change: change, session: session, deadline: deadline)
            try await barrier.pass(loadedAfter: written)
            await session.close()
            return .none
        } catch {
            await session.close()
            throw error
        }
    }

    /// The node's clock; nil when clients hold all its connections. Commits that wait for a lost
    /// voter cause just that, and the very names that are to be written end it: what is read back
    /// bears the step, and says as well that the file was loaded.
    private func timeThere(_ link: NodeLink) async throws(Ended) -> String? {
        do throws(PostgresError) {
            return try await link.inNewSession(within: .seconds(2)) {
                (session) throws(PostgresError) in
                try await session.query("SELECT clock_timestamp()", timeout: .seconds(2))
                    .single().values[0]
            }
        } catch {
            if error.code == .tooManyConnections { return nil }
            throw .sql(error)
        }
    }
}

/// The proof that a quorum is in force on the primary: flag and value, every walsender, catch-up.
struct Barrier {
    let executor: Executor
    let link: NodeLink
    let change: Effect.Reconfiguration
    let session: Connection
    let deadline: ContinuousClock.Instant

    private static let pace = Duration.milliseconds(4)
    /// What all canaries of one try write together.
    private static let canariesMaxBytes = 64 * 1024 * 1024
    /// Flushed at once, so that every standby has something to answer. Waits for nobody: the
    /// session is at `synchronous_commit = local`.
    private static let pushSQL = "SELECT pg_logical_emit_message(true, 'toolkit', '')"

    private struct Sender {
        var pid: String
        var name: String
        var flush: LSN?
        var replyTime: String?
    }

    func pass(loadedAfter written: String?) async throws(Ended) {
        if let written {
            try await until("the configuration was not loaded again") { () throws(Ended) in
                try await value("SELECT pg_conf_load_time() > $1::timestamptz", [written]) == "t"
            }
        }
        guard change.required > 0 else { return }
        if change.startsFromNone { try await flagIsUp() }
        try await everySenderAnswered()
        try await newQuorumCaughtUp()
    }

    // MARK: (a) The checkpointer's flag (F6)

    /// A commit of its own session is *seen* waiting. One that has returned proves nothing, wherever
    /// its record has got to by now: it may not have waited. So a quick standby is given more to
    /// copy each time, up to a limit: a checkpointer that is stuck on a slow disk reads its
    /// configuration no sooner for it.
    private func flagIsUp() async throws(Ended) {
        var (tries, left) = (0, Self.canariesMaxBytes)
        try await until("commits do not wait for the standbys yet") { () throws(Ended) in
            if tries > 0 { await executor.pause(.milliseconds(min(2 << min(tries, 6), 100))) }
            // Twice 256 KiB, twice 1 MiB, then 4 MiB each.
            let size = 262_144 << (2 * min(tries / 2, 2))
            let bytes = size <= left ? size : 1
            (tries, left) = (tries + 1, left - bytes)
            let canary = try await executor.sql { () throws(PostgresError) in
                try await link.connect(within: .seconds(1))
            }
            let isWaiting = try await watch(canary, writing: bytes)
            await canary.close()
            return isWaiting
        }
    }

    private func watch(_ canary: Connection, writing bytes: Int) async throws(Ended) -> Bool {
        guard let pid = await canary.backendPID else { return false }
        let written = Task { () -> LSN? in
            _ = try? await canary.query("SET synchronous_commit = on", timeout: .seconds(1))
            let rows = try? await canary.query(
                "SELECT pg_logical_emit_message(true, 'toolkit', repeat('x', $1::int))",
                [String(bytes)], timeout: .seconds(2))
            return rows?.values.first?.first.flatMap { $0 }.flatMap { LSN($0) }
        }
        let returned = Returned()
        let collector = Task { returned.set(await written.value) }
        defer { collector.cancel() }
        while ContinuousClock.now < deadline {
            if returned.result != nil { return false }
            let isWaiting = try await value(
                "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $1::int",
                [String(pid)])
            if isWaiting == "t" {
                // It must not stay behind, waiting (F31).
                _ = try await value("SELECT pg_terminate_backend($1::int)", [String(pid)])
                _ = await collector.value
                return true
            }
            await executor.pause(.milliseconds(1))
        }
        return false
    }

    // MARK: (b) Every walsender has taken the value (F7)

    private func everySenderAnswered() async throws(Ended) {
        var seen: [String: (reply: String?, changes: Int)] = [:]
        for sender in try await senders(change.everyVoter) {
            seen[sender.pid] = (sender.replyTime, 0)
        }
        try await until("a walsender's standby does not answer") { () throws(Ended) in
            _ = try await value(Self.pushSQL)
            let present = try await senders(change.everyVoter)
            let pids = Set(present.map(\.pid))
            seen = seen.filter { pids.contains($0.key) }
            for sender in present {
                guard let last = seen[sender.pid], last.reply != sender.replyTime else { continue }
                seen[sender.pid] = (sender.replyTime, last.changes + 1)
            }
            return seen.values.allSatisfy { $0.changes >= 2 }
        }
    }

    // MARK: (c) What the old quorum acknowledged alone is held by the new one

    private func newQuorumCaughtUp() async throws(Ended) {
        let end =
            try await value("SELECT pg_current_wal_insert_lsn()").flatMap { LSN($0) } ?? .zero
        var flushed: [String: LSN] = [:]
        try await until(
            "the new quorum has not caught up to \(end): \(positions(flushed))"
        ) { () throws(Ended) in
            _ = try await value(Self.pushSQL)
            flushed = try await flushedByVoters()
            return covered(flushed) >= end
        }
    }

    /// What k voters of the new config have flushed: the k-th largest position.
    private func covered(_ flushed: [String: LSN]) -> LSN {
        let sorted = flushed.values.sorted(by: >)
        return sorted.count >= change.required ? sorted[change.required - 1] : .zero
    }

    private func flushedByVoters() async throws(Ended) -> [String: LSN] {
        var flushed: [String: LSN] = [:]
        for sender in try await senders(change.voters) {
            let flush = sender.flush ?? .zero
            flushed[sender.name] = min(flushed[sender.name] ?? flush, flush)
        }
        return flushed
    }

    private func positions(_ flushed: [String: LSN]) -> String {
        change.voters.map { name in
            "\(name) \(flushed[name].map { "has \($0)" } ?? "is not connected")"
        }.joined(separator: ", ")
    }

    private func senders(_ names: [String]) async throws(Ended) -> [Sender] {
        let rows = try await executor.sql { () throws(PostgresError) in
            try await session.query(
                "SELECT pid, application_name, flush_lsn, reply_time FROM pg_stat_replication",
                timeout: .seconds(2))
        }
        return rows.values.compactMap { row in
            guard let pid = row[0], let name = row[1], names.contains(name) else { return nil }
            return Sender(
                pid: pid, name: name, flush: row[2].flatMap { LSN($0) }, replyTime: row[3])
        }
    }

    private func value(_ query: String, _ parameters: [String?] = []) async throws(Ended) -> String?
    {
        try await executor.sql { () throws(PostgresError) in
            try await session.query(query, parameters, timeout: .seconds(2)).values.first?.first
                .flatMap { $0 }
        }
    }

    private func until(
        _ complaint: @autoclosure () -> String, _ isProven: () async throws(Ended) -> Bool
    ) async throws(Ended) {
        while try await !isProven() {
            guard ContinuousClock.now < deadline else { throw .tryAgain(complaint()) }
            await executor.pause(Self.pace)
        }
    }
}
