public import ClusterFile
public import Rendering

/// A rendered file that lies differently on its node, or not at all.
public struct FileDifference: Hashable, Sendable {
    public var file: RenderedFile
    public var entry: CatalogueEntry
    /// A unified diff, or one line where that is not shown.
    public var text: String
}

extension Deployment {
    /// What of `files` is not on the node as it should be. A file that an administrator installs is
    /// compared where it has been installed, and may be read.
    public func differences(
        of files: [RenderedFile], on node: NodeSettings
    ) async throws(DeploymentError) -> [FileDifference] {
        let found = try await deployed(files.map(\.path), on: node)
        return zip(files, found).compactMap { file, found in
            guard let entry = Catalogue.entry(named: file.name) else { return nil }
            return Self.difference(entry, file, found, on: node)
        }
    }

    private static func difference(
        _ entry: CatalogueEntry, _ file: RenderedFile, _ found: DeployedFile, on node: NodeSettings
    ) -> FileDifference? {
        let name = "\(node.id):\(file.path)"
        func differs(_ text: String) -> FileDifference {
            FileDifference(file: file, entry: entry, text: text)
        }
        switch found {
        case .missing, .unreadable:
            guard entry.installer == .deploy else { return nil }
            let state = found == .missing ? "missing" : "not readable for \(node.sshUser)"
            return differs("\(name) is \(state)\n")
        case .present(let mode, let contents):
            let isEqual = contents == Array(file.contents.utf8)
            let wanted = String(file.mode, radix: 8)
            // An administrator's file may be stricter than it has to be.
            let hasMode = entry.installer != .deploy || mode == wanted
            if isEqual && hasMode { return nil }
            if entry.isSecret { return differs("\(name) differs; it holds passwords\n") }
            let note = hasMode ? "" : "\(name) has mode \(mode), not \(wanted)\n"
            let diff = UnifiedDiff(
                from: String(decoding: contents, as: UTF8.self), to: file.contents, old: name,
                new: "rendered")
            return differs(note + diff.text)
        }
    }
}
