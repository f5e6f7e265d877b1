public import ClusterFile
import Execution
import FailoverCore
import Hooks

/// What a running server says of its own configuration.
public struct LiveServer: Hashable, Sendable {
    public var isInRecovery: Bool
    /// Settings whose new values wait for a restart.
    public var pendingRestart: [String]
    /// Values of the settings that no standby may have lower than its primary.
    public var standbyLimits: [String: Int]
    /// Values of all settings that only a start takes over.
    public var startSettings: [String: String] = [:]
    /// Those of them that its files, as they lie there, would change.
    public var startSettingsInFiles: [String] = []
    /// When it last read its files, in seconds since 1970, as PostgreSQL writes them.
    public var filesReadAt = ""

    /// A standby with a lower value than its primary stops replaying.
    public static let limitNames = [
        "max_connections", "max_locks_per_transaction", "max_prepared_transactions",
        "max_wal_senders", "max_worker_processes",
    ]
}

extension Deployment {
    /// Nil when no server answers.
    public func liveServer(on node: NodeSettings) async -> LiveServer? {
        let limits = LiveServer.limitNames.map { "'\($0)'" }.joined(separator: ", ")
        let statement = """
            SELECT 'recovery=' || pg_is_in_recovery()
            UNION ALL SELECT 'pending=' || name FROM pg_settings WHERE pending_restart
            UNION ALL SELECT 'limit.' || name || '=' || setting FROM pg_settings
            WHERE name IN (\(limits))
            UNION ALL SELECT 'read=' || extract(epoch FROM pg_conf_load_time())
            UNION ALL SELECT 'start.' || name || '=' || translate(setting, E'\\n', ' ')
            FROM pg_settings WHERE context = 'postmaster'
            UNION ALL SELECT 'waits=' || known.name FROM pg_file_settings AS file
            JOIN pg_settings AS known ON known.name = lower(file.name)
            WHERE file.error = 'setting could not be applied' AND known.context = 'postmaster'
            """
        guard let answer = try? await query([statement], on: node, "ask \(node.id)") else {
            return nil
        }
        var server = LiveServer(
            isInRecovery: false, pendingRestart: [], standbyLimits: [:])
        for line in answer.split(separator: "\n") {
            let halves = line.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false
            ).map(String.init)
            guard halves.count == 2 else { continue }
            switch halves[0] {
            case "recovery": server.isInRecovery = halves[1] == "true"
            case "pending": server.pendingRestart.append(halves[1])
            case "read": server.filesReadAt = halves[1]
            case "waits": server.startSettingsInFiles.append(halves[1])
            case let key where key.hasPrefix("start."):
                server.startSettings[String(key.dropFirst(6))] = halves[1]
            default: server.standbyLimits[String(halves[0].dropFirst(6))] = Int(halves[1])
            }
        }
        return server
    }

    public func reload(_ node: NodeSettings) async throws(DeploymentError) {
        try await query(["SELECT pg_reload_conf()"], on: node, "reload PostgreSQL on \(node.id)")
    }

    /// By the node's own hook, under the stamp that it has accepted: a restart decides nothing.
    public func restart(_ node: NodeSettings) async throws(DeploymentError) {
        let outcome = await NodeApply(timeout: .seconds(20)).stamp(of: node, via: runner(node))
        guard case .applied(let accepted) = outcome else {
            throw DeploymentError(
                .node, "cannot read the stamp of \(node.id)", because: outcome.because,
                next: "look at \(node.stateDirectory) on it")
        }
        let call = HookCall(
            .serviceRestartCommand, on: node, term: accepted.stamp.term.number,
            step: accepted.stamp.step.number, reason: "render --apply")
        let ended = await hooks.run(call)
        guard case .done = ended else {
            throw DeploymentError(
                .node, "cannot restart PostgreSQL on \(node.id)", because: ended.because,
                next: "look into PostgreSQL's log on \(node.id)")
        }
    }
}
