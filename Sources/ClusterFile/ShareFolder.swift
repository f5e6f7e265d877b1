import Foundation

/// The folder of the shipped defaults: `templates/` and `hooks/` lie in it.
///
/// Looked for at run time, first hit wins: `TOOLKIT_SHARE`, `<executable>/../share/toolkit` (an
/// installed binary), then upwards from the executable (a checkout with its `.build`).
public struct ShareFolder: Hashable, Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    public var templates: String { path + "/templates" }
    public var hooks: String { path + "/hooks" }

    /// Finds the folder of the running program.
    public static func find() throws(ShareFolderError) -> ShareFolder {
        try find(
            environment: ProcessInfo.processInfo.environment,
            executable: try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/exe"))
    }

    static func find(
        environment: [String: String], executable: String?
    ) throws(ShareFolderError) -> ShareFolder {
        if let named = environment["TOOLKIT_SHARE"], !named.isEmpty {
            guard isShare(named) else {
                throw ShareFolderError(variable: "TOOLKIT_SHARE", searched: [named])
            }
            return ShareFolder(path: named)
        }
        let searched = executable.map(candidates(for:)) ?? []
        guard let found = searched.first(where: isShare) else {
            throw ShareFolderError(variable: nil, searched: searched)
        }
        return ShareFolder(path: found)
    }

    private static func candidates(for executable: String) -> [String] {
        var folder = URL(fileURLWithPath: executable).deletingLastPathComponent()
        var candidates = [
            folder.deletingLastPathComponent().appendingPathComponent("share/toolkit").path
        ]
        // .build/<triple>/debug is three below the checkout, a test bundle may lie deeper.
        for _ in 0..<5 where folder.path != "/" {
            folder.deleteLastPathComponent()
            candidates.append(folder.path)
        }
        return candidates
    }

    /// One file that is always shipped tells the folder from a namesake.
    private static func isShare(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path + "/templates/postgresql.conf.tmpl")
    }
}

/// The shipped templates and hooks are nowhere to be found.
public struct ShareFolderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The environment variable that named the folder; nil when it was searched for.
    public let variable: String?
    public let searched: [String]

    public var description: String {
        let places = searched.isEmpty ? "no folder" : searched.joined(separator: ", ")
        let marker = "templates/postgresql.conf.tmpl"
        let because =
            variable.map { "\($0) names \(places), which has no \(marker)" }
            ?? "TOOLKIT_SHARE is not set, and no \(marker) lies in any of \(places)"
        return """
            cannot find the shipped templates and hooks
              because \(because)
              next: set TOOLKIT_SHARE to the folder share/toolkit of the installation
            """
    }
}
