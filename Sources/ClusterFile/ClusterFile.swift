public import Foundation

/// Reads `cluster.yaml`.
public enum ClusterFile {
    /// A file that was taken, with what there is to say about it.
    public struct Loaded: Hashable, Sendable {
        public var settings: ClusterSettings
        public var warnings: [Finding]
        public var notes: [Finding]
    }

    /// Reads the file at `path`. Relative paths in it start at its folder.
    public static func load(
        path: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ClusterFileError) -> Loaded {
        let text = try readText(path: path)
        return try parse(
            text, path: path, baseDirectory: folder(of: path), environment: environment)
    }

    /// Reads the text of a file. `environment` is asked for HOME alone, for `~/` in paths of
    /// SSH files.
    public static func parse(
        _ text: String, path: String = "cluster.yaml",
        baseDirectory: String = FileManager.default.currentDirectoryPath,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ClusterFileError) -> Loaded {
        throw ClusterFileError(
            path: path,
            problems: [
                Finding(code: "file.unreadable", file: path, message: "not read", hint: "none")
            ])
    }

    private static func folder(of path: String) -> String {
        URL(fileURLWithPath: path).deletingLastPathComponent().path
    }

    private static func readText(path: String) throws(ClusterFileError) -> String {
        func refused(_ message: String, _ hint: String) -> ClusterFileError {
            ClusterFileError(
                path: path,
                problems: [
                    Finding(code: "file.unreadable", file: path, message: message, hint: hint)
                ])
        }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw refused(
                "cannot be read: \(error.localizedDescription)",
                "name a readable file with --config, or write one with `toolkit init`")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw refused("is not UTF-8 text", "save the file as UTF-8")
        }
        return text
    }
}
