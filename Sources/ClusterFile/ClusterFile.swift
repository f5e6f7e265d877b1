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
        let document = try Document(text, file: path)
        let reading = Walk(document, file: path).reading
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let settings = Resolved(reading: reading).settings(
            baseDirectory: baseDirectory, home: home)
        let subject = Subject(settings: settings, reading: reading, home: home)
        let findings = (reading.problems + Rule.findings(on: subject)).sorted(by: isBefore)
        let errors = findings.filter { $0.level == .error }
        guard errors.isEmpty else { throw ClusterFileError(path: path, problems: errors) }
        return Loaded(
            settings: settings, warnings: findings.filter { $0.level == .warning },
            notes: findings.filter { $0.level == .note })
    }

    /// In order of position; what has none, about the file as a whole, first.
    private static func isBefore(_ left: Finding, _ right: Finding) -> Bool {
        let start = Position(line: 0, column: 0)
        let places = (left.position ?? start, right.position ?? start)
        if places.0 != places.1 { return places.0 < places.1 }
        return (left.setting, left.code) < (right.setting, right.code)
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
