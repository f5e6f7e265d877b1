public import ClusterFile
public import Execution
import Foundation
import Glibc

/// A machine as `toolkit deploy` finds it: a private sshd, an account for PostgreSQL, empty
/// folders. Several nodes may be told to live on it. Gone with all its servers at the end.
public final class BareMachine: Sendable {
    public let sshd: ThrowawaySSHD
    /// Belongs to `owner`; all that is written lies below it.
    public let folder: String
    /// Who PostgreSQL runs as: it refuses to run as root.
    public let owner: String

    public static let isRoot = getuid() == 0

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private init(sshd: ThrowawaySSHD, folder: String, owner: String) {
        self.sshd = sshd
        self.folder = folder
        self.owner = owner
    }

    public static func with(_ body: (BareMachine) async throws -> Void) async throws {
        var options = ThrowawaySSHD.Options()
        // An account without a password, as postgres has, is locked for an sshd without PAM.
        if isRoot { options.configuration = ["UsePAM yes"] }
        let sshd = try await ThrowawaySSHD.start(options)
        let machine = BareMachine(
            sshd: sshd, folder: "/tmp/bare-\(UUID().uuidString.prefix(8))",
            owner: isRoot ? "postgres" : NSUserName())
        do {
            // sshd reads the key as the user that logs in.
            try await machine.run(["chmod", "711", sshd.folder])
            try await machine.run(["chmod", "644", "\(sshd.folder)/authorized_keys"])
            for folder in [machine.folder, "\(machine.folder)/sock"] {
                try await machine.run(["install", "-d", "-m", "755", "-o", machine.owner, folder])
            }
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    private func end() async {
        let pids =
            (try? await run(["find", folder, "-name", "postmaster.pid"]))
            .map { $0.split(separator: "\n") } ?? []
        for file in pids {
            let text = (try? String(contentsOfFile: String(file), encoding: .utf8)) ?? ""
            guard let pid = text.split(separator: "\n").first.flatMap({ pid_t($0) }) else {
                continue
            }
            kill(pid, SIGQUIT)
            let deadline = ContinuousClock.now + .seconds(10)
            while kill(pid, 0) == 0, ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        for name in ["data", "lib"] { umount2("\(folder)/\(name)", Int32(MNT_DETACH)) }
        _ = try? await run(["rm", "-rf", folder])
        await sshd.stop()
    }

    // MARK: - Its cluster

    /// The text of a `cluster.yaml`. Each argument replaces or adds settings of its group, `node`
    /// those of every node.
    public func file(
        _ top: [String: String] = [:], ssh: [String: String] = [:], node: [String: String] = [:],
        postgresql: [String: String] = [:], nodes: Int = 1
    ) throws -> String {
        func block(_ pairs: [String: String], _ indent: String) -> String {
            pairs.sorted { $0.key < $1.key }.map { "\(indent)\($0.key): \($0.value)\n" }.joined()
        }
        let places = ["config_dir": "etc", "state_dir": "lib", "runtime_dir": "run"]
            .mapValues { "\(folder)/\($0)" }
        let access = [
            "user": owner, "port": "\(sshd.port)", "identity_file": sshd.identityFile,
            "known_hosts": sshd.knownHostsFile,
        ]
        var text =
            "cluster: shop\n" + block(places.merging(top) { $1 }, "")
            + "scheduler:\n  directory: \(folder)/sched\n"
            + "ssh:\n" + block(access.merging(ssh) { $1 }, "  ")
            + (postgresql.isEmpty ? "" : "postgresql:\n" + block(postgresql, "  ")) + "nodes:\n"
        for number in 1...max(1, nodes) {
            let address = [
                "host": "127.0.0.1", "port": "\(try ThrowawaySSHD.freePort())",
                "data_dir": "\(folder)/data/node\(number)", "socket_dir": "\(folder)/sock",
            ]
            text += "  - name: node\(number)\n" + block(address.merging(node) { $1 }, "    ")
        }
        return text
    }

    public func settings(
        _ top: [String: String] = [:], ssh: [String: String] = [:], node: [String: String] = [:],
        postgresql: [String: String] = [:], nodes: Int = 1
    ) throws -> ClusterSettings {
        try ClusterFile.parse(
            try file(top, ssh: ssh, node: node, postgresql: postgresql, nodes: nodes),
            baseDirectory: folder
        ).settings
    }

    // MARK: - Its files

    @discardableResult
    public func run(_ arguments: [String]) async throws -> String {
        let result = try await LocalRunner().run(
            Command(arguments, timeout: .seconds(60), outputLimitBytes: 1 << 20))
        guard result.isSuccess else {
            throw Failure(description: "\(arguments) failed: \(result.errorOutput)")
        }
        return result.output
    }

    /// A file of the owner's below the folder.
    public func write(_ path: String, _ text: String, mode: String = "600") async throws {
        let whole = "\(folder)/\(path)"
        let parent = URL(fileURLWithPath: whole).deletingLastPathComponent().path
        try await run(["mkdir", "-p", parent])
        try Data(text.utf8).write(to: URL(fileURLWithPath: whole))
        try await run(["chmod", mode, whole])
        try await run(["chown", "-R", owner, "\(folder)/\(path.split(separator: "/")[0])"])
    }

    /// As initialize.sh marks the directory of node1 that it begins.
    public func markInitdb(of data: String) async throws {
        let identity = try await run(["stat", "-c", "%i %W", data])
        try await write("lib/shop/node1/initializing", data + "\n" + identity)
    }

    /// Everything below the folder, with size, time, mode and owner.
    public func snapshot() async throws -> String {
        let found = try await run(["find", folder, "-printf", "%p %s %T@ %m %u\\n"])
        return found.split(separator: "\n").sorted().joined(separator: "\n")
    }
}
