public import ClusterFile
import FailoverCore
public import Rendering

/// What a server runs with against what lies on its node.
extension Deployment {
    /// Which of `entries` the server has not read since they were replaced: it did not answer then, or
    /// whoever replaced them came no further.
    public func unread(
        _ entries: [CatalogueEntry] = Catalogue.readByServer, by server: LiveServer,
        on node: NodeSettings
    ) async throws(DeploymentError) -> [String] {
        let script = """
            at=$1
            shift
            for file; do
                if [ -e "$file" ]; then find "$file" -maxdepth 0 -newermt "@$at" -print; fi
            done
            """
        var names: [String: String] = [:]
        for entry in entries where Catalogue.readByServer.contains(entry) {
            if let path = entry.path(on: node, in: settings) { names[path] = entry.name }
        }
        guard !names.isEmpty, !server.filesReadAt.isEmpty else { return [] }
        let found = try await run(
            ["/bin/sh", "-euc", script, "sh", server.filesReadAt] + names.keys, on: node,
            "look at the files of \(node.id)",
            next: "see that /bin/sh and GNU findutils work for that user")
        return found.split(separator: "\n").compactMap { names[String($0)] }.sorted()
    }

    /// Whether a standby receives what its upstream writes.
    public func isStreaming(_ node: NodeSettings) async -> Bool {
        let answer = try? await query(
            ["SELECT status FROM pg_stat_wal_receiver"], on: node, "ask \(node.id)")
        return answer?.split(separator: "\n").first == "streaming"
    }
}
