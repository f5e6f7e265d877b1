import ClusterFile
import FailoverCore
import Hooks
import Quotation
import Rendering

/// A primary that runs on the configuration of another set-up, taken over without a restart: its own
/// files come to include ours, and it is opened before it reads the lock for the first time, so that
/// clients write all the while.
extension Deployment {
    func takeIn(_ work: NodeWork, _ log: ChangeLog) async throws(DeploymentError) {
        let node = work.node
        try await open(node)
        let lines = try admittingLines(work)
        do {
            try await include(work, lines: lines)
            try await refuseFaultyFiles(of: node)
            try await reload(node)
            try await untilOpen(node)
        } catch {
            throw await takenBack(work, error)
        }
        await log.add(node.id, "reads our configuration, opened; it went on running")
        let waiting = await liveServer(on: node)?.pendingRestart ?? []
        if !waiting.isEmpty {
            await log.tell(
                node.id, "its next start changes \(waiting.sorted().joined(separator: ", "))")
        }
    }

    /// What can't be read must not be met by its next start either, also when this was cancelled.
    private func takenBack(_ work: NodeWork, _ error: DeploymentError) async -> DeploymentError {
        let isBack = await Task {
            do throws(DeploymentError) {
                try await adopt(work, "take-back", lines: "")
                try await reload(work.node)
                return true
            } catch {
                return false
            }
        }.value
        var told = error
        told.because +=
            isBack
            ? "; its files are as they were, and it was told to read them again"
            : "; its files could not be put back: it may be locked now"
        if !isBack {
            told.next =
                "on \(work.node.id) put FILE.before-toolkit back for its postgresql.conf and "
                + "pg_hba.conf, and reload it; then: \(error.next)"
        }
        return told
    }

    /// Term 0 opens as long as no scheduler has begun a term; commits wait for nobody, as at the
    /// beginning of every cluster.
    private func open(_ node: NodeSettings) async throws(DeploymentError) {
        let stamp = try await nextStamp(of: node, for: "deploy")
        let opening: String
        do {
            opening = try NodeFiles.openConf(names: "", term: stamp.term, step: stamp.step)
        } catch {
            throw DeploymentError(
                .files, "cannot write the opening of \(node.id)", because: "\(error)",
                next: "correct the setting in cluster.yaml")
        }
        try await apply(
            to: node, under: stamp, opening: .contents(opening), "open \(node.id)",
            then: "deploy again")
    }

    /// Nothing is reloaded. `lines` go into pg_hba.conf; empty: that is left alone.
    func include(_ work: NodeWork, lines: String) async throws(DeploymentError) {
        try await adopt(work, "add", lines: lines)
    }

    private func adopt(
        _ work: NodeWork, _ way: String, lines: String
    ) async throws(DeploymentError) {
        let node = work.node
        var environment = environment(of: node)
        environment["TOOLKIT_ADOPT"] = way
        environment["CONFIG_FILE"] = work.survey.serverSettings["config_file"] ?? ""
        let asksHBA = way == "take-back" || !lines.isEmpty
        environment["HBA_FILE"] = asksHBA ? work.survey.serverSettings["hba_file"] ?? "" : ""
        environment["HBA_LINES"] = lines
        do {
            let file = try Quoting.confValue(NodeEnvironment.configFile(of: node))
            environment["CONFIG_LINES"] = "include \(file)"
        } catch {
            throw DeploymentError(
                .files, "cannot include the configuration of \(node.id)", because: "\(error)",
                next: "choose another config_dir in cluster.yaml")
        }
        try await run(
            ["/bin/sh", "-s"], on: node, "have \(node.id) read our configuration",
            environment: environment, input: try script("adopt"),
            next: "let the owner of PostgreSQL write its files, then deploy again")
    }

    /// What lets scheduler and nodes in. The lines of applications stay the server's own until its next
    /// start: ours might refuse a session that is let in now.
    private func admittingLines(_ work: NodeWork) throws(DeploymentError) -> String {
        let roles: [String]
        do {
            roles = try settings.postgresql.roles.map { try Quoting.hbaToken($0) }
        } catch {
            throw DeploymentError(
                .files, "cannot let the roles in on \(work.node.id)", because: "\(error)",
                next: "correct the roles' names in cluster.yaml")
        }
        let path = work.node.configDirectory + "/pg_hba.conf"
        let text = work.files.first { $0.path == path }.map {
            String(decoding: $0.contents, as: UTF8.self)
        }
        let lines = (text ?? "").split(separator: "\n").filter { line in
            line.hasPrefix("host") && roles.contains { line.contains(" \($0) ") }
        }
        return lines.joined(separator: "\n")
    }

    /// The views read the files as they lie there, before the server does: what it would read must open it.
    private func refuseFaultyFiles(of node: NodeSettings) async throws(DeploymentError) {
        let faults = try await query(
            [
                """
                \(fileFaultsStatement)
                UNION ALL SELECT 'it would read ' || coalesce(found, 'nothing') || ' as ' || wanted.name
                FROM (VALUES ('toolkit.open_term', '0'), ('synchronous_standby_names', ''),
                    ('default_transaction_read_only', 'off')) AS wanted (name, value)
                LEFT JOIN LATERAL (SELECT setting FROM pg_file_settings AS file
                    WHERE file.name = wanted.name ORDER BY seqno DESC LIMIT 1) AS last (found) ON true
                WHERE found IS DISTINCT FROM wanted.value
                """
            ], on: node, "test the configuration of \(node.id)")
        guard faults.isEmpty else {
            throw DeploymentError(
                .node, "cannot adopt \(node.id) while it runs",
                because: faults.split(separator: "\n").prefix(3).joined(separator: "; "),
                next: "correct that, then deploy again")
        }
    }

    private func untilOpen(_ node: NodeSettings) async throws(DeploymentError) {
        let deadline = ContinuousClock.now + .seconds(10)
        let wanted = "open in term 0, commits wait for nobody"
        while true {
            let shown = try await query(
                [
                    """
                    SELECT 'open in term ' || coalesce(current_setting('toolkit.open_term', true), '?')
                        || ', commits wait for ' || coalesce(
                            nullif(current_setting('synchronous_standby_names'), ''), 'nobody')
                    """
                ], on: node, "see \(node.id) open"
            ).filter { $0 != "\n" }
            if shown == wanted { return }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw DeploymentError(
                    .node, "cannot adopt \(node.id) while it runs",
                    because: "after a reload it is \(shown), not \(wanted): an option of its "
                        + "command line may stand above its files",
                    next: "look into PostgreSQL's log on \(node.id), or adopt it stopped")
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Whether the server on this node has read node.conf.
    func readsOurs(_ node: NodeSettings) async throws(DeploymentError) -> Bool {
        try await query(
            ["SELECT current_setting('toolkit.term', true)"], on: node,
            "see what \(node.id) reads"
        ).contains { $0.isNumber }
    }
}
