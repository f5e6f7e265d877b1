import ClusterFile
import Deployment
import FailoverCore
import Foundation
import Hooks
import PostgresClient
import Scheduler
import Store

/// What happens in the demo, in order. Every step waits for what it *sees*, with a deadline.
struct DemoStory: Sendable {
    let cluster: DemoCluster
    let options: DemoOptions
    let scheduler: Scheduler
    let writers: DemoWriters
    let tell: @Sendable (String) -> Void

    private static let patience = Duration.seconds(90)

    func run() async throws -> DemoReport {
        var report = DemoReport(
            rounds: [], switchback: nil, rowsAcknowledged: 0, rowsLost: 0,
            isRemote: !options.isLocal, failures: [])
        try await until("every node is counted") { $0.isHealthy }
        let home = try await primary()
        try await prepareApplication(home)
        writers.start(options.writers)
        try await until("the first rows are acknowledged") { _ in !writers.acknowledged.isEmpty }
        tell("\(options.writers) writers write through the multi-host connection string")
        for number in 1...max(options.repeats, 1) {
            tell("— round \(number) of \(max(options.repeats, 1)) —")
            report.rounds.append(try await killAndRejoin(&report.failures))
        }
        report.switchback = try await switchBack(to: home, &report.failures)
        await writers.stop()
        try await count(&report)
        return report
    }

    // MARK: - The steps

    private func prepareApplication(_ id: NodeID) async throws {
        let password = try randomPassword()
        let passfile = cluster.root + "/app.pgpass"
        try "*:*:*:app:\(password)\n".write(toFile: passfile, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: passfile)
        let verifier = try scramVerifier(password: password, user: "app")
        try await asOwner(id) { session in
            for statement in [
                "CREATE ROLE app LOGIN PASSWORD '\(verifier)'", "CREATE SCHEMA demo",
                "CREATE TABLE demo.rows (id bigint PRIMARY KEY, writer int NOT NULL)",
                "GRANT USAGE ON SCHEMA demo TO app", "GRANT INSERT, SELECT ON demo.rows TO app",
            ] { _ = try await session.query(statement, timeout: .seconds(10)) }
        }
    }

    private func killAndRejoin(_ failures: inout [String]) async throws -> DemoReport.Round {
        let old = try await primary()
        let node = try cluster.node(old)
        let server = "\(node.host):\(node.port)"
        let before = await scheduler.view
        try await until("rows are acknowledged by \(old)") { _ in writers.last(by: server) != nil }
        guard let postmaster = DemoProcesses.postmaster(of: node.dataDirectory) else {
            throw defect("\(old) has no postmaster")
        }
        tell("\(old): sshd is stopped, its postmaster gets SIGKILL")
        cluster.cutOff(old)
        let killed = ContinuousClock.now
        kill(postmaster, SIGKILL)
        try await until("another node accepts writes") { _ in
            writers.first(after: killed, notBy: server) != nil
        }
        let outage = try outage(of: server, since: killed)
        let new = try await primary()
        tell("\(new) accepts writes; outage \(outage) ms")
        try await until("a standby is counted again") { view in
            view.configs.allSatisfy { $0.required > 0 }
                && view.nodes.contains {
                    $0.id != old && $0.id != new && $0.reported == .secondary
                }
        }
        let toRedundancy = (ContinuousClock.now - killed).wholeMilliseconds

        tell("\(old): started as an init system would")
        let (lockHeld, end) = try await startLikeInit(old)
        if !lockHeld { failures.append("\(old) came up without its lock") }
        tell("\(old): up, \(lockHeld ? "locked" : "NOT LOCKED"), its WAL ends at \(end)")
        let after = await scheduler.view
        let fork = try await switchLSN(new, of: after.timeline)
        if LSN(end).map({ $0 <= fork }) ?? true {
            failures.append("the WAL of \(old) ended at \(end), not past the fork \(fork)")
        }
        tell("\(old): its sshd is back")
        let returned = ContinuousClock.now
        let mark = await watch.position
        try await cluster.letBack(old)
        try await until("every node is counted") { $0.isHealthy }
        let rewoundFrom = await watch.rewoundFrom(old, since: mark)
        if rewoundFrom == nil { failures.append("\(old) was not rewound") }
        tell("\(old): rewound from \(rewoundFrom ?? "?"), streams again")
        return DemoReport.Round(
            killed: old.rawValue, promoted: new.rawValue, writeOutageMs: outage,
            oldTimeline: before.timeline.number, newTimeline: after.timeline.number,
            switchLSN: fork.description, oldPrimaryEndLSN: end, lockHeld: lockHeld,
            rewound: rewoundFrom.flatMap { LSN($0) }.map { $0 > fork } ?? false,
            rewoundFromLSN: rewoundFrom, toRedundancyMs: toRedundancy,
            toFullRedundancyMs: (ContinuousClock.now - returned).wholeMilliseconds)
    }

