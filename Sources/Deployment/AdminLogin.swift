public import ClusterFile
import Execution
import Glibc

/// How root is reached on the nodes' machines.
public struct AdminLogin: Sendable {
    /// Root, or a user who may run everything by `sudo -n`.
    public let user: String
    let runner: @Sendable (NodeSettings) -> any CommandRunner

    /// `identityFile` nil: the scheduler's own key, else the ssh-agent's.
    public init(_ settings: ClusterSettings, user: String, identityFile: String?) {
        switch settings.execution {
        case .local:
            let isRoot = getuid() == 0
            self.init(user: isRoot ? "root" : user, runner: { _ in LocalRunner() })
        case .ssh:
            let ssh = settings.ssh
            self.init(user: user) { node in
                SSHRunner(
                    SSHTarget(
                        host: node.sshHost, port: UInt16(clamping: node.sshPort), user: user,
                        identityFile: identityFile ?? ssh.identityFile,
                        knownHostsFile: ssh.knownHosts,
                        connectTimeout: .milliseconds(ssh.connectTimeoutMs)))
            }
        }
    }

    init(user: String, runner: @escaping @Sendable (NodeSettings) -> any CommandRunner) {
        self.user = user
        self.runner = runner
    }

    /// A shell of root's that reads its script from standard input.
    var shell: [String] { asRoot(["/bin/sh", "-s"]) }

    /// The same, of another user's, who finds files such as Docker's context at home; a machine without
    /// that user has nothing of that user's.
    func shell(as owner: String) -> [String] {
        let script = """
            if ! getent passwd "$1" >/dev/null; then echo end; exit 0; fi
            exec runuser -u "$1" -- env HOME="$(getent passwd "$1" | cut -d : -f 6)" /bin/sh -s
            """
        return asRoot(["/bin/sh", "-c", script, "sh", owner])
    }

    private func asRoot(_ arguments: [String]) -> [String] {
        user == "root" ? arguments : ["sudo", "-n", "--"] + arguments
    }
}
