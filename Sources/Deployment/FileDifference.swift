public import ClusterFile
public import Rendering

/// A rendered file that lies differently on its node, or not at all.
public struct FileDifference: Hashable, Sendable {
    public var file: RenderedFile
    public var entry: CatalogueEntry
    /// A unified diff, or one line where that is not shown.
    public var text: String
}

/// A node's files against what was rendered for it.
public struct FileComparison: Hashable, Sendable {
    public var differences: [FileDifference] = []
    /// Why an administrator's file could not be compared, by its name.
    public var skipped: [String: String] = [:]
    /// How many were.
    public var count = 0

    public init() {}
}

extension Deployment {
    /// What of `files` is not on the node as it should be. A file that an administrator installs is
    /// compared where it has been installed, and may be read.
    public func compare(
        _ files: [RenderedFile], on node: NodeSettings
    ) async throws(DeploymentError) -> FileComparison {
        var comparison = FileComparison()
        for (file, found) in zip(files, try await deployed(files.map(\.path), on: node)) {
            guard let entry = Catalogue.entry(named: file.name) else { continue }
            if entry.installer != .deploy, found == .missing || found == .unreadable {
                comparison.skipped[file.name] =
                    found == .missing
                    ? "nothing lies at \(file.path)"
                    : "\(node.sshUser) may not read \(file.path)"
                continue
            }
            comparison.count += 1
            if let difference = Self.difference(entry, file, found, on: node) {
                comparison.differences.append(difference)
            }
        }
        return comparison
    }

    public func differences(
        of files: [RenderedFile], on node: NodeSettings
    ) async throws(DeploymentError) -> [FileDifference] {
        try await compare(files, on: node).differences
    }

    private static func difference(
        _ entry: CatalogueEntry, _ file: RenderedFile, _ found: DeployedFile, on node: NodeSettings
    ) -> FileDifference? {
        let name = "\(node.id):\(file.path)"
        func differs(_ text: String) -> FileDifference {
            FileDifference(file: file, entry: entry, text: text)
        }
        switch found {
        case .missing: return differs("\(name) is missing\n")
        case .unreadable: return differs("\(name) is not readable for \(node.sshUser)\n")
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
