import Execution
import Foundation

/// One text file of the package.
struct SourceFile: Sendable, CustomStringConvertible {
    /// Below the package's root, with slashes.
    let path: String
    let text: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { Substring($0) }
    }

    /// Of `Sources/Store/Schema.swift`: `Store`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var name: String { String(path.split(separator: "/").last ?? "") }
    var description: String { path }
}

/// The package as text: nothing is built to look at it.
enum SourceTree {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let swift = files(below: "Sources") { $0.hasSuffix(".swift") }
    static let hooks = files(below: "hooks") { $0.hasSuffix(".sh") }
    static let scripts = hooks + ["install.sh", ".ci/run"].compactMap(file)
    static let pages =
        [file("README.md")].compactMap { $0 } + files(below: "docs") { $0.hasSuffix(".md") }

    static func file(_ path: String) -> SourceFile? {
        let url = root.appending(path: path)
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        return SourceFile(path: path, text: text)
    }

    private static func files(below directory: String, where isWanted: (String) -> Bool)
        -> [SourceFile]
    {
        let found = FileManager.default.enumerator(atPath: root.appending(path: directory).path)
        let paths = found?.compactMap { $0 as? String } ?? []
        return paths.filter(isWanted).sorted().compactMap { file("\(directory)/\($0)") }
    }
}

extension Substring {
    func holds(anyOf words: [String]) -> Bool { words.contains { contains($0) } }
}

/// Runs a program in `folder` to its end; both of its streams as one text.
func finish(
    _ command: [String], in folder: String, environment: [String: String] = [:]
) async throws -> (status: Int32?, said: String) {
    let result = try await LocalRunner().run(
        Command(
            ["/bin/sh", "-c", #"cd "$0" && exec "$@" 2>&1"#, folder] + command,
            environment: environment, timeout: .seconds(120), outputLimitBytes: 1024 * 1024))
    guard case .exited(let status) = result.ending else { return (nil, result.output) }
    return (status, result.output)
}

/// What a check found, in the form that editors jump to.
struct Finding: Hashable, CustomStringConvertible {
    var path: String
    var line: Int
    var says: String
    var description: String { "\(path):\(line): \(says)" }
}
