public import Foundation
import Glibc

/// Reads `cluster.yaml`.
public enum ClusterFile {
    /// A file that was taken, with what there is to say about it.
    public struct Loaded: Hashable, Sendable {
        public var path: String
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
        let findings = (document.problems + reading.problems + Rule.findings(on: subject)).sorted(
            by: Finding.isBefore)
        let errors = findings.filter { $0.level == .error }
        guard errors.isEmpty else { throw ClusterFileError(path: path, problems: errors) }
        return Loaded(
            path: path, settings: settings, warnings: findings.filter { $0.level == .warning },
            notes: findings.filter { $0.level == .note })
    }

    /// Reads every `*.yaml` and `*.yml` of a folder, in order of name; two files for one cluster
    /// are refused.
    public static func loadAll(
        directory: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ClusterFileError) -> [Loaded] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw unreadable(directory, error)
        }
        let paths = names.sorted().filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }
            .map { "\(directory)/\($0)" }
        let files = paths.mapOnAllProcessors { path in
            Result { () throws(ClusterFileError) in
                try load(path: path, environment: environment)
            }
        }
        var loaded: [Loaded] = []
        var problems: [Finding] = []
        var firstPaths: [String: String] = [:]
        for file in files {
            switch file {
            case .success(let next):
                let cluster = next.settings.cluster
                if let first = firstPaths[cluster] {
                    problems.append(twice(cluster, in: next.path, first: first))
                }
                firstPaths[cluster] = firstPaths[cluster] ?? next.path
                loaded.append(next)
            case .failure(let error): problems += error.problems
            }
        }
        if loaded.isEmpty, problems.isEmpty {
            problems.append(
                Finding(
                    code: "file.missing", file: directory,
                    message: "the folder holds no *.yaml file",
                    hint: "write one with `toolkit init`"))
        }
        guard problems.isEmpty else {
            throw ClusterFileError(path: directory, problems: problems)
        }
        return loaded
    }

    private static func twice(_ cluster: String, in path: String, first: String) -> Finding {
        Finding(
            code: "cluster.twice", file: path, setting: "cluster",
            message: "\(first) is about the cluster `\(cluster)` too",
            hint: "keep one of the files, or give the clusters different names")
    }

    private static func unreadable(_ path: String, _ error: any Error) -> ClusterFileError {
        ClusterFileError(
            path: path,
            problems: [
                Finding(
                    code: "file.unreadable", file: path,
                    message: "cannot be read: \(reason(path, error))",
                    hint: "name a readable file with --config, or write one with `toolkit init`")
            ])
    }

    /// The system's own words for why `path` can't be read; Foundation keeps them to itself.
    private static func reason(_ path: String, _ error: any Error) -> String {
        // O_NONBLOCK: a FIFO without a writer would hold an open up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        guard read(descriptor, &byte, 1) < 0 else { return error.localizedDescription }
        return String(cString: strerror(errno))
    }

    private static func folder(of path: String) -> String {
        URL(fileURLWithPath: path).deletingLastPathComponent().path
    }

    private static func readText(path: String) throws(ClusterFileError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw unreadable(path, error)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ClusterFileError(
                path: path,
                problems: [
                    Finding(
                        code: "file.unreadable", file: path, message: "this is not UTF-8 text",
                        hint: "save the file as UTF-8")
                ])
        }
        return text
    }
}
