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
    /// A script that writes the files into its working directory.
    private let archive: [UInt8]
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
        archive = Self.archive(files)
        hash = SHA256.hex(archive)
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
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-euc", Self.unpack, "sh", folder, hash],
                standardInput: archive, timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot write \(folder) on \(node.id)",
                because: result.errorOutput.isEmpty ? "\(result.ending)" : result.errorOutput,
                next:
                    "look at the space that is left there, then run `toolkit deploy`, which gives "
                    + "the folder above to the SSH user")
        }
    }

    /// It has the shell itself write them: a hundred processes would cost a slow machine more than a
    /// start of PostgreSQL.
    private static func archive(_ files: [File]) -> [UInt8] {
        let folders = Set(files.compactMap { $0.name.split(separator: "/").dropLast().first })
        var script = Array("mkdir -p -- \(words(folders.map(String.init)))\n".utf8)
        for file in files {
            let name = ShellWord.quote(file.name)
            if file.contents.contains(0) {
                let text = Data(file.contents).base64EncodedString()
                script += Array("base64 -d >\(name) <<'END'\n\(text)\nEND\n".utf8)
            } else {
                script += Array("printf %s ".utf8) + ShellWord.quote(file.contents)
                script += Array(" >\(name)\n".utf8)
            }
        }
        let programs = files.filter { $0.mode == 0o700 }.map(\.name)
        if !programs.isEmpty { script += Array("chmod 700 -- \(words(programs))\n".utf8) }
        return script
    }

    private static func words(_ names: [String]) -> String {
        names.sorted().map { ShellWord.quote($0) }.joined(separator: " ")
    }

    /// Unpacks beside the folder, which appears whole. A folder that an interrupted upload left is moved
    /// away, not changed: a hook of it may run.
    private static let unpack = """
        umask 077
        folder=$1 hash=$2 new=$1.new.$$
        trap 'rm -rf -- "$new" "$new.old"' EXIT
        mkdir -p -- "$new"
        cd -- "$new"
        cat >archive
        if [ "$(sha256sum <archive)" != "$hash  -" ]; then
            echo 'the files arrived damaged' >&2
            exit 1
        fi
        . ./archive
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
