import Foundation
import Glibc
import Synchronization

@testable import ToolkitTesting

/// The namespaces of a lab and of its VMs, each known by its first process, so that it can be told
/// when something of them stays behind.
final class LabTraces: Sendable {
    private struct State {
        var namespaces: [pid_t: Set<String>] = [:]
        var inhabitants: [String] = []
    }

    private let state = Mutex(State())

    /// Who was found in a namespace whose first process had ended.
    var inhabitants: [String] { state.withLock { $0.inhabitants } }

    func note(namespacesOf pid: pid_t) {
        let own = Processes.namespaces("/proc/\(pid)").subtracting(
            Processes.namespaces("/proc/self"))
        state.withLock { $0.namespaces[pid] = own }
    }

    /// Ends a VM by its first process, or everything, and looks for whoever lives on. The numbers of
    /// namespaces are used again at once: who was started later belongs to somebody else.
    func end(_ pid: pid_t? = nil, by body: () async -> Void) async {
        let moment = Processes.uptimeTicks
        await body()
        let ended = state.withLock { state in
            let ended = state.namespaces.filter { pid == nil || $0.key == pid }
            for key in ended.keys { state.namespaces[key] = nil }
            return ended.values.reduce(into: Set<String>()) { $0.formUnion($1) }
        }
        func left() -> [String] { Self.inhabitants(of: ended, startedBefore: moment) }
        // Whoever waited outside for a process within has yet to notice its end.
        try? await until("nobody is left", within: .seconds(5)) { left().isEmpty }
        let last = left()
        state.withLock { $0.inhabitants += last }
    }

    /// Processes, threads of ours, and mounts, which keep a namespace without any process.
    private static func inhabitants(
        of namespaces: Set<String>, startedBefore moment: UInt64
    ) -> [String] {
        let processes = Processes.all.map { "/proc/\($0)" }
        let threads = Processes.names(in: "/proc/self/task").map { "/proc/self/task/\($0)" }
        let living = (processes + threads).filter { place in
            !Processes.namespaces(place).isDisjoint(with: namespaces)
                && Processes.startTime(place).map { $0 < moment } ?? false
        }
        let mounts = (Processes.read("/proc/self/mountinfo") ?? "").split(separator: "\n").filter {
            line in namespaces.contains { line.contains($0) }
        }
        return living.map { "\($0) in a namespace of the lab" } + mounts.map { "mount \($0)" }
    }
}

extension Lab {
    /// What is left of a lab that was removed: nothing.
    func leftovers(of vms: [LabVM]) -> [String] {
        var left: [String] = []
        if access(folder, F_OK) == 0 { left.append("folder \(folder)") }
        if holder.isRunning { left.append("process \(holder.pid)") }
        let mounts = Processes.read("/proc/self/mountinfo") ?? ""
        left += mounts.split(separator: "\n").filter { $0.contains(folder) }.map {
            "mount \($0)"
        }
        left += Processes.all.filter { Processes.command($0).contains(folder + "/") }.map {
            "process \($0): \(Processes.command($0))"
        }
        left += traces.inhabitants
        // Its own servers see a /dev/shm of their VM; a segment here was made out of it.
        let owners = Set(vms.map { uid_t($0.id) })
        left += ["/dev/shm", "/tmp", "/run"].flatMap { place in
            Processes.names(in: place).map { "\(place)/\($0)" }
        }.filter { path in
            var file = stat()
            return lstat(path, &file) == 0 && owners.contains(file.st_uid)
        }.map { "file \($0)" }
        return left
    }
}

extension Processes {
    static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    static var all: [pid_t] { names(in: "/proc").compactMap { pid_t($0) } }

    static func namespaces(_ place: String) -> Set<String> {
        Set(
            ["net", "pid", "mnt", "ipc", "uts"].compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/ns/\($0)")
            })
    }

    /// In ticks since the machine's boot, as `uptimeTicks`.
    static func startTime(_ place: String) -> UInt64? {
        guard let stat = read("\(place)/stat"), let end = stat.lastIndex(of: ")") else {
            return nil
        }
        // The 20th field after the name, which may hold anything.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    static var uptimeTicks: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        let perSecond = Int(sysconf(Int32(_SC_CLK_TCK)))
        return UInt64(now.tv_sec * perSecond + now.tv_nsec / (1_000_000_000 / perSecond))
    }
}
