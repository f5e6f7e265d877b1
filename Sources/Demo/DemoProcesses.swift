import Foundation
import Glibc

/// The processes that the demo started, directly or through hooks: all that work below its folder.
struct DemoProcesses: Sendable {
    let root: String

    /// Ends a process and, first noted, all its descendants.
    static func killTree(_ pid: pid_t) {
        let victims = [pid] + descendants(of: pid)
        for victim in victims { kill(victim, SIGKILL) }
    }

    static func descendants(of pid: pid_t) -> [pid_t] {
        let parents = all().compactMap { id in parent(of: id).map { (id, $0) } }
        var found: [pid_t] = []
        var level: Set<pid_t> = [pid]
        while !level.isEmpty {
            let next = parents.filter { level.contains($0.1) }.map(\.0)
            found += next
            level = Set(next)
        }
        return found
    }

    /// Every process whose working directory or command line lies below the folder, but this one.
    func ours() -> [pid_t] {
        Self.all().filter { pid in
            guard pid != getpid() else { return false }
            let directory = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(pid)/cwd")
            if let directory, directory.hasPrefix(root) { return true }
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
            return command.map { String(decoding: $0, as: UTF8.self).contains(root + "/") } ?? false
        }
    }

    /// Tells the postmasters of these data directories to stop at once, and waits for their end.
    func quit(_ dataDirectories: [String]) async {
        let running = Set(ours())
        let postmasters = dataDirectories.compactMap(Self.postmaster).filter(running.contains)
        for pid in postmasters { kill(pid, SIGQUIT) }
        let deadline = ContinuousClock.now + .seconds(6)
        while ContinuousClock.now < deadline, !Set(ours()).isDisjoint(with: postmasters) {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Ends all of them and waits until none is left.
    func endAll() async {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let left = ours()
            if left.isEmpty { return }
            for pid in left { kill(pid, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The postmaster of a data directory.
    static func postmaster(of dataDirectory: String) -> pid_t? {
        let file = FileManager.default.contents(atPath: dataDirectory + "/postmaster.pid")
        let text = file.map { String(decoding: $0, as: UTF8.self) }
        return text?.split(whereSeparator: \.isNewline).first.flatMap { pid_t($0) }
    }

    private static func all() -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }
    }

    private static func parent(of pid: pid_t) -> pid_t? {
        guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else {
            return nil
        }
        // The name in parentheses may hold anything, parentheses too.
        let text = String(decoding: stat, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].split(separator: " ")
        return fields.count > 2 ? pid_t(fields[2]) : nil
    }
}
