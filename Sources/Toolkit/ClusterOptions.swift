public import ArgumentParser
import ClusterFile
import Deployment
import Execution
public import FailoverCore
import Foundation
import Scheduler
import Store

/// Which cluster a command is about.
struct ClusterOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The cluster's file (default: ./cluster.yaml, then /etc/toolkit/cluster.yaml).",
            valueName: "file"))
    var config: String?

    static let defaultPaths = ["cluster.yaml", "/etc/toolkit/cluster.yaml"]

    var path: String {
        get throws(Failure) {
            if let config { return config }
            guard
                let found = Self.defaultPaths.first(where: {
                    FileManager.default.fileExists(atPath: $0)
                })
            else {
                throw Failure(
                    ExitStatus.configuration, "cannot find a cluster.yaml",
                    because: "neither ./cluster.yaml nor /etc/toolkit/cluster.yaml exists",
                    next: "write one with `toolkit init`, or name it with --config")
            }
            return found
        }
    }

    func load() throws -> ClusterFile.Loaded { try ClusterFile.load(path: path) }

    var isFolder: Bool {
        get throws(Failure) {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: try path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }

    /// Every cluster of the folder that `--config` names, else the one of the file.
    func loadAll() throws -> [ClusterFile.Loaded] {
        try isFolder ? ClusterFile.loadAll(directory: path) : [load()]
    }

    func settings() throws -> ClusterSettings { try load().settings }
}

extension ClusterSettings {
    var deployment: Deployment {
        get throws(ShareFolderError) {
            Deployment(
                settings: self, share: try ShareFolder.find(), runner: Runners(self).runner)
        }
    }

    /// What the store holds; nil when there is no store yet.
    func storedCluster() async throws(StoreError) -> Cluster? {
        do {
            return try await SQLiteStore.openReadOnly(path: SchedulerPaths(self).store).load()
        } catch {
            if error.code == .missing { return nil }
            throw error
        }
    }

    /// Before a command changes anything: half of the cluster may be gone.
    func refuseTakenAway() async throws {
        guard let cluster = try await storedCluster() else { return }
        let store = try await SQLiteStore.openReadOnly(path: SchedulerPaths(self).store)
        if try await store.isTakenAway() { throw SchedulerError.takenAway(self, cluster) }
    }

    func checked(_ id: NodeID) throws(Failure) -> NodeSettings {
        guard let node = node(id) else {
            let known = nodes.map(\.id.rawValue).joined(separator: ", ")
            throw Failure(
                ExitStatus.usage, "there is no node '\(id)' in the cluster \(cluster)",
                because: "it has \(known)", next: "name one of these")
        }
        return node
    }
}

extension NodeID: ExpressibleByArgument {
    public init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        self.init(argument)
    }
}
