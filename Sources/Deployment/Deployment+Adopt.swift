import ClusterFile
import FailoverCore
import Hooks
import Quotation
import Rendering

/// Taking over the data of a set-up that another tool ran: no copy is made. Every server has been
/// stopped cleanly, the primary first; then each starts on its own data with our configuration,
/// locked, the adopted primary is opened, and the scheduler points the standbys at it.
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
        to standby: NodeSettings, from primary: NodeSettings, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let wanted = try await rolesDigest(on: primary)
        try await point(standby, at: primary)
        try await start(standby)
        try await untilReady(standby)
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
        await log.add(standby.id, "started on its data, locked; it has the roles")
    }

    private func rolesDigest(on node: NodeSettings) async throws(DeploymentError) -> String {
        let what = "look for the roles on \(node.id)"
        do {
            let names = try settings.postgresql.roles.map { try Quoting.sqlLiteral($0) }
                .joined(separator: ", ")
            return try await query(
                [
                    """
                    SELECT md5(string_agg(rolname || coalesce(rolpassword, ''), ' ' ORDER BY rolname))
                    FROM pg_authid WHERE rolname IN (\(names))
                    """
                ], on: node, what
            ).filter { !$0.isWhitespace }
        } catch let error as DeploymentError {
            throw error
        } catch {
            throw DeploymentError(
                .node, "cannot \(what)", because: "\(error)",
                next: "correct the roles' names in cluster.yaml")
        }
    }

    private func point(
        _ standby: NodeSettings, at primary: NodeSettings
    ) async throws(DeploymentError) {
        let programs = NodeApply(timeout: .seconds(20))
        var outcome = await programs.stamp(of: standby, via: runner(standby))
        if case .applied(let accepted) = outcome {
            let stamp = Stamp(term: accepted.stamp.term, step: accepted.stamp.step.next)
            let text: String
            do {
                let upstream = NodeFiles.Upstream(
                    primary, of: standby, in: settings, applicationName: standby.id.rawValue,
                    slot: "")
                text = try NodeFiles.nodeConf(
                    stamp: stamp, upstream: upstream, postgresMajor: settings.postgresql.version)
            } catch {
                throw DeploymentError(
                    .files, "cannot write node.conf of \(standby.id)", because: "\(error)",
                    next: "correct the setting in cluster.yaml")
            }
            outcome = await programs.apply(
                NodeRequest(stamp: stamp, nodeConf: text, opening: .removed), on: standby,
                via: runner(standby))
        }
        guard case .applied = outcome else {
            throw DeploymentError(
                .node, "cannot point \(standby.id) at \(primary.id)", because: outcome.because,
                next: "look at \(standby.stateDirectory) on it, then deploy again")
        }
    }
}

extension NodeChecks {
    /// A PostgreSQL cluster that was never ours.
    var strangeCluster: CheckResult {
        let path = node.dataDirectory
        func failed(_ found: String, _ next: String) -> CheckResult {
            CheckResult(node.id, "data_dir", .failed, found: found, next: next)
        }
        guard let adopting else {
            return failed(
                "\(path) holds a PostgreSQL cluster that is not ours",
                "name an empty or missing folder as data_dir; or stop its servers and take it "
                    + "over with `toolkit deploy --adopt PRIMARY`")
        }
        if let pid = survey.postmaster {
            return failed(
                "\(path) is in use by PostgreSQL (pid \(pid)), which runs on its own configuration",
                "stop it cleanly (pg_ctl stop -m fast), the primary before the standbys")
        }
        let isPrimary = node.id == adopting
        guard survey.hasStandbySignal != isPrimary else {
            return failed(
                isPrimary
                    ? "\(path) is that of a standby (standby.signal)"
                    : "\(path) is that of a primary (no standby.signal), and \(adopting) is adopted "
                        + "as the primary",
                isPrimary
                    ? "name the node that was the primary in --adopt"
                    : "move it aside to have it cloned, or leave \(node.id) out of cluster.yaml")
        }
        let wanted = isPrimary ? "shut down" : "shut down in recovery"
        guard survey.dataState == wanted else {
            return failed(
                "\(path) was not shut down cleanly: pg_controldata says `\(survey.dataState)`, not "
                    + "`\(wanted)`",
                "start it as before, let it catch up, and stop it cleanly")
        }
        return CheckResult(node.id, "data_dir", found: "\(path): to be adopted as it is")
    }
}
