import ClusterFile
import Execution
import FailoverCore
import Foundation

/// Starts a node as its init system would at boot: on the machine itself, without the scheduler.
struct DemoInit: Sendable {
    let cluster: DemoCluster

    func start(_ node: NodeSettings) async throws {
        let environment = [
            "PGDATA": node.dataDirectory, "PGPORT": String(node.port),
            "PGHOST": node.socketDirectory,
            "PG_BINDIR": cluster.settings.postgresql.binDirectory,
            "TOOLKIT_CLUSTER": cluster.settings.cluster,
            "TOOLKIT_NODE_NAME": node.id.rawValue, "TOOLKIT_RUNTIME": "native",
            "TOOLKIT_CONFIG_FILE": node.configDirectory + "/postgresql.conf",
            "TOOLKIT_STATE_DIR": node.stateDirectory,
            "TOOLKIT_RUNTIME_DIR": node.runtimeDirectory, "TOOLKIT_TIMEOUT_SECONDS": "60",
            "TOOLKIT_HOOK": "service_start_command", "TOOLKIT_DRY_RUN": "0",
        ]
        let script = cluster.share.hooks + "/service_start_command.sh"
        let result = try await cluster.local.run(
            Command([script], environment: environment, timeout: .seconds(90)))
        guard result.isSuccess else {
            throw DemoError(
                "cannot start \(node.id) as its init system would",
                because: result.errorOutput.trimmingCharacters(in: .whitespacesAndNewlines),
                next: "look at \(node.stateDirectory)/postgres.log")
        }
    }
}