    /// What a rendered unit does at boot: the shipped start, on the node itself, without a term.
    private func startLikeInit(_ id: NodeID) async throws -> (lockHeld: Bool, end: String) {
        let node = try cluster.node(id)
        try await DemoInit(cluster: cluster).start(node)
        return try await asOwner(id) { session in
            let row = try await session.query(
                """
                SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only'),
                  current_setting('synchronous_standby_names'), pg_current_wal_flush_lsn()
                """, timeout: .seconds(10)
            ).first
            let values = row?.values ?? []
            guard values.count == 4 else { return (false, "") }
            var isRefused = false
            do {
                _ = try await session.query(
                    "INSERT INTO demo.rows (id, writer) VALUES (-1, -1)", timeout: .seconds(10))
            } catch {
                isRefused = (error as? PostgresError)?.sqlState == "25006"
            }
            let isLocked =
                values[0] == "f" && values[1] == "on"
                && values[2] == NodeObservation.lockedNames && isRefused
            return (isLocked, values[3] ?? "")
        }
    }

    private func switchBack(
        to home: NodeID, _ failures: inout [String]
    ) async throws -> DemoReport.Switchover? {
        let from = try await primary()
        let target = from == home ? try successor(of: from) : home
        let node = try cluster.node(from)
        let server = "\(node.host):\(node.port)"
        tell("— switchover from \(from) to \(target) —")
        let mark = await watch.position
        let start = ContinuousClock.now
        for await progress in scheduler.order(.switchover(to: target)) {
            if case .refused(let refusal) = progress { throw refusal }
            if case .finished(false, let summary) = progress {
                failures.append("switchover: \(summary)")
                return nil
            }
        }
        try await until("\(target) accepts writes") { _ in
            writers.first(after: start, notBy: server) != nil
        }
        let outage = try outage(of: server, since: start)
        try await until("every node is counted") { $0.isHealthy }
        let rewoundFrom = await watch.rewoundFrom(from, since: mark)
        return DemoReport.Switchover(
            from: from.rawValue, to: target.rawValue, writeOutageMs: outage,
            newTimeline: await scheduler.view.timeline.number, withoutRewind: rewoundFrom == nil)
    }

    /// Every acknowledged row must be on the primary now.
    private func count(_ report: inout DemoReport) async throws {
        let rows = try await asOwner(try await primary()) { session in
            try await session.query("SELECT id FROM demo.rows", timeout: .seconds(60))
                .compactMap { $0.values.first.flatMap { $0 }.flatMap { Int64($0) } }
        }
        let kept = Set(rows)
        let acknowledged = writers.acknowledged.map(\.row)
        report.rowsAcknowledged = acknowledged.count
        report.rowsLost = acknowledged.count { !kept.contains($0) }
        if kept.count != rows.count { report.failures.append("rows stand twice") }
        if kept.contains(-1) { report.failures.append("a locked node took a write") }
    }

    // MARK: - Looking

    let watch: DemoWatch

    private func until(
        _ what: String, _ isSeen: (ClusterView) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            try Task.checkCancellation()
            let view = await scheduler.view
            if isSeen(view) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        let view = await scheduler.view
        throw DemoError(
            "waited in vain until \(what)",
            because: view.waitingFor.isEmpty
                ? "\(view.phase.rawValue); \(view.alarms.joined(separator: "; "))"
                : view.waitingFor,
            next: "run it again with --keep and look at `toolkit events`")
    }

    private func primary() async throws -> NodeID {
        guard let primary = await scheduler.view.primary else { throw defect("no node is primary") }
        return primary
    }

    private func successor(of id: NodeID) throws -> NodeID {
        guard let other = DemoCluster.names.first(where: { $0 != id }) else {
            throw defect("there is only one node")
        }
        return other
    }

    /// Milliseconds from the last acknowledgement by `server` to the first by another one.
    private func outage(of server: String, since: ContinuousClock.Instant) throws -> Int64 {
        guard let last = writers.last(by: server),
            let first = writers.first(after: since, notBy: server)
        else { throw defect("the outage can't be measured") }
        return (first.at - last.at).wholeMilliseconds
    }

    private func switchLSN(_ id: NodeID, of timeline: TimelineID) async throws -> LSN {
        let row = try await asOwner(id) { session in
            let name = String(timeline.number, radix: 16, uppercase: true)
            let file = String(repeating: "0", count: 8 - name.count) + name
            return try await session.query(
                "SELECT pg_read_file('pg_wal/\(file).history')", timeout: .seconds(10)
            ).first?.values.first.flatMap { $0 }
        }
        guard let text = row, let history = TimelineHistory(timeline: timeline, text: text),
            let end = history.ancestors.last?.end
        else { throw defect("the history of timeline \(timeline) can't be read") }
        return end
    }

    private func asOwner<T: Sendable>(
        _ id: NodeID, _ body: (Connection) async throws -> T
    ) async throws -> T {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                let session = try await Connection.open(
                    try cluster.ownerConninfo(id), timeout: .seconds(5))
                do {
                    let value = try await body(session)
                    await session.close()
                    return value
                } catch {
                    await session.close()
                    throw error
                }
            } catch let error as PostgresError where error.code == .startingUp {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func randomPassword() throws -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<32).map { _ in letters[Int.random(in: letters.indices)] })
    }

    private func defect(_ because: String) -> DemoError {
        DemoError(
            "cannot go on with the demo", because: because,
            next: "run it again with --keep and look at `toolkit events`")
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
