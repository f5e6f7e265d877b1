import CLibSSH2
import Glibc

/// The ways in which a connection fails, each with what to do.
extension SSHTarget {
    private var connecting: String { "cannot connect to \(place)" }
    private var loggingIn: String { "cannot log in to \(place)" }

    func timedOut(_ phase: String) -> ExecutionError {
        ExecutionError(
            .timedOut, connecting, because: "\(phase) took longer than \(connectTimeout)",
            next: "check that \(host) is up, that port \(port) is sshd's and that no firewall "
                + "drops it")
    }

    func unreachable(_ number: Int32) -> ExecutionError {
        if number == ECONNREFUSED {
            return ExecutionError(
                .refused, connecting, because: "nothing listens on port \(port)",
                next: "start sshd on \(host), or correct ssh.port")
        }
        if number == ETIMEDOUT { return timedOut("connecting") }
        return ExecutionError(
            .unreachable, connecting, because: LocalFile.reason(number),
            next: "check that \(host) is up and that a route leads there")
    }

    func handshakeFailed(_ text: String, code: Int32 = 0) -> ExecutionError {
        if code == LIBSSH2_ERROR_KEX_FAILURE {
            let version = libssh2_version(0).map { String(cString: $0) } ?? "?"
            return ExecutionError(
                .handshake, connecting,
                because: "the server and libssh2 \(version) share no algorithm: \(text)",
                next: "give the server an ed25519 host key (`ssh-keygen -A` there, and "
                    + "`HostKey /etc/ssh/ssh_host_ed25519_key`): an RSA host key alone needs "
                    + "libssh2 1.11 or later on this side")
        }
        return ExecutionError(
            .handshake, connecting, because: "the SSH handshake failed: \(text)",
            next: "look at sshd's log on \(host) (`journalctl -u ssh`); with many connections "
                + "raise MaxStartups there")
    }

    // MARK: Host keys

    /// The line of `ssh-keyscan` that accepts the server's key.
    private func accept(_ key: HostKey) -> String {
        "ssh-keyscan -p \(port) -t \(key.family) \(ShellWord.quote(host)) >> "
            + ShellWord.quote(knownHostsFile)
    }

    private func compare(_ key: HostKey) -> String {
        "compare it on \(host) with `ssh-keygen -lf /etc/ssh/ssh_host_\(key.family)_key.pub`"
    }

    func hostKeyUnknown(_ key: HostKey, knownTypes: [String]) -> ExecutionError {
        let others =
            knownTypes.isEmpty
            ? "" : ", which has only \(knownTypes.joined(separator: ", ")) for it"
        return ExecutionError(
            .hostKeyUnknown, "refused to connect to \(place)",
            because: "its host key \(key.type) \(key.fingerprint) is not in "
                + "\(knownHostsFile)\(others)",
            next: "\(compare(key)), then run `\(accept(key))`")
    }

    func hostKeyChanged(_ key: HostKey) -> ExecutionError {
        let name = port == 22 ? host : "[\(host)]:\(port)"
        let forget =
            "ssh-keygen -R \(ShellWord.quote(name)) -f \(ShellWord.quote(knownHostsFile))"
        return ExecutionError(
            .hostKeyChanged, "refused to connect to \(place)",
            because: "its host key has changed: it shows \(key.type) \(key.fingerprint), "
                + "\(knownHostsFile) holds another one. Somebody may stand in between",
            next: "if \(host) was rebuilt, \(compare(key)), then run `\(forget)` and "
                + "`\(accept(key))`")
    }

    func hostKeyRevoked(_ key: HostKey) -> ExecutionError {
        ExecutionError(
            .hostKeyChanged, "refused to connect to \(place)",
            because: "its host key \(key.type) \(key.fingerprint) is marked @revoked in "
                + knownHostsFile,
            next: "give \(host) a new host key and accept that one")
    }

    // MARK: Login

    func loginBroke(_ text: String) -> ExecutionError {
        ExecutionError(
            .authentication, loggingIn, because: text,
            next: "look at sshd's log on \(host) (`journalctl -u ssh`)")
    }

    func keyRefused(_ path: String, _ text: String) -> ExecutionError {
        ExecutionError(
            .authentication, loggingIn,
            because: "the server refuses the key \(path): \(text)",
            next: "append \(path).pub to ~\(user)/.ssh/authorized_keys on \(host), or correct "
                + "ssh.user or ssh.identity_file")
    }

    func rsaUnsupported(_ path: String) -> ExecutionError {
        let version = libssh2_version(0).map { String(cString: $0) } ?? "?"
        return ExecutionError(
            .keyTypeUnsupported, loggingIn,
            because: "\(path) is an RSA key, and libssh2 \(version) signs with SHA-1 alone, "
                + "which the server refuses",
            next: "use an ed25519 key (`ssh-keygen -t ed25519`), or libssh2 1.11 or later "
                + "(Debian 13), or set `PubkeyAcceptedAlgorithms +ssh-rsa` in sshd_config there")
    }

    func agentFailed(_ problem: String, socket: String) -> ExecutionError {
        ExecutionError(
            .authentication, loggingIn, because: "\(problem) (ssh-agent at \(socket))",
            next: "add a key that \(user) accepts (`ssh-add`; RSA keys need libssh2 1.11), or set "
                + "ssh.identity_file")
    }
}
