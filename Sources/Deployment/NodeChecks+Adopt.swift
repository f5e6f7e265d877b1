import ClusterFile

extension NodeChecks {
    /// A PostgreSQL cluster that was never ours.
    var strangeCluster: CheckResult {
        let path = node.dataDirectory
        func failed(_ found: String, _ next: String) -> CheckResult {
            CheckResult(node.id, "data_dir", .failed, found: found, next: next)
        }
        guard systemIdentifier == nil else {
            return failed(
                "\(path) holds a PostgreSQL cluster that \(settings.cluster) has not deployed",
                "move its data aside: then \(node.id) is cloned")
        }
        guard let adopting else {
            return failed(
                "\(path) holds a PostgreSQL cluster that is not ours",
                "name an empty or missing folder as data_dir; or take it over with "
                    + "`toolkit deploy --adopt PRIMARY`")
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
        if let pid = survey.postmaster {
            guard survey.runsOnItsOwn else {
                return failed(
                    "\(path) is in use by PostgreSQL (pid \(pid)), which does not answer on "
                        + node.socketDirectory,
                    "correct port and socket_dir of \(node.id); or stop it cleanly (pg_ctl stop -m "
                        + "fast), the primary before the standbys")
            }
            return CheckResult(
                node.id, "data_dir",
                found: isPrimary
                    ? "\(path): to be adopted as it is; its server (pid \(pid)) goes on"
                    : "\(path): to be adopted as it is; its server (pid \(pid)) is started anew")
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
