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
        /// 0700 for what is run, 0600 for what is sourced.
        var mode: UInt32
        var contents: [UInt8]
    }

    let files: [File]
    /// SHA-256 of the archive.
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
        hash = SHA256.hex(Self.archive(files))
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
        let look = "[ ! -e \"$1/complete\" ] || echo complete"
        let found = try await runner.run(
            Command(["/bin/sh", "-c", look, "sh", folder], timeout: timeout))
        guard found.output != "complete\n" else { return }
        let folders = Set(files.compactMap { $0.name.split(separator: "/").dropLast().first })
        let archive = Data(Self.archive(files)).base64EncodedString()
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-euc", Self.unpack, "sh", folder, hash]
                    + folders.sorted().map { "\($0)" },
                standardInput: Array(archive.utf8), timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot write \(folder) on \(node.id)",
                because: result.errorOutput.isEmpty ? "\(result.ending)" : result.errorOutput,
                next:
                    "look at the space that is left there, then run `toolkit deploy`, which gives "
                    + "the folder above to the SSH user")
        }
    }

    /// Each file behind a line of its mode, length and name.
    private static func archive(_ files: [File]) -> [UInt8] {
        files.flatMap { file in
            let mode = String(file.mode, radix: 8)
            return Array("\(mode) \(file.contents.count) \(file.name)\n".utf8) + file.contents
        }
    }

    /// Takes the archive apart beside the folder, which appears whole. One process for each file and no
    /// more: a hundred would cost a slow machine more than a start of PostgreSQL. A folder that an
    /// interrupted upload left is moved away, not changed: a hook of it may run.
    private static let unpack = """
        umask 077
        folder=$1 hash=$2 new=$1.new.$$
        shift 2
        trap 'rm -rf -- "$new" "$new.old"' EXIT
        mkdir -p -- "$new"
        cd -- "$new"
        [ "$#" = 0 ] || mkdir -- "$@"
        set --
        base64 -d >archive
        if [ "$(sha256sum <archive)" != "$hash  -" ]; then
            echo 'the files arrived damaged' >&2
            exit 1
        fi
        while read -r mode length name; do
            head -c "$length" >"$name"
            [ "$mode" = 600 ] || set -- "$@" "$name"
        done <archive
        [ "$#" = 0 ] || chmod 700 -- "$@"
        rm -- archive
        : >complete
        find . -exec sync -- {} +
        cd ..
        [ ! -d "$folder" ] || [ -e "$folder/complete" ] || mv -T -- "$folder" "$new.old"
        if ! mv -T -- "$new" "$folder" 2>/dev/null && [ ! -e "$folder/complete" ]; then
            echo 'the folder cannot be moved into its place' >&2
            exit 1
        fi
        sync -- .
        """

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
