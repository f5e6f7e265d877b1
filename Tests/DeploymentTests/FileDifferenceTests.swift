import ClusterFile
import Deployment
import Execution
import FailoverCore
import Foundation
import Glibc
import Rendering
import Testing

@Suite("What differs on a node")
struct FileDifferenceTests {
    /// A cluster whose one node's folders are in `folder`, reached without SSH.
    private static func deployment(_ folder: String) throws -> Deployment {
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let settings = try ClusterFile.parse(
            """
            cluster: shop
            execution: local
            config_dir: \(folder)/it's a, "config"
            state_dir: \(folder)/state
            nodes: [ { name: node1, host: 127.0.0.1 } ]

            """
        ).settings
        return Deployment(settings: settings, share: ShareFolder(path: checkout)) { _ in
            LocalRunner()
        }
    }

    private static func withDeployment(
        _ body: (Deployment, NodeSettings, [RenderedFile]) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-differs-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let deployment = try deployment(folder.path)
        let node = try #require(deployment.settings.nodes.first)
        for path in [node.configDirectory, node.stateDirectory] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        }
        let facts = RenderFacts(passwordFile: "*:*:*:toolkit_replication:canary\n")
        let share = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let renderer = Renderer(
            settings: deployment.settings,
            templates: TemplateFolder(own: nil, shipped: share.path + "/templates"), facts: facts)
        let files = try renderer.render(Catalogue.comparable, for: node).files
        try await body(deployment, node, files)
    }

    @Test func whatDeployPutsThereIsMissedAndAnAdministratorsFileIsNot() async throws {
        try await Self.withDeployment { deployment, node, files in
            let found = try await deployment.differences(of: files, on: node)
            #expect(
                found.map(\.file.name)
                    == ["postgresql.conf", "pg_hba.conf", "pg_ident.conf", "pgpass"])
            #expect(found.allSatisfy { $0.text.hasSuffix(" is missing\n") })
            try await deployment.put(found.map(\.file), on: node)
            #expect(try await deployment.differences(of: files, on: node) == [])
        }
    }

    @Test func contentsAndModesAreCompared() async throws {
        try await Self.withDeployment { deployment, node, files in
            try await deployment.put(
                files.filter { $0.path.hasPrefix(node.configDirectory) }, on: node)
            try await deployment.put(files.filter { $0.name == "pgpass" }, on: node)
            let conf = try #require(files.first { $0.name == "postgresql.conf" })
            let text = conf.contents.replacing("\nport = 5432\n", with: "\nport = 5499\n")
            try text.write(toFile: conf.path, atomically: false, encoding: .utf8)
            #expect(chmod(node.configDirectory + "/pg_hba.conf", 0o644) == 0)
            try "*:*:*:toolkit_replication:other\n".write(
                toFile: node.stateDirectory + "/pgpass", atomically: false, encoding: .utf8)

            let found = try await deployment.differences(of: files, on: node)
            #expect(found.map(\.file.name) == ["postgresql.conf", "pg_hba.conf", "pgpass"])
            #expect(found[0].text.hasPrefix("--- node1:\(conf.path)\n+++ rendered\n@@ -"))
            #expect(found[0].text.contains("\n-port = 5499\n+port = 5432\n"))
            #expect(
                found[1].text == "node1:\(node.configDirectory)/pg_hba.conf has mode 644, not 600\n"
            )
            #expect(found[2].text.hasSuffix("/pgpass differs; it holds passwords\n"))
            #expect(!found[2].text.contains("canary") && !found[2].text.contains("other"))
        }
    }

    @Test func aFolderInPlaceOfAFileIsNotReadable() async throws {
        try await Self.withDeployment { deployment, node, files in
            try FileManager.default.createDirectory(
                atPath: node.configDirectory + "/pg_hba.conf", withIntermediateDirectories: true)
            let found = try await deployment.deployed(
                [node.configDirectory + "/pg_hba.conf", "/nowhere"], on: node)
            #expect(found == [.unreadable, .missing])
        }
    }
}
