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
