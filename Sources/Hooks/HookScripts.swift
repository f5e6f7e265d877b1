public import ClusterFile
import Execution
import Foundation

/// Where hooks come from: the cluster's own `hooks/` beside `cluster.yaml`, then the shipped ones.
public struct HookScripts: Sendable {
    /// What a setting amounts to.
    public enum Command: Hashable, Sendable {
        /// A script of ours or of the user, to be uploaded.
        case file(String)
        /// A line for the shell, with repmgr's placeholders.
        case inline(String)
        case none
        /// A file that the configuration names and that isn't there.
        case missing(String)
    }

    /// Folders that are searched, the first hit wins.
    public var folders: [String]
    public var settings: ClusterSettings

    public init(settings: ClusterSettings, sharedHooks: String) {
        self.settings = settings
        folders = [settings.baseDirectory + "/hooks", sharedHooks]
    }

    /// The command that a hook runs in this cluster.
    public func command(for hook: HookName) -> Command {
        if let text = settings.hooks.byName[hook.rawValue]?.command { return configured(text) }
        guard HookCatalogue.entry(hook).defaultFile != nil else { return .none }
        guard let file = find(hook.rawValue + ".sh") else {
            return .missing((folders.last ?? "") + "/" + hook.rawValue + ".sh")
        }
        return .file(file)
    }

    /// Whether the shipped script runs, neither a command of the user's nor a script of theirs by
    /// the same name.
    public func isShipped(_ hook: HookName) -> Bool {
        guard case .file(let path) = command(for: hook), let shipped = folders.last else {
            return false
        }
        return path.hasPrefix(shipped + "/")
    }

    /// Drop-ins around a hook, in name order: executable files `<hook>.d/pre-*` and `post-*`.
    public func dropIns(of hook: HookName) -> [String] {
        let folder = folders[0] + "/" + hook.rawValue + ".d"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("pre-") || $0.hasPrefix("post-") }
            .filter { !$0.hasSuffix("~") }.sorted().map { folder + "/" + $0 }
            .filter { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether a drop-in runs before its hook.
    public static func isBefore(_ dropIn: String) -> Bool {
        dropIn.split(separator: "/").last?.hasPrefix("pre-") ?? false
    }

    /// `lib/*.sh` by file name: the cluster's own wins over the shipped one.
    public func library() -> [(name: String, path: String)] {
        var files: [String: String] = [:]
        for folder in folders.reversed() {
            let lib = folder + "/lib"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: lib)) ?? []
            for name in names where name.hasSuffix(".sh") && !Self.programs.contains(name) {
                files[name] = lib + "/" + name
            }
        }
        return files.sorted { $0.key < $1.key }.map { (name: $0.key, path: $0.value) }
    }

    /// A file of `hooks/`, the cluster's own first.
    func find(_ name: String) -> String? {
        folders.map { $0 + "/" + name }.first { FileManager.default.fileExists(atPath: $0) }
    }

    /// Installed into `state_dir`/bin by deploy: no hook sources them.
    private static let programs: Set<String> = [
        "node-apply.sh", "run-hook.sh", "inspect.sh", "node-lib.sh",
    ]

    private func configured(_ text: String) -> Command {
        let path = text.hasPrefix("/") ? text : settings.baseDirectory + "/" + text
        if Self.isScript(path) { return .file(path) }
        // `hooks/promote_command.sh` can only mean a file; `/usr/bin/pg_ctlcluster` may lie on the
        // node alone, and `systemctl` is found by its PATH.
        let isRelativePath = text.contains("/") && !text.hasPrefix("/") && !text.contains(" ")
        return isRelativePath ? .missing(path) : .inline(text)
    }

    private static func isScript(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        return (try? file.read(upToCount: 2)) == Data("#!".utf8)
    }
}

extension HookScripts {
    /// The bytes of a shipped file: a cluster can't replace what replication safety rests on.
    func read(shipped name: String) throws(ExecutionError) -> [UInt8] {
        try Self.read((folders.last ?? "") + "/" + name)
    }

    static func read(_ path: String) throws(ExecutionError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw ExecutionError(
                .notFound, "cannot read the script \(path)", because: error.localizedDescription,
                next: "restore the file, or set TOOLKIT_SHARE to the folder that holds hooks/")
        }
    }
}
