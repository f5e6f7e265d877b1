import ClusterFile
import FailoverCore
import PostgresClient

/// Physical slots: made for who will follow, dropped where nobody does.
extension Executor {
    /// Makes the slots that are missing; each keeps WAL from this moment on.
    func makeSlots(_ names: [String], on link: NodeLink) async throws(Ended) -> Proof {
        try await sql { () throws(PostgresError) in
            try await link.inNewSession(within: .seconds(2)) { (session) throws(PostgresError) in
                try await makeSlots(names, in: session)
            }
        }
        return .none
    }

    private func makeSlots(
        _ names: [String], in session: Connection
    ) async throws(PostgresError) {
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

    func dropSlots(_ names: [String], on link: NodeLink) async throws(Ended) -> Proof {
        try await sql { () throws(PostgresError) in
            try await link.inNewSession(within: .seconds(2)) { (session) throws(PostgresError) in
                for name in names { try await dropSlot(name, in: session) }
            }
        }
        return .none
    }

    /// One that is in use stays: whoever streams by it needs it.
    private func dropSlot(
        _ name: String, in session: Connection, ofStandbyAt stamp: Stamp? = nil
    ) async throws(PostgresError) {
        var statement = """
            SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
            WHERE slot_name = $1 AND slot_type = 'physical' AND NOT active
            """
        var values = [name]
        if let stamp {
            statement += """
                 AND pg_is_in_recovery() AND current_setting('toolkit.term', true) = $2
                 AND current_setting('toolkit.step', true) = $3
                """
            values += [String(stamp.term.number), String(stamp.step.number)]
        }
        do throws(PostgresError) {
            try await session.query(statement, values, timeout: .seconds(5))
        } catch {
            // In use since the look, or gone.
            guard error.sqlState == "55006" || error.sqlState == "42704" else { throw error }
        }
    }

    /// What a node keeps from its time as a primary holds WAL for nobody (A49). A standby that
    /// cascades keeps its children's. Nothing depends on this: what fails is noted. It may come
    /// late, when a promotion has made slots of these names anew: each statement looks for itself
    /// whether the node is still the standby that this step has made.
    func dropStaleSlots(_ work: EffectWork, on link: NodeLink) async {
        let children = settings.policy.nodes.filter { $0.upstream == link.node.id }.map(\.id)
        let followers = work.cluster.members.filter { $0.upstream == link.node.id }.map(\.id)
        let kept = Set((children + followers).map(\.slot))
        let stale = work.cluster.members.map(\.id.slot).filter { !kept.contains($0) }
        do throws(Ended) {
            try await whenItAnswers(link) { (session) throws(PostgresError) in
                guard try await shows(work.stamp, session) else { return }
                for name in stale {
                    try await dropSlot(name, in: session, ofStandbyAt: work.stamp)
                }
            }
        } catch {
            work.notes.add("stale slots are not dropped: \(error.outcome)")
        }
    }

    /// Whether a session comes to see a stamp: a reload takes a moment.
    private func shows(
        _ stamp: Stamp, _ session: Connection
    ) async throws(PostgresError) -> Bool {
        let deadline = ContinuousClock.now + .seconds(2)
        while true {
            let row = try await session.query(
                "SELECT current_setting('toolkit.term', true), current_setting('toolkit.step', true)",
                timeout: .seconds(2)
            ).single().values
            if ProbeQuery.stamp(term: row[0], step: row[1]) == stamp { return true }
            guard ContinuousClock.now < deadline else { return false }
            await pause(.milliseconds(50))
        }
    }

    /// A node that was just started takes sessions as soon as it is consistent.
    private func whenItAnswers(
        _ link: NodeLink, _ body: (Connection) async throws(PostgresError) -> Void
    ) async throws(Ended) {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do throws(PostgresError) {
                return try await link.inNewSession(within: .seconds(2), body)
            } catch {
                let isStarting = error.code == .startingUp || error.code == .refused
                guard isStarting, ContinuousClock.now < deadline else { throw .sql(error) }
            }
            await pause(.milliseconds(100))
        }
    }
}
