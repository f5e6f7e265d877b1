import ClusterFile
import FailoverCore
import Hooks
import Quotation
import Rendering

/// Taking over the data of a set-up that another tool ran: no copy is made. A server that was stopped
/// cleanly starts on its own data with our configuration, locked; a primary that runs goes on running
/// (`takeIn`), a standby that runs is stopped first. The adopted primary is opened, and the scheduler
/// points the standbys at it.
extension Deployment {
    /// The primary whose data begin the cluster.
    func adopted(
        _ id: NodeID, of filled: [NodeWork]
    ) throws(DeploymentError) -> NodeWork {
        guard let primary = filled.first(where: { $0.node.id == id }) else {
            throw DeploymentError(
                .refused, "cannot adopt \(id)", because: "it has no data",
                next: "name the node that was the primary, with its data_dir, in --adopt")
        }
        guard filled.allSatisfy({ ($0.survey.stamp?.term ?? Term(0)) == Term(0) }) else {
            throw storeMissing(filled)
        }
        return primary
    }

    /// A standby gets the roles as it gets everything, from the primary's WAL: until it has them the
    /// scheduler can't look at it. That it has these very ones, whose verifiers were salted a moment
    /// ago, also proves that it follows this primary, and no other of the same timeline. Both are
    /// locked; the scheduler points it anew, by a name that counts.
    func bringRoles(
        to work: NodeWork, from primary: NodeSettings, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let standby = work.node
        let wanted = try await rolesDigest(on: primary)
        if work.survey.runsOnItsOwn {
            // Before it is touched: it may follow a copy of this primary.
            try await untilRoles(wanted, on: standby, of: primary)
        }
        try await point(standby, at: primary)
        if work.survey.runsOnItsOwn {
            // A back-end of Debian's starts it with its own files.
            if standby.service != nil { try await include(work, lines: "") }
            try await service(.serviceStopCommand, on: standby, reason: "deploy")
            await log.add(standby.id, "stopped")
        }
        try await start(standby)
        try await untilReady(standby)
        guard try await readsOurs(standby) else {
            throw DeploymentError(
                .node, "cannot adopt \(standby.id)",
                because: "it was started without \(NodeFiles.nodePath(of: standby))",
                next: "see that nothing else starts it, and that a cluster of Debian's has "
                    + "\(standby.configDirectory)/postgresql.conf as its last include; then deploy "
                    + "again")
        }
        try await untilRoles(wanted, on: standby, of: primary)
        await log.add(standby.id, "started on its data, locked; it has the roles")
    }

    private func untilRoles(
        _ wanted: String, on standby: NodeSettings, of primary: NodeSettings
    ) async throws(DeploymentError) {
        let deadline = ContinuousClock.now + .seconds(120)
        while try await rolesDigest(on: standby) != wanted {
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw DeploymentError(
                    .node, "cannot adopt \(standby.id)",
                    because: "it does not get WAL from \(primary.id)",
                    next:
                        "look into PostgreSQL's log on \(standby.id); if WAL is missing, move its "
                        + "data aside and deploy again: it is cloned")
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private func rolesDigest(on node: NodeSettings) async throws(DeploymentError) -> String {
        try await query(
            [
                """
                SELECT md5(string_agg(rolname || coalesce(rolpassword, ''), ' ' ORDER BY rolname))
                FROM pg_authid WHERE rolname IN (\(try roleLiterals))
                """
            ], on: node, "look for the roles on \(node.id)"
        ).filter { !$0.isWhitespace }
    }

    /// The toolkit's roles as a list of SQL.
    var roleLiterals: String {
        get throws(DeploymentError) {
            do {
                return try settings.postgresql.roles.map { try Quoting.sqlLiteral($0) }
                    .joined(separator: ", ")
            } catch {
                throw DeploymentError(
                    .files, "cannot name the roles of \(settings.cluster) in SQL",
                    because: "\(error)", next: "correct the roles' names in cluster.yaml")
            }
        }
    }

    private func point(
        _ standby: NodeSettings, at primary: NodeSettings
    ) async throws(DeploymentError) {
        try await apply(
            to: standby, under: try await nextStamp(of: standby, for: "deploy"),
            upstream: NodeFiles.Upstream(
                primary, of: standby, in: settings, applicationName: standby.id.rawValue, slot: ""),
            "point \(standby.id) at \(primary.id)", then: "deploy again")
    }
}
