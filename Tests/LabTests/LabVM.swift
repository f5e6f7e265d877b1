import Execution
import Foundation
import Glibc

@testable import ToolkitTesting

/// One "VM": processes, network, mounts, IPC and host name of its own, an unprivileged user, an sshd.
/// Its disk is a folder of the lab, mounted as /mnt; /run is lost with the VM.
final class LabVM: @unchecked Sendable {
    // Safe: a scenario works on one VM from one task at a time.

    static let hooks = "/mnt/share/hooks"

    let name: String
    let number: Int
    let folder: String
    let address: String
    let user: String
    let id: Int
    private let lab: Lab
    private var process: ChildProcess?
    /// PostgreSQL is started by a supervisor, which starts it again.
    var isSupervised = false
    var supervisor: ChildProcess?
    /// Its servers see a wall clock of their own.
    var clock: [String: String] = [:]
    /// Process 1 of the VM, by its number outside.
    private(set) var initPID: pid_t = 0

    init(_ number: Int, name: String, in lab: Lab) {
        self.number = number
        self.name = name
        self.lab = lab
        folder = "\(lab.folder)/\(name)"
        address = "10.0.0.\(number)"
        user = "pg\(number)"
        id = 61_000 + number
    }

    var isOn: Bool { process?.isRunning ?? false }
    /// A path of the VM, as this process sees it; also what lies on its tmpfs.
    func outside(_ path: String) -> String { "/proc/\(initPID)/root\(path)" }

    // MARK: Power

    /// Boots: namespaces, mounts, network, sshd. PostgreSQL is started by `startPostgres`.
    func boot(program: String = "") async throws {
        unlink("\(folder)/booted")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("vm.sh").path
        let process = try ChildProcess(
            [
                "nsenter", "--target=\(lab.initPID)", "--pid", "--", "unshare", "--net", "--mount",
                "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "--", "/bin/sh", script, name,
                folder, program,
            ], in: "/", output: "\(lab.folder)/\(name).console")
        self.process = process
        initPID = try await Processes.descendant(of: process, depth: 2, name)
        try await until("\(name) has booted", within: .seconds(20), every: .milliseconds(5)) {
            guard process.isRunning else {
                let said = try? String(
                    contentsOfFile: "\(lab.folder)/\(name).console", encoding: .utf8)
                throw LabError("\(name) does not boot: \(said ?? "")")
            }
            return access("\(folder)/booted", F_OK) == 0
        }
        lab.traces.note(namespacesOf: initPID)
        try await lab.plugIn(self)
        if FileManager.default.fileExists(atPath: "\(folder)/sshd_config") { try await startSSHD() }
    }

    /// As by the hypervisor: everything in the VM is gone at once, and nobody is told.
    func powerOff() async throws {
        guard let process else { return }
        // Else the kernel would close the dead processes' connections.
        try await lab.link(self, isUp: false)
        await lab.traces.end(initPID) {
            kill(initPID, SIGKILL)
            _ = await process.ended(before: .now + .seconds(20))
        }
        self.process = nil
    }

    /// Power off and on: another boot id, /run and shared memory are empty.
    func reset() async throws {
        try await powerOff()
        try await renewBootID()
        try await boot()
    }

    func renewBootID() async throws {
        let boot = UUID().uuidString.lowercased() + "\n"
        try boot.write(toFile: "\(folder)/boot_id", atomically: true, encoding: .utf8)
    }

    // MARK: Programs

    /// The command line that runs `arguments` in the VM, as its user or as root.
    func command(
        _ arguments: [String], asRoot: Bool = false, _ environment: [String: String] = [:]
    ) -> [String] {
        let variables = ["HOME": "/mnt", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"]
            .merging(environment) { $1 }
        let who =
            asRoot ? [] : ["setpriv", "--reuid=\(id)", "--regid=\(id)", "--clear-groups", "--"]
        return [
            "nsenter", "--target=\(initPID)", "--mount", "--net", "--pid", "--ipc", "--uts", "--",
        ] + who + ["/usr/bin/env", "-C", "/mnt", "-i"]
            + variables.map { "\($0.key)=\($0.value)" }.sorted() + arguments
    }

    @discardableResult
    func run(
        _ arguments: [String], asRoot: Bool = false, _ environment: [String: String] = [:],
        input: String = "", within timeout: Duration = .seconds(60)
    ) async throws -> String {
        try await shell(
            command(arguments, asRoot: asRoot, environment), input: input, within: timeout)
    }

    /// Every process of the VM but its first.
    var processes: [pid_t] { Processes.neighbours(of: initPID).filter { $0 != initPID } }

    func processes(named words: String) -> [pid_t] {
        processes.filter { Processes.command($0).contains(words) }
    }

    /// SIGKILL to some processes; returns when they are gone.
    func end(_ victims: [pid_t]) async throws {
        for victim in victims { Glibc.kill(victim, SIGKILL) }
        try await until("killed processes are gone", within: .seconds(10), every: .milliseconds(2))
        {
            victims.allSatisfy(Processes.isDead)
        }
    }

    /// SIGSTOP to everything, until nothing in the VM runs.
    func freeze() async throws {
        try await until("\(name) is frozen", within: .seconds(10), every: .milliseconds(1)) {
            let running = processes.filter {
                Processes.state($0).map { !"TtZX".contains($0) } ?? false
            }
            for process in running { Glibc.kill(process, SIGSTOP) }
            return running.isEmpty
        }
    }

    func thaw() { for process in processes { Glibc.kill(process, SIGCONT) } }

    // MARK: sshd

    func startSSHD() async throws {
        try await run(
            ["/usr/sbin/sshd", "-f", "/mnt/sshd_config", "-E", "/mnt/sshd.log"], asRoot: true)
    }

    /// The daemon and its sessions.
    func stopSSHD() async throws { try await end(processes(named: "sshd: ")) }
}
