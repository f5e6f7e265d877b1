import ClusterFile
import Execution

/// Runs commands where a docker node's server runs: in its container, or, while that is stopped, in one
/// of the same image, user and volumes.
struct ContainerRunner: CommandRunner {
    enum Purpose: String {
        /// Changes nothing, and is in nobody's way.
        case look
        /// What an earlier work has left is ended first.
        case work
    }

    let machine: any CommandRunner
    /// `container.sh`, which need not lie on the node yet.
    let script: String
    let facts: [String: String]
    let purpose: Purpose

    var place: String { machine.place }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        var command = command
        command.arguments =
            ["/bin/sh", "-c", script, "container", purpose.rawValue] + command.arguments
        command.environment.merge(facts) { own, _ in own }
        return try await machine.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        try await machine.upload(contents, to: path, mode: mode, timeout: timeout)
    }

    func close() async { await machine.close() }
}

extension Deployment {
    /// Who runs what has to see the server's files, programs or socket.
    func serverRunner(
        _ node: NodeSettings, _ purpose: ContainerRunner.Purpose
    ) throws(DeploymentError) -> any CommandRunner {
        guard node.docker != nil else { return runner(node) }
        let script = String(decoding: try script("container", in: "lib"), as: UTF8.self)
        return ContainerRunner(
            machine: runner(node), script: script, facts: environment(of: node), purpose: purpose)
    }
}
