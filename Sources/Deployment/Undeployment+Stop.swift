import ClusterFile
import FailoverCore
import Hooks

/// The servers of a cluster that ends, in the order that leaves all data in one place: writes end
/// first, then the standbys get what is left, and the primary is the last one to stop.
extension Undeployment {
    /// Standbys of standbys first, then the standbys, then who is none.
    func order(_ looks: [Look]) -> [Look] {
        looks.filter { $0.isStandby && $0.node.upstream != nil }
            + looks.filter { $0.isStandby && $0.node.upstream == nil }
            + looks.filter { !$0.isStandby }
    }

    /// Under the stamp that the store has: a scheduler that is started after an end halfway finds
    /// nothing newer on the nodes than what it knows.
    func stop(
        _ looks: [Look], under stamp: Stamp?, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let running = order(looks.filter { $0.server != nil })
        for look in running where !look.isStandby {
            try await endWrites(on: look.node, under: stamp)
            await log.add(look.node.id, "locked; its sessions have ended")
            try await untilReceived(by: running.filter(\.isStandby), from: look.node, log)
        }
        for look in running {
            try await dropSlots(on: look.node, log)
            try await deployment.service(
                .serviceStopCommand, on: look.node, reason: "undeploy", under: stamp)
            await log.add(look.node.id, "stopped")
        }
    }

    /// Locked as by the scheduler: no client writes from here on.
    private func endWrites(
        on node: NodeSettings, under stored: Stamp?
    ) async throws(DeploymentError) {
        let stamp =
            if let stored { stored } else {
                try await deployment.nextStamp(of: node, for: "undeploy")
            }
        try await deployment.lock(node, under: stamp, then: "undeploy again")
        try await untilLocked(node, under: stamp)
        try await deployment.query(
            [
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                """
            ], on: node, "end the sessions of \(node.id)")
    }

    /// A reload takes a moment; until a new session shows the stamp, a new one might still write.
    private func untilLocked(
        _ node: NodeSettings, under stamp: Stamp
    ) async throws(DeploymentError) {
        let deadline = ContinuousClock.now + .seconds(10)
        let wanted = "\(stamp.term.number) \(stamp.step.number) "
        while true {
            let shown = try await deployment.query(
                [
                    """
                    SELECT concat_ws(' ', current_setting('toolkit.term', true),
                      current_setting('toolkit.step', true),
                      nullif(current_setting('toolkit.open_term', true), ''), '')
                    """
                ], on: node, "see the lock of \(node.id)")
            if shown.trimmingNewlines == wanted { return }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw DeploymentError(
                    .node, "cannot lock \(node.id)",
                    because: "its sessions show the step \(shown.trimmingNewlines), not \(wanted)",
                    next: "look into PostgreSQL's log on \(node.id), then undeploy again")
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    /// A standby that does not get there in time keeps what it has: the primary has everything.
    private func untilReceived(
        by standbys: [Look], from primary: NodeSettings, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let end = try await deployment.query(
            ["SELECT pg_current_wal_flush_lsn()"], on: primary, "read the end of WAL"
        ).filter { !$0.isWhitespace }
        guard let end = LSN(end) else { return }
        let deadline = ContinuousClock.now + .seconds(30)
        for standby in standbys {
            var received: LSN?
            while received.map({ $0 < end }) ?? true, ContinuousClock.now < deadline {
                let answer = try? await deployment.query(
                    ["SELECT pg_last_wal_receive_lsn()"], on: standby.node, "read its WAL")
                received = answer.flatMap { LSN($0.filter { !$0.isWhitespace }) }
                if received.map({ $0 < end }) ?? true {
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            if received.map({ $0 < end }) ?? true {
                let has = received.map { "\($0)" } ?? "nothing"
                await log.tell(
                    standby.node.id, "has WAL up to \(has), \(primary.id) up to \(end)")
            }
        }
    }

    /// Ours, of nodes that are stopped or stream no more.
    private func dropSlots(
        on node: NodeSettings, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let names = settings.nodes.map { "'\($0.id.slot)'" }.joined(separator: ", ")
        let found = """
            FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name IN (\(names))
            """
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let dropped = try await deployment.query(
                [
                    "SELECT slot_name, pg_drop_replication_slot(slot_name) \(found) AND NOT active"
                ], on: node, "drop the slots of \(node.id)")
            for line in dropped.split(separator: "\n") {
                await log.add(node.id, "dropped the slot \(line.prefix { $0 != "|" })")
            }
            let left = try await deployment.query(
                ["SELECT slot_name \(found)"], on: node, "look for slots of \(node.id)")
            // The process that served a stopped standby takes a moment to notice.
            if left.isEmpty || ContinuousClock.now > deadline { return }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }
}

extension String {
    fileprivate var trimmingNewlines: String { filter { $0 != "\n" } }
}
