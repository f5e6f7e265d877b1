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
    let holder: ChildProcess
    /// Process 1 of the lab: whatever runs in it ends with it. Its network holds the bridge.
    let initPID: pid_t
    let traces = LabTraces()

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
        traces.note(namespacesOf: pid)
        try await until("the lab's network is there", within: .seconds(10)) {
            try await !shell(Self.inNetwork(of: pid, ["ip", "-4", "-o", "address"]))
                .matches(of: /10\.0\.0\.100/).isEmpty
        }
    }

    deinit { close(leash) }

    /// Ends every process and mount of the lab and removes its folder.
    func remove() async {
        await traces.end {
            shutdown(leash, Int32(SHUT_RDWR))
            let holder = holder
            _ = await Task.detached { await holder.ended(before: .now + .seconds(30)) }.value
        }
    }
}
