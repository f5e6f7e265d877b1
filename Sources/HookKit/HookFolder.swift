import ClusterFile
import Foundation
import Hooks

/// A cluster's own `hooks/`: which files lie there, and which of them nothing runs.
struct HookFolder {
    /// What would be run or sourced, with what `hooks:` names elsewhere.
    private(set) var files: [String] = []
    private(set) var findings: [HookFinding] = []

    init(settings: ClusterSettings, scripts: HookScripts) {
        let folder = settings.baseDirectory + "/hooks"
        var configured: [String] = []
        for entry in HookCatalogue.all where !scripts.isShipped(entry.hook) {
            if case .file(let path) = scripts.command(for: entry.hook) { configured.append(path) }
        }
        for name in Self.names(in: folder) {
            let path = folder + "/" + name
            if name == "lib" {
                files += Self.names(in: path).filter { $0.hasSuffix(".sh") }.map { path + "/" + $0 }
            } else if name.hasSuffix(".d") {
                look(atDropIns: path, of: String(name.dropLast(2)))
            } else if configured.contains(path) {
                continue
            } else if let hook = Self.hook(ofFile: path) {
                files.append(path)
                find(
                    path, "nothing runs it: \(hook) has no command",
                    "write into cluster.yaml: hooks: { \(hook): hooks/\(name) }")
            } else if name.hasSuffix(".sh") {
                files.append(path)
                find(path, "nothing runs it: there is no such hook", Self.hint(for: name))
            }
        }
        files = configured + files
    }

    private mutating func look(atDropIns folder: String, of name: String) {
        guard HookName(rawValue: name) != nil else {
            return find(folder, "nothing runs it: there is no such hook", Self.hint(for: name))
        }
        for name in Self.names(in: folder) where !name.hasSuffix("~") {
            let path = folder + "/" + name
            guard name.hasPrefix("pre-") || name.hasPrefix("post-") else {
                find(path, "nothing runs it: its name has no pre- or post-", "rename it")
                continue
            }
            files.append(path)
        }
    }

    private mutating func find(_ path: String, _ says: String, _ next: String) {
        findings.append(HookFinding(path: path, says: says, next: next))
    }

    /// Of `hooks/promote_command.sh` and `hooks/promote_command.d/pre-vip`: promote_command.
    static func hook(ofFile path: String) -> HookName? {
        let parts = path.split(separator: "/")
        if let folder = parts.dropLast().last, folder.hasSuffix(".d"),
            let hook = HookName(rawValue: String(folder.dropLast(2)))
        {
            return hook
        }
        guard let name = parts.last, name.hasSuffix(".sh") else { return nil }
        return HookName(rawValue: String(name.dropLast(3)))
    }

    private static func hint(for name: String) -> String {
        let word = name.hasSuffix(".sh") ? String(name.dropLast(3)) : name
        return Spelling.nearest(to: word, among: HookName.allCases.map(\.rawValue)).map {
            "did you mean \($0)?"
        } ?? "name it in cluster.yaml, or see `toolkit hook list`"
    }

    private static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
