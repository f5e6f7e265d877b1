import Foundation
import Glibc
import Synchronization

@testable import ToolkitTesting

/// What a lab and its VMs were made of, so that it can be told when something of it stays behind.
final class LabTraces: Sendable {
    private struct State {
        var namespaces: Set<String> = []
        /// On the clock of process start times.
        var endedAt: UInt64?
    }

    private let state = Mutex(State())

    /// The namespaces that process 1 of the lab or of a VM has for itself.
    func note(namespacesOf pid: pid_t) {
        let own = Processes.namespaces("/proc/\(pid)").subtracting(
            Processes.namespaces("/proc/self"))
        state.withLock { $0.namespaces.formUnion(own) }
    }

    /// The numbers of namespaces are used again: who was started later belongs to another lab.
    func ends() {
        let now = Processes.uptimeTicks
        state.withLock { $0.endedAt = now }
    }

    /// A mounted namespace lives on without a process.
    func isNamed(in mount: Substring) -> Bool {
        state.withLock { $0.namespaces.contains { mount.contains($0) } }
    }

    /// Whoever, started before the end, is in one of the namespaces: a process, or a thread of ours.
    var inhabitants: [String] {
        let (noted, end) = state.withLock { ($0.namespaces, $0.endedAt) }
        guard let end else { return ["the lab did not end"] }
        let processes = Processes.all.map { "/proc/\($0)" }
        let threads = Processes.names(in: "/proc/self/task").map { "/proc/self/task/\($0)" }
        return (processes + threads).filter { place in
            !Processes.namespaces(place).isDisjoint(with: noted)
                && Processes.startTime(place).map { $0 < end } ?? false
        }.map { "\($0) in a namespace of the lab" }
    }
}

extension Lab {
    /// What is left of a lab that was removed: nothing.
    func leftovers(of vms: [LabVM]) -> [String] {
        var left: [String] = []
        if access(folder, F_OK) == 0 { left.append("folder \(folder)") }
        if holder.isRunning { left.append("process \(holder.pid)") }
        let mounts = Processes.read("/proc/self/mountinfo") ?? ""
        left += mounts.split(separator: "\n").filter {
            $0.contains(folder) || traces.isNamed(in: $0)
        }.map { "mount \($0)" }
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
