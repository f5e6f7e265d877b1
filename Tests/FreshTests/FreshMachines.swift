import Execution
import Foundation
import Glibc

@testable import ToolkitTesting

/// Three machines as a provider hands them out: a root file system, sshd, root's key, nothing else.
/// They are gone when this ends, or when this process does.
final class FreshMachines: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    let folder: String
    let tree: String
    private let boot: Boot
    private let leash: Int32
    private let holder: ChildProcess
    /// Its network is the scheduler's: 10.9.0.100.
    private let initPID: pid_t

    static let isRoot = getuid() == 0

    /// What a machine's process 1 is.
    enum Boot: String, Sendable {
        /// A shell that starts sshd, and nothing else.
        case sshd
        /// The one of `tree`, which starts sshd and what else is enabled there.
        case systemd
    }

    /// `tree` is the root file system that each gets a layer above; `strip` is run in each as root.
    static func with(
        tree: String, strip: String = "", boot: Boot = .sshd,
        _ body: (FreshMachines) async throws -> Void
    ) async throws {
        let machines = try await FreshMachines(tree: tree, strip: strip, boot: boot)
        do {
            try await machines.untilBooted()
            try await body(machines)
        } catch {
            let consoles = machines.consoles
            await machines.end()
            throw Failure("\(error)\n\(consoles)")
        }
        await machines.end()
    }

    private init(tree: String, strip: String, boot: Boot) async throws {
        var template = Array("/dev/shm/fresh-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("no folder in /dev/shm") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(folder, 0o755)
        self.tree = tree
        self.boot = boot
        try Self.layOut(folder, strip: strip)
        var ends: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, flags, 0, &ends) == 0 else { throw Failure("no socket") }
        leash = ends[0]
        defer { close(ends[1]) }
        let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        holder = try ChildProcess(
            [
                "/bin/sh", "-c",
                """
                trap '' HUP INT TERM
                unshare --net --mount --pid --fork --kill-child --mount-proc \
                    sh "$1/machines.sh" "$2" "$3" "$4"
                sh "$1/sweep.sh" "$2"
                """, "sh", scripts, folder, tree, boot.rawValue,
            ], in: "/", output: "\(folder)/console", input: ends[1])
        let holder = holder
        initPID = try await Self.descendant(of: holder)
    }

    deinit { close(leash) }

    private func end() async {
        shutdown(leash, Int32(SHUT_RDWR))
        let holder = holder
        _ = await Task.detached { await holder.ended(before: .now + .seconds(30)) }.value
    }

    private static func layOut(_ folder: String, strip: String) throws {
        let configuration = [
            "Port 22", "HostKey /etc/fresh/host_key", "PermitRootLogin prohibit-password",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM yes",
            "UseDNS no", "PrintMotd no", "PidFile none", "Subsystem sftp internal-sftp",
        ]
        try configuration.map { $0 + "\n" }.joined().write(
            toFile: "\(folder)/sshd_config", atomically: true, encoding: .utf8)
        if !strip.isEmpty {
            try strip.write(toFile: "\(folder)/strip.sh", atomically: true, encoding: .utf8)
        }
        for key in ["id", "host_key"] {
            let keygen = Process()
            keygen.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
            keygen.arguments = [
                "-q", "-t", "ed25519", "-N", "", "-C", "fresh", "-f", "\(folder)/\(key)",
            ]
            try keygen.run()
            keygen.waitUntilExit()
        }
        let key = try String(contentsOfFile: "\(folder)/host_key.pub", encoding: .utf8)
        let words = key.split(separator: " ").prefix(2).joined(separator: " ")
        try (1...3).map { "10.9.0.\($0) \(words)\n" }.joined().write(
            toFile: "\(folder)/known_hosts", atomically: true, encoding: .utf8)
    }

    private static func descendant(of holder: ChildProcess) async throws -> pid_t {
        var pid: pid_t?
        try await until("the machines' first process runs", every: .milliseconds(5)) {
            pid = holder.pid
            for _ in 0..<2 { pid = pid.flatMap { children(of: $0).first } }
            return pid != nil
        }
        guard let pid else { throw Failure("the machines did not start") }
        return pid
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        let text = try? String(
            contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    private func untilBooted() async throws {
        for number in 1...3 {
            try await untilBooted(number)
        }
    }

    func untilBooted(_ number: Int) async throws {
        try await until("vm\(number) has booted", within: .seconds(60)) {
            guard holder.isRunning else { throw Failure("the machines have ended") }
            switch boot {
            case .sshd: return access("\(folder)/vm\(number)/booted", F_OK) == 0
            // All that is enabled has been started, or has failed.
            case .systemd:
                let state = try await ssh(number, "systemctl is-system-running")
                return ["running\n", "degraded\n"].contains(state.output)
            }
        }
    }

    private var consoles: String {
        (["console"] + (1...3).map { "vm\($0).console" }).map { name in
            let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            return "--- \(name)\n\(text ?? "")"
        }.joined(separator: "\n")
    }

    // MARK: - What is done there

    struct Ending {
        var status: Int32
        var output: String
        var complaint: String
    }

    /// On the scheduler's machine: in its network, with this machine's files.
    func onScheduler(_ arguments: [String], input: String = "") async throws -> Ending {
        try await finish(
            ["nsenter", "--net=/proc/\(initPID)/ns/net", "--"] + arguments, input: input)
    }

    /// As root, over SSH, as an administrator would.
    func ssh(_ number: Int, _ command: String, input: String = "") async throws -> Ending {
        try await onScheduler(
            [
                "ssh", "-F", "none", "-o", "BatchMode=yes", "-o",
                "UserKnownHostsFile=\(folder)/known_hosts", "-i", "\(folder)/id",
                "root@10.9.0.\(number)", command,
            ], input: input)
    }

    private func finish(_ arguments: [String], input: String) async throws -> Ending {
        let result = try await LocalRunner().run(
            Command(
                arguments, standardInput: Array(input.utf8), timeout: .seconds(900),
                outputLimitBytes: 1 << 20))
        guard case .exited(let status) = result.ending else {
            throw Failure("\(arguments): \(result.ending)")
        }
        return Ending(status: status, output: result.output, complaint: result.errorOutput)
    }
}
