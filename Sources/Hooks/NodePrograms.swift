public import ClusterFile
public import Execution
import FailoverCore

/// What lies in a node's `state_dir`: `node.env` and the programs in `bin/`.
public struct NodePrograms: Sendable {
    public struct File: Hashable, Sendable {
        public var path: String
        public var mode: UInt32
        public var contents: [UInt8]
    }

    public var settings: ClusterSettings
    let scripts: HookScripts

    public init(settings: ClusterSettings, sharedHooks: String) {
        self.settings = settings
        scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
    }

    /// What lies in a node's `bin/`, and the file of `hooks/lib` that it is.
    static func programs(on node: NodeSettings) -> [(name: String, source: String)] {
        let everywhere = [
            ("node-apply", "node-apply.sh"), ("run-hook", "run-hook.sh"),
            ("inspect", "inspect.sh"), ("node-lib.sh", "node-lib.sh"),
        ]
        return everywhere + (node.docker == nil ? [] : [("container", "container.sh")])
    }

    /// The folders that must exist before the files, each mode 0700.
    public static func folders(on node: NodeSettings) -> [String] {
        [node.stateDirectory, node.stateDirectory + "/bin", node.stateDirectory + "/hooks"]
    }

    /// Every file of ours in a node's `state_dir`.
    public func files(for node: NodeSettings) throws(ExecutionError) -> [File] {
        var files = [
            File(
                path: NodeEnvironment.path(on: node), mode: 0o600,
                contents: Array(NodeEnvironment(settings: settings).file(for: node).utf8))
        ]
        for program in Self.programs(on: node) {
            files.append(
                File(
                    path: node.stateDirectory + "/bin/" + program.name, mode: 0o700,
                    contents: try scripts.read(shipped: "lib/" + program.source)))
        }
        return files
    }

    /// Leaves folders and files on a node; doing it again changes nothing.
    public func install(
        on node: NodeSettings, via runner: any CommandRunner, timeout: Duration = .seconds(30)
    ) async throws(ExecutionError) {
        let made = try await runner.run(
            Command(
                ["mkdir", "-p", "-m", "0700", "--"] + Self.folders(on: node), timeout: timeout))
        guard made.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot make \(node.stateDirectory) on \(node.id)",
                because: made.errorOutput.isEmpty ? "\(made.ending)" : made.errorOutput,
                next: "make the folder and give it to the owner of PostgreSQL")
        }
        for file in try files(for: node) {
            try await runner.upload(
                file.contents, to: file.path, mode: file.mode, timeout: timeout)
        }
    }
}
