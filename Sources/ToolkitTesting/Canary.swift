import Foundation

/// A password that must show nowhere: looked for in processes and files.
public struct Canary: Sendable {
    public let secret: String

    /// Letters and digits, so that no quoting hides it.
    public init() { secret = "canary" + UUID().uuidString.filter { $0 != "-" } }

    /// Processes with the secret in their arguments or environment, as far as they may be read.
    public func processes() -> [String] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return pids.filter { Int($0) != nil }.flatMap { pid in
            ["cmdline", "environ"].compactMap { file in
                let text = FileManager.default.contents(atPath: "/proc/\(pid)/\(file)")
                return text.map(holds) == true ? "/proc/\(pid)/\(file)" : nil
            }
        }
    }

    /// Watches all processes until the task is cancelled; returns where the secret was seen.
    public func watch() async -> Set<String> {
        var seen: Set<String> = []
        while !Task.isCancelled {
            seen.formUnion(processes())
            try? await Task.sleep(for: .milliseconds(20))
        }
        return seen
    }

    /// Files below `folder` with the secret in them, but for those named `except`.
    public func files(below folder: String, except names: Set<String>) -> [String] {
        let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
        return (found ?? []).filter { path in
            guard !names.contains((path as NSString).lastPathComponent) else { return false }
            return FileManager.default.contents(atPath: "\(folder)/\(path)").map(holds) ?? false
        }
    }

    private func holds(_ data: Data) -> Bool { data.range(of: Data(secret.utf8)) != nil }
}
