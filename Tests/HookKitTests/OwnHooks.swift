import ClusterFile
import Execution
import Foundation
import Hooks

@testable import HookKit

/// The folder of a cluster with hooks of its own; gone afterwards.
struct OwnHooks {
    let path: String

    static let shared =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path + "/hooks"

    static func with(_ body: (OwnHooks) async throws -> Void) async throws {
        let path = "/tmp/tk-own $(id) \(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path + "/hooks", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(OwnHooks(path: path))
    }

    func write(_ text: String, to name: String, mode: Int = 0o755) throws {
        let file = path + "/hooks/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }

    func settings(_ hooks: String = "") throws -> ClusterSettings {
        try ClusterFile.parse(
            """
            cluster: shop
            postgresql: { version: 15 }
            nodes:
              - { name: node1, host: 10.0.0.1 }
              - { name: node2, host: 10.0.0.2 }
            \(hooks)
            """, baseDirectory: path
        ).settings
    }

    /// What lint finds, each as `NAME:LINE: TEXT` with the name below `hooks/`.
    func lint(_ hooks: String = "") async throws -> [String] {
        let lint = HookLint(
            settings: try settings(hooks), sharedHooks: Self.shared, runner: LocalRunner())
        return try await lint.own().findings.map { finding in
            let line = finding.line.map { ":\($0)" } ?? ""
            let name = finding.path.replacingOccurrences(of: path + "/hooks/", with: "")
            return "\(name)\(line): \(finding.says)"
        }
    }
}
