import ClusterFile
import FailoverCore

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
