import ClusterFile
import Execution
import FailoverCore
import Foundation
import Synchronization

/// Every script that a cluster's hooks need on a node, as one folder under its content hash: an
/// edit on the scheduler's machine is a folder of its own, and a running hook keeps its files.
struct HookBundle: Sendable {
    struct File: Sendable {
        /// Below the folder.
        var name: String
        var mode: UInt32
        var contents: [UInt8]
    }

    let files: [File]
    let hash: String

    init(_ scripts: HookScripts) throws(ExecutionError) {
        var files: [File] = []
        for entry in HookCatalogue.all where entry.place == .node {
            if case .file(let path) = scripts.command(for: entry.hook) {
                files.append(try Self.script(entry.hook.rawValue + ".sh", path))
            }
            for path in scripts.dropIns(of: entry.hook) {
                files.append(try Self.script(Self.dropInName(path, of: entry.hook), path))
            }
        }
        for file in scripts.library() {
            let contents = try HookScripts.read(file.path)
            files.append(File(name: "lib/" + file.name, mode: 0o600, contents: contents))
        }
        self.files = files
        hash = SHA256.hex(
            files.flatMap { Array("\($0.name) \($0.contents.count)\n".utf8) + $0.contents })
    }

    static func dropInName(_ path: String, of hook: HookName) -> String {
        hook.rawValue + ".d/" + (path.split(separator: "/").last ?? "")
    }

    func folder(on node: NodeSettings) -> String { node.stateDirectory + "/hooks/" + hash }

    /// Leaves the folder on a node; `complete` in it says that nothing is missing.
    func upload(
        to node: NodeSettings, via runner: any CommandRunner, timeout: Duration
    ) async throws(ExecutionError) {
        let folder = folder(on: node)
        let folders = Set(files.compactMap { $0.name.split(separator: "/").dropLast().first })
        let look = "[ -e \"$1/complete\" ] && echo complete || mkdir -p -- \"$@\""
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-c", look, "sh", folder]
                    + folders.sorted().map { "\(folder)/\($0)" }, timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot make \(folder) on \(node.id)",
                because: result.errorOutput.isEmpty ? "\(result.ending)" : result.errorOutput,
                next: "run `toolkit deploy`, which makes the folders and gives them to the SSH user"
            )
        }
        guard result.output != "complete\n" else { return }
        try await send(to: folder, of: node, via: runner, timeout: timeout)
    }

    /// All files in one command: a round trip for each would cost seconds on a busy machine. Each
    /// takes its place whole: another upload may have left one that runs.
    private func send(
        to folder: String, of node: NodeSettings, via runner: any CommandRunner, timeout: Duration
    ) async throws(ExecutionError) {
        let unpack = """
            umask 077
            cd -- "$1"
            while read -r mode text name; do
                [ "$text" != - ] || text=
                printf '%s' "$text" | base64 -d >"$name.$$"
                chmod "$mode" "$name.$$"
                set -- "$@" "$name.$$"
            done
            shift
            sync -- "$@"
            for file; do mv -f -- "$file" "${file%.$$}"; done
            : >complete
            sync -- complete .
            """
        let lines = files.map { file in
            let text = file.contents.isEmpty ? "-" : Data(file.contents).base64EncodedString()
            return "\(String(file.mode, radix: 8)) \(text) \(file.name)\n"
        }
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-euc", unpack, "sh", folder],
                standardInput: Array(lines.joined().utf8), timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot write \(folder) on \(node.id)",
                because: result.errorOutput.isEmpty ? "\(result.ending)" : result.errorOutput,
                next: "look at the space that is left there")
        }
    }

    private static func script(_ name: String, _ path: String) throws(ExecutionError) -> File {
        File(name: name, mode: 0o700, contents: try HookScripts.read(path))
    }
}

/// Which folders lie on which node already.
final class UploadedBundles: Sendable {
    private let known = Mutex<Set<String>>([])

    func contains(_ folder: String, on node: NodeID) -> Bool {
        known.withLock { $0.contains("\(node) \(folder)") }
    }
    func insert(_ folder: String, on node: NodeID) {
        known.withLock { _ = $0.insert("\(node) \(folder)") }
    }
    func forget(_ folder: String, on node: NodeID) {
        known.withLock { _ = $0.remove("\(node) \(folder)") }
    }
}
