public import ClusterFile
public import Execution
import FailoverCore

extension InspectReport {
    public static func path(on node: NodeSettings) -> String {
        node.stateDirectory + "/bin/inspect"
    }

    /// Looks at a node's files; throws when it could not be looked at.
    public static func of(
        _ node: NodeSettings, via runner: any CommandRunner, timeout: Duration = .seconds(10)
    ) async throws(ExecutionError) -> InspectReport {
        let result = try await runner.run(
            Command([path(on: node)], timeout: timeout, outputLimitBytes: 1 << 20))
        guard result.isSuccess, let inspection = InspectReport(output: result.output) else {
            throw ExecutionError(
                .notStarted, "cannot look at \(node.id) on \(runner.place)",
                because: "\(path(on: node)) ended with \(result.ending): \(result.errorOutput)",
                next: "run `toolkit deploy`, which installs it, and look at the node")
        }
        return inspection
    }
}
