public import ClusterFile
public import Execution

/// Who runs commands on each node, and on the scheduler's own machine.
public struct Runners: Sendable {
    public let runner: @Sendable (NodeSettings) -> any CommandRunner
    public let local: any CommandRunner

    public init(
        runner: @escaping @Sendable (NodeSettings) -> any CommandRunner, local: any CommandRunner
    ) {
        self.runner = runner
        self.local = local
    }

    /// As `cluster.yaml` says: over SSH, or all nodes on this machine.
    public init(_ settings: ClusterSettings) {
        let local = LocalRunner()
        self.local = local
        switch settings.execution {
        case .local: runner = { _ in local }
        case .ssh:
            let ssh = settings.ssh
            let runners = Dictionary(
                uniqueKeysWithValues: settings.nodes.map { node in
                    let target = SSHTarget(
                        host: node.sshHost, port: UInt16(clamping: node.sshPort),
                        user: node.sshUser, identityFile: ssh.identityFile,
                        knownHostsFile: ssh.knownHosts,
                        connectTimeout: .milliseconds(ssh.connectTimeoutMs))
                    return (node.id, SSHRunner(target))
                })
            runner = { runners[$0.id] ?? local as any CommandRunner }
        }
    }
}
