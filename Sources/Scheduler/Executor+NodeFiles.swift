import ClusterFile
import Execution
import FailoverCore
import Hooks
import PostgresClient
import Quotation
import Rendering

extension Executor {
    /// Writes a node's files under the stamp of `work`: over its runner, or over SQL when the
    /// runner can't be started or is silent. Returns the machine's boot id where it was told.
    @discardableResult
    func apply(
        _ work: EffectWork, to link: NodeLink, upstream: NodeFiles.Upstream? = nil,
        usesArchive: Bool = true, opening: NodeRequest.Opening = .removed, overSQL: Bool = true
    ) async throws(Ended) -> String {
        let files = NodeRequest(
            stamp: work.stamp,
            nodeConf: try nodeConf(work.stamp, upstream: upstream, usesArchive: usesArchive),
            opening: opening)
        let byRunner = Task { [nodeApply] in
            let outcome = await nodeApply.apply(files, on: link.node, via: link.runner)
            if case .notStarted = outcome {} else { link.silence.spoke() }
            return outcome
        }
        let patience = overSQL ? link.silence.patience : .seconds(60)
        let early = await Race.value(of: byRunner, within: patience)
        if early == nil, overSQL {
            link.silence.keptSilent()
            do throws(Ended) {
                try await applyOverSQL(files, to: link)
                work.notes.add("written over SQL: the runner is silent")
                return ""
            } catch {
                work.notes.add("not written over SQL: \(error.outcome)")
            }
        }
        let outcome = await withTaskCancellationHandler {
            await byRunner.value
        } onCancel: {
            byRunner.cancel()
        }
        switch outcome {
        case .applied(let applied): return applied.bootID
        case .stale: throw .stale
        case .tryAgain: throw .tryAgain("the node's files are locked by another step")
        case .failed(let status, let output):
            work.notes.add(output)
            throw .failed("node-apply ended with status \(status): \(tail(output))")
        case .unknown(let after): throw .unknown("node-apply did not end within \(after)")
        case .notStarted(let error):
            work.notes.add(error.description)
            guard overSQL else { throw .failed("\(error.subject): \(error.because)") }
            try await applyOverSQL(files, to: link)
            return ""
        }
    }

    /// The second channel (F29): the same program under the same lock and stamp.
    func applyOverSQL(_ files: NodeRequest, to link: NodeLink) async throws(Ended) {
        let statement: String
        do { statement = try NodeApply.sql(files, on: link.node) } catch {
            throw .failed("node-apply can't be called over SQL: \(error)")
        }
        do throws(PostgresError) {
            try await link.inNewSession(within: .seconds(2)) {
                (session) throws(PostgresError) in
                _ = try await session.query(statement, timeout: nodeApply.timeout)
            }
        } catch {
            guard error.code == .server else { throw .sql(error) }
            switch NodeApply.outcome(programDetail: error.message) {
            case .stale: throw .stale
            case .tryAgain: throw .tryAgain("the node's files are locked by another step")
            default: throw .failed(Ended.oneLine(error))
            }
        }
    }

    private func nodeConf(
        _ stamp: Stamp, upstream: NodeFiles.Upstream?, usesArchive: Bool
    ) throws(Ended) -> String {
        do {
            return try NodeFiles.nodeConf(
                stamp: stamp, upstream: upstream, postgresMajor: settings.postgresql.version,
                usesArchive: usesArchive)
        } catch { throw .failed("node.conf can't be written: \(error)") }
    }

    func openConf(_ stamp: Stamp, names: String) throws(Ended) -> String {
        do {
            return try NodeFiles.openConf(
                names: names, term: stamp.term, step: stamp.step)
        } catch { throw .failed("open.conf can't be written: \(error)") }
    }

    func upstream(
        _ attachment: Effect.Attachment, of link: NodeLink
    ) throws(Ended) -> NodeFiles.Upstream {
        NodeFiles.Upstream(
            try self.link(attachment.upstream).node, of: link.node, in: settings,
            applicationName: attachment.applicationName, slot: attachment.slot)
    }

    func tail(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline)
        return lines.last.map { String($0.suffix(300)) } ?? "no output"
    }
}

// MARK: - Reading back

extension Executor {
    /// What a new session sees of the node files.
    struct ReadBack: Sendable {
        var names: String
        var isReadOnly: Bool
        var conninfo: String
        var restoreCommand: String
        var stamp: Stamp?
        /// The first line of a configuration file that PostgreSQL can't take (F34).
        var complaint: String?
    }

    private static let readBackSQL = """
        SELECT current_setting('synchronous_standby_names'),
          current_setting('default_transaction_read_only'), current_setting('primary_conninfo'),
          current_setting('restore_command'), current_setting('toolkit.term', true),
          current_setting('toolkit.step', true),
          (SELECT concat_ws(' ', sourcefile, sourceline, name, error) FROM pg_show_all_file_settings()
           WHERE error IS NOT NULL AND error <> 'setting could not be applied' LIMIT 1)
        """

    /// Opens new sessions until one shows what was written, and returns that session.
    func readBack(
        _ link: NodeLink, within timeout: Duration = .seconds(2),
        until isRight: (ReadBack) -> Bool
    ) async throws(Ended) -> Connection {
        let deadline = ContinuousClock.now + timeout
        while true {
            let (session, seen) = try await sql { () throws(PostgresError) in
                let session = try await link.connect(within: timeout)
                let rows = try await session.query(Self.readBackSQL, timeout: timeout)
                let row = try rows.single().values
                return (
                    session,
                    ReadBack(
                        names: row[0] ?? "", isReadOnly: row[1] == "on", conninfo: row[2] ?? "",
                        restoreCommand: row[3] ?? "",
                        stamp: ProbeQuery.stamp(term: row[4], step: row[5]), complaint: row[6])
                )
            }
            if isRight(seen), seen.complaint == nil { return session }
            await session.close()
            guard ContinuousClock.now < deadline else {
                throw .unknown(
                    "a new session does not show what was written "
                        + "(stamp \(seen.stamp?.description ?? "none"), names '\(seen.names)'"
                        + (seen.complaint.map { ", \($0)" } ?? "") + ")")
            }
            await pause(.milliseconds(3))
        }
    }

    /// Ends early when the task is cancelled; whoever waits looks at its deadline.
    func pause(_ duration: Duration) async { try? await Task.sleep(for: duration) }
}
