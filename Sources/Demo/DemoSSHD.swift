import Execution
import Foundation
import Glibc

/// A private sshd on loopback for one node, with host key, client key and known_hosts of its own.
struct DemoSSHD: Sendable {
    let folder: String
    let port: Int
    let runner: any CommandRunner

    private static let program = "/usr/sbin/sshd"

    var identity: String { folder + "/../client_key" }

    /// The client's key, once for all nodes.
    static func makeIdentity(at path: String, _ runner: any CommandRunner) async throws {
        try await keygen(path, runner)
    }

    /// Keys, configuration and the line for known_hosts.
    func prepare(identity: String, knownHosts: String) async throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try await Self.keygen(folder + "/host_key", runner)
        let lines = [
            "Port \(port)", "ListenAddress 127.0.0.1", "HostKey \(folder)/host_key",
            "PidFile \(folder)/sshd.pid", "AuthorizedKeysFile \(identity).pub",
            "StrictModes no", "UsePAM no", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "PubkeyAuthentication yes",
            "Subsystem sftp internal-sftp", "MaxStartups 100", "LogLevel ERROR",
        ]
        try write(lines.joined(separator: "\n") + "\n", to: folder + "/sshd_config")
        let key = try String(contentsOfFile: folder + "/host_key.pub", encoding: .utf8)
        let words = key.split(separator: " ").prefix(2).joined(separator: " ")
        let old = (try? String(contentsOfFile: knownHosts, encoding: .utf8)) ?? ""
        try write(old + "[127.0.0.1]:\(port) \(words)\n", to: knownHosts)
    }

    func start() async throws {
        guard FileManager.default.isExecutableFile(atPath: Self.program) else {
            throw DemoError(
                "cannot start a private sshd", because: "\(Self.program) is missing",
                next: "install openssh-server, or run `toolkit demo --local`")
        }
        let result = try await runner.run(
            Command(
                [
                    Self.program, "-f", folder + "/sshd_config", "-E", folder + "/sshd.log",
                ], timeout: .seconds(10)))
        guard result.isSuccess else {
            throw DemoError(
                "cannot start a private sshd on port \(port)", because: result.errorOutput,
                next: "look at \(folder)/sshd.log")
        }
        let deadline = ContinuousClock.now + .seconds(5)
        while pid == nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Ends the daemon and every session of it.
    func stop() {
        if let pid { DemoProcesses.killTree(pid) }
        unlink(folder + "/sshd.pid")
    }

    private var pid: pid_t? {
        let text = try? String(contentsOfFile: folder + "/sshd.pid", encoding: .utf8)
        return text.flatMap { pid_t($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
    }

    private static func keygen(_ path: String, _ runner: any CommandRunner) async throws {
        let result = try await runner.run(
            Command(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "toolkit-demo", "-f", path],
                timeout: .seconds(10)))
        guard result.isSuccess else {
            throw DemoError(
                "cannot make a key for the demo's sshd", because: result.errorOutput,
                next: "install openssh-client")
        }
    }
}
