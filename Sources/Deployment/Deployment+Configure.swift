public import ClusterFile
import Execution
import FailoverCore
import Foundation
public import Rendering

/// New configuration for nodes that have data: their own programs test it, and it is put back when the
/// server finds a fault in it. A server that runs on would not start again with such a file.
extension Deployment {
    /// Files in their places, each whole or as it was, and read by the server. False: no server answers, and
    /// it reads them at its start.
    public func replace(
        _ files: [RenderedFile], on node: NodeSettings
    ) async throws(DeploymentError) -> Bool {
        let before = try await deployed(files.map(\.path), on: node)
        try await put(files, on: node)
        guard await answers(node) else { return false }
        try await takeBackWhatIsFaulty(Array(zip(files.map(\.path), before)), on: node)
        try await reload(node)
        return true
    }

    /// Refuses what PostgreSQL's programs on the nodes don't take. Nothing is in place yet.
    func refuseUntaken(_ nodes: [NodeWork]) async throws(DeploymentError) {
        for work in nodes where !work.survey.dataIsEmpty && !work.survey.runsOnItsOwn {
            let path = work.node.configDirectory + "/postgresql.conf"
            guard let file = work.uploads.first(where: { $0.path == path }),
                work.survey.stamp != nil, !work.isUnsealed
            else { continue }
            let rendered = RenderedFile(
                name: "postgresql.conf", path: path,
                contents: String(decoding: file.contents, as: UTF8.self), mode: Int(file.mode))
            _ = try await values(of: ["max_connections"], in: rendered, on: work.node)
        }
    }

    /// The views read the files as they lie there, before the server does.
    func takeBackWhatIsFaulty(
        _ before: [(path: String, file: DeployedFile)], on node: NodeSettings
    ) async throws(DeploymentError) {
        let faults = try await fileFaults(of: node)
        guard !faults.isEmpty else { return }
        do throws(ExecutionError) {
            for case (let path, .present(let mode, let contents)) in before {
                try await runner(node).upload(
                    contents, to: path, mode: UInt32(mode, radix: 8) ?? 0o600,
                    timeout: .seconds(30))
            }
        } catch {
            throw DeploymentError(error, on: node)
        }
        let new = before.filter { $0.file == .missing }.map(\.path)
        if !new.isEmpty {
            try await run(
                ["rm", "-f", "--"] + new, on: node, "take new files away from \(node.id) again")
        }
        throw DeploymentError(
            .refused,
            "PostgreSQL on \(node.id) would not start again with its new files; "
                + "they were put back",
            because: faults.prefix(3).joined(separator: "; "),
            next: "correct cluster.yaml or the template, then do this again")
    }

    /// What PostgreSQL refuses in its files as they lie there, a line for each.
    public func fileFaults(of node: NodeSettings) async throws(DeploymentError) -> [String] {
        let answer = try await query(
            [fileFaultsStatement], on: node, "test the configuration of \(node.id)")
        return answer.split(separator: "\n").map(String.init)
    }

    /// A value that waits for a restart is no fault; its row says the same as that of a value which can't be.
    var fileFaultsStatement: String {
        let mappings = """
            UNION ALL SELECT concat_ws(' ', 'pg_ident.conf line', line_number, error)
            FROM pg_ident_file_mappings WHERE error IS NOT NULL
            """
        return """
            SELECT concat_ws(' ', sourcefile, 'line', sourceline, name, error)
            FROM pg_file_settings AS file
            WHERE error IS NOT NULL AND NOT (error = 'setting could not be applied' AND EXISTS (
                SELECT FROM pg_settings AS known
                WHERE known.name = lower(file.name) AND context = 'postmaster'))
            UNION ALL SELECT concat_ws(' ', 'pg_hba.conf line', line_number, error)
            FROM pg_hba_file_rules WHERE error IS NOT NULL
            \(settings.postgresql.version >= 15 ? mappings : "")
            """
    }

    private func answers(_ node: NodeSettings) async -> Bool {
        (try? await query(["SELECT 1"], on: node, "connect to \(node.id)")) != nil
    }
}
