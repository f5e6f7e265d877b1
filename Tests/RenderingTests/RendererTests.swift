import ClusterFile
import FailoverCore
import Foundation
import Rendering
import Testing

@Suite("Rendered files")
struct RendererTests {
    static func files(_ settings: ClusterSettings, _ node: NodeID = "node1") throws
        -> [RenderedFile]
    {
        try Renderer(settings: settings, templates: Checkout.templates).files(for: node)
    }

    static func text(_ name: String, _ settings: ClusterSettings) throws -> String {
        let file = try files(settings).first { $0.name == name }
        return try #require(file).contents
    }

    /// `REWRITE=1 swift test --filter RenderingTests` writes the golden files; review the diff.
    static func expectGolden(_ contents: String, _ path: String) throws {
        let file = Checkout.golden.appendingPathComponent(path)
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(contents.utf8).write(to: file)
        }
        let golden = try String(contentsOf: file, encoding: .utf8)
        #expect(contents == golden, "differs from Golden/\(path)")
    }

    @Test(arguments: ["node1", "node2", "node3"])
    func threeNodes(_ node: String) throws {
        let files = try Self.files(.shop(), NodeID(node))
        #expect(files.map(\.name) == ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"])
        #expect(files == (try Self.files(.shop(), NodeID(node))), "same input, same bytes")
        for file in files {
            #expect(file.path == "/etc/toolkit/shop/\(node)/\(file.name)")
            #expect(file.mode == 0o600)
            try Self.expectGolden(file.contents, "\(node)/\(file.name)")
        }
    }

    @Test func newestVersion() throws {
        let text = try Self.text("postgresql.conf", .shop(version: 18))
        try Self.expectGolden(text, "postgresql-18.conf")
    }

    @Test(arguments: 13...18)
    func settingsThatAVersionDoesNotKnowAreLeftOut(_ version: Int) throws {
        let text = try Self.text("postgresql.conf", .shop(version: version))
        #expect(text.contains("\nallow_alter_system = off\n") == (version >= 17))
        #expect(text.contains("\nidle_replication_slot_timeout = 0") == (version >= 18))
    }

    @Test func theIncludesAreTheLastLines() throws {
        let lines = try Self.text("postgresql.conf", .shop()).split(separator: "\n").suffix(2)
        #expect(
            Array(lines) == [
                "include '/etc/toolkit/shop/node1/node.conf'",
                "include_if_exists '/run/toolkit/shop/node1/open.conf'",
            ])
    }

    @Test func limitsGrowWithTheCluster() throws {
        var settings = ClusterSettings.shop(hosts: (1...20).map { "10.0.0.\($0)" })
        settings.policy.timers.walReceiverStatusInterval = 400
        let text = try Self.text("postgresql.conf", settings)
        #expect(text.contains("\nmax_wal_senders = 24\n"))
        #expect(text.contains("\nmax_replication_slots = 40\n"))
        #expect(
            text.contains("\nwal_receiver_status_interval = '1s'\n"), "0 would turn reports off")
    }

    /// The `host` lines of a role: database and address.
    static func hostLines(of role: String, _ settings: ClusterSettings) throws -> [String] {
        var found: [String] = []
        for line in try text("pg_hba.conf", settings).split(separator: "\n") {
            let words: [Substring] = line.split(separator: " ")
            if words[0] == "host", words[2] == "\"\(role)\"" {
                found.append("\(words[1]) \(words[3])")
            }
        }
        return found
    }

    @Test func aSchedulerWithoutAddressMayRunOnAnyNode() throws {
        let settings = ClusterSettings.shop(
            hosts: ["10.0.0.1", "10.0.0.2"], schedulerAddress: nil)
        #expect(
            try Self.hostLines(of: "toolkit", settings) == [
                "\"postgres\" 10.0.0.1/32", "\"postgres\" 10.0.0.2/32", "\"postgres\" 127.0.0.1/32",
                "\"postgres\" ::1/128",
            ])
    }

    @Test func nodesOnLoopbackSeeEverybodyFromThere() throws {
        let settings = ClusterSettings.shop(
            hosts: ["127.0.0.1", "127.0.0.2", "localhost"], schedulerAddress: "10.0.0.9")
        #expect(
            try Self.hostLines(of: "toolkit", settings) == [
                "\"postgres\" 10.0.0.9/32", "\"postgres\" 127.0.0.1/32", "\"postgres\" ::1/128",
            ])
        #expect(
            try Self.hostLines(of: "toolkit_replication", settings) == [
                "replication 127.0.0.1/32", "\"postgres\" 127.0.0.1/32", "replication ::1/128",
                "\"postgres\" ::1/128",
            ])
    }

    @Test func anUnknownNodeIsNamed() throws {
        let error = try #require(throws: RenderError.self) { try Self.files(.shop(), "node9") }
        #expect(
            error.description == """
                cannot render files for node9
                  because the cluster has no such node
                  next: name one of node1, node2, node3
                """)
    }

    @Test func aValueThatCannotBeSaidIsNamedButNotShown() throws {
        var settings = ClusterSettings.shop()
        settings.postgresql.parameters = [.init(name: "a", value: "s3cret\nfsync = off")]
        let error = try #require(throws: RenderError.self) { try Self.files(settings) }
        #expect(error.description.contains("postgresql.conf.tmpl:"))
        #expect(error.description.contains("'value' cannot be said in postgresql.conf"))
        #expect(!error.description.contains("s3cret"))
    }

    @Test func theClustersOwnTemplateWins() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("templates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let own = folder.appendingPathComponent("pg_ident.conf.tmpl")
        try Data("# {{ cluster | comment }}\n".utf8).write(to: own)
        var templates = Checkout.templates
        templates.own = folder.path

        let renderer = Renderer(settings: .shop(), templates: templates)
        #expect(try renderer.files(for: "node1").last?.contents == "# shop\n")
        #expect(try renderer.files(for: "node1")[1] == Self.files(.shop())[1])

        try Data("\n  {{ clutser | comment }}\n".utf8).write(to: own)
        let error = try #require(throws: RenderError.self) { try renderer.files(for: "node1") }
        #expect(error.because == "\(own.path):2:3: 'clutser' is undefined")
    }
}
