import Foundation
import Glibc

@testable import ToolkitTesting

/// The network between the VMs, and what breaks in it: cables, loss, slow lines.
extension Lab {
    static func inNetwork(of pid: pid_t, _ arguments: [String]) -> [String] {
        ["nsenter", "--net=/proc/\(pid)/ns/net", "--"] + arguments
    }

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

    /// Packets from `other` to `vm` vanish, all of them or so many of a hundred; what goes the other
    /// way arrives.
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

    /// What two VMs send to each other comes late: by so much where the kernel has `netem`, else as
    /// a line of this rate delays it. Returns which of them is in force.
    func slow(_ vm: LabVM, _ other: LabVM, milliseconds: Int, rate: String) async throws -> String {
        var means: Set<String> = []
        for (sender, receiver) in [(vm, other), (other, vm)] {
            // The class of a packet is lost on its way out of a namespace: each side shapes its own.
            let said = try await shell(
                Self.inNetwork(
                    of: sender.initPID,
                    [
                        "sh", "-euc",
                        """
                        tc qdisc show dev eth0 | grep -q htb || tc qdisc add dev eth0 root handle 1: htb
                        nft add rule inet lab out ip daddr "$1" meta priority set "1:$4"
                        tc class replace dev eth0 parent 1: classid "1:$4" htb rate 1gbit
                        if tc qdisc add dev eth0 parent "1:$4" netem delay "$2ms" 2>/dev/null; then
                            echo "netem $2 ms"
                        else
                            tc class replace dev eth0 parent 1: classid "1:$4" htb rate "$3" burst 4k
                            echo "htb $3"
                        fi
                        """, "sh", receiver.address, "\(milliseconds)", rate,
                        "1\(receiver.number)",
                    ]))
            means.insert(said.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return means.sorted().joined(separator: ", ")
    }

    /// How many bytes from `vm` to `other` went over the slow line.
    func slowed(from vm: LabVM, to other: LabVM) async throws -> Int {
        let said = try await shell(
            Self.inNetwork(
                of: vm.initPID,
                ["tc", "-s", "class", "show", "dev", "eth0", "classid", "1:1\(other.number)"]))
        return said.firstMatch(of: /Sent (\d+) bytes/).flatMap { Int($0.1) } ?? 0
    }

    /// Ends what `drop`, `cut` and `slow` did.
    func healNetwork(_ vms: [LabVM]) async throws {
        for vm in vms {
            try await inNetwork(
                of: vm,
                """
                nft flush chain inet lab in
                nft flush chain inet lab out
                tc qdisc delete dev eth0 root 2>/dev/null || :
                """)
        }
    }

    /// What `vm` receives from anybody comes at this rate; nil: as fast as it can.
    func limit(to vm: LabVM, rate: String?) async throws {
        let command =
            rate.map { "replace dev \(vm.name) root tbf rate \($0) burst 16k latency 300ms" }
            ?? "delete dev \(vm.name) root"
        try await shell(
            Self.inNetwork(of: initPID, ["sh", "-c", "tc qdisc \(command)"]))
    }
}
