import Execution
import Foundation
import Glibc

@testable import ToolkitTesting

/// Four "VMs" on a network of their own: vm1, vm2, vm3 with PostgreSQL, vm4 with the scheduler.
/// Nothing of this machine is touched but one folder; all of it goes when the lab ends, or when this
/// process does.
final class Lab: Sendable {
    let folder: String
    private let leash: Int32
    private let holder: ChildProcess
    /// Process 1 of the lab: whatever runs in it ends with it. Its network holds the bridge.
    let initPID: pid_t

    /// The first process holds the lab until the test lets go; its parent then removes the folder.
    private static let script = #"""
        trap '' HUP INT TERM
        unshare --net --pid --fork --kill-child --mount-proc sh -c '
            ip link set lo up
            ip link add lab type bridge
            ip link set lab up
            ip address add 10.0.0.100/24 dev lab
            cat >/dev/null
            :'
        rm -rf "$1"
        """#

    init() async throws {
        var template = Array("/dev/shm/lab-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LabError("no folder in /dev/shm") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(folder, 0o711)
        var ends: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, flags, 0, &ends) == 0 else { throw LabError("no socket") }
        leash = ends[0]
        defer { close(ends[1]) }
        holder = try ChildProcess(
            ["/bin/sh", "-c", Self.script, "lab", folder], in: "/", output: "\(folder)/console",
            input: ends[1])
        initPID = try await Processes.descendant(of: holder, depth: 2, "the lab")
        let pid = initPID
        try await until("the lab's network is there", within: .seconds(10)) {
            try await !shell(Self.inNetwork(of: pid, ["ip", "-4", "-o", "address"]))
                .matches(of: /10\.0\.0\.100/).isEmpty
        }
    }

    deinit { close(leash) }

    /// Ends every process and mount of the lab and removes its folder.
    func remove() async {
        shutdown(leash, Int32(SHUT_RDWR))
        let holder = holder
        _ = await Task.detached { await holder.ended(before: .now + .seconds(30)) }.value
    }

    /// What is left of a lab that was removed: nothing.
    var leftovers: [String] {
        var left: [String] = []
        if access(folder, F_OK) == 0 { left.append("folder \(folder)") }
        if holder.isRunning { left.append("process \(holder.pid)") }
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        left += mounts.split(separator: "\n").filter { $0.contains(folder) }.map { "mount \($0)" }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        left += names.compactMap { pid_t($0) }.filter {
            Processes.command($0).contains(folder + "/")
        }.map { "process \($0): \(Processes.command($0))" }
        return left
    }

    static func inNetwork(of pid: pid_t, _ arguments: [String]) -> [String] {
        ["nsenter", "--net=/proc/\(pid)/ns/net", "--"] + arguments
    }

    // MARK: The network

    /// A cable from the bridge to a VM that has just booted; its card keeps its address for life.
    func plugIn(_ vm: LabVM) async throws {
        try await shell(
            Self.inNetwork(
                of: initPID,
                [
                    "sh", "-euc",
                    """
                    ip link delete "$1" 2>/dev/null || :
                    ip link add "$1" type veth peer name eth0 address "$3" netns "$2"
                    ip link set "$1" master lab
                    ip link set "$1" up
                    """, "sh", vm.name, "\(vm.initPID)", "02:00:00:00:00:0\(vm.number)",
                ]))
        try await inNetwork(
            of: vm,
            """
            ip address add \(vm.address)/24 dev eth0
            ip link set eth0 up
            nft add table inet lab
            nft add chain inet lab in '{ type filter hook input priority 0; }'
            nft add chain inet lab out '{ type filter hook output priority 0; }'
            """)
    }

    func inNetwork(of vm: LabVM, _ script: String) async throws {
        try await shell(Self.inNetwork(of: vm.initPID, ["sh", "-euc", script]))
    }

    /// Pulls the cable of a VM, or puts it back. Nobody is told: packets vanish.
    func link(_ vm: LabVM, isUp: Bool) async throws {
        try await shell(
            Self.inNetwork(
                of: initPID, ["ip", "link", "set", vm.name, isUp ? "up" : "down"]))
    }

    /// Packets from `other` to `vm` vanish; all of them, or so many of a hundred.
    func drop(to vm: LabVM, from other: LabVM, percent: Int = 100) async throws {
        let part = percent == 100 ? "" : "numgen random mod 100 '<' \(percent)"
        try await inNetwork(
            of: vm, "nft add rule inet lab in ip saddr \(other.address) \(part) drop")
    }

    /// Packets between two VMs vanish, in both directions.
    func cut(_ vm: LabVM, _ other: LabVM) async throws {
        try await drop(to: vm, from: other)
        try await drop(to: other, from: vm)
    }

    func healNetwork(_ vms: [LabVM]) async throws {
        for vm in vms {
            try await inNetwork(of: vm, "nft flush chain inet lab in; nft flush chain inet lab out")
        }
    }

    /// What `vm` receives comes at this rate; nil: as fast as it can.
    func limit(to vm: LabVM, rate: String?) async throws {
        let command =
            rate.map { "replace dev \(vm.name) root tbf rate \($0) burst 16k latency 300ms" }
            ?? "delete dev \(vm.name) root"
        try await shell(
            Self.inNetwork(of: initPID, ["sh", "-c", "tc qdisc \(command)"]))
    }
}
