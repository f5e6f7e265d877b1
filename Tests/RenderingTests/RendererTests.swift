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

    static func text(
        _ name: String, _ settings: ClusterSettings, _ node: NodeID = "node1"
    ) throws -> String {
        let file = try files(settings, node).first { $0.name == name }
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

    /// A cluster of each kind: names are folders of Golden.
    static let clusters: [(name: String, settings: ClusterSettings)] = [
        ("native", .shop()), ("native-13", .sized(version: 13)), ("native-18", .sized(version: 18)),
        ("docker", .docker()),
    ]

    @Test("Every file of the catalogue, native and docker", arguments: clusters.map(\.name))
    func golden(_ name: String) throws {
        let settings = try #require(Self.clusters.first { $0.name == name }).settings
        let renderer = Renderer(
            settings: settings, templates: Checkout.templates, facts: .example)
        var places = ["cluster": try renderer.renderCluster(Catalogue.all)]
        for node in settings.nodes {
            places[node.id.rawValue] = try renderer.render(Catalogue.all, for: node)
        }
        for (place, output) in places {
            #expect(output.leftOut.isEmpty)
            #expect(Set(output.files.map(\.name)).count == output.files.count)
            for file in output.files {
                try Self.expectGolden(file.contents, "\(name)/\(place)/\(file.name)")
            }
        }
        let again = Renderer(settings: settings, templates: Checkout.templates, facts: .example)
        #expect(
            try again.renderCluster(Catalogue.all) == places["cluster"], "same input, same bytes")
    }

    @Test func everyEntryIsRenderedAndNothingElseIsGolden() throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: Checkout.golden.path)
            .filter { $0.split(separator: "/").count == 3 }.map {
                ($0 as NSString).lastPathComponent
            }
        #expect(Set(names) == Set(Catalogue.all.map(\.name)))
    }

    @Test func whatDeployPutsIntoTheConfigurationFolder() throws {
        let files = try Self.files(.shop())
        #expect(files.map(\.name) == ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"])
        for file in files {
            #expect(file.path == "/etc/toolkit/shop/node1/\(file.name)")
            #expect(file.mode == 0o600)
        }
    }

    @Test func placesAreFilledIn() {
        let settings = ClusterSettings.shop()
        let paths = Catalogue.all.compactMap { $0.path(on: settings.nodes[1], in: settings) }
        #expect(
            paths == [
                "/etc/toolkit/shop/node2/postgresql.conf", "/etc/toolkit/shop/node2/pg_hba.conf",
                "/etc/toolkit/shop/node2/pg_ident.conf", "/etc/toolkit/shop/node2/node.conf",
                "/var/lib/toolkit/shop/node2/pgpass",
                "/etc/systemd/system/toolkit-shop-node2.service",
                "/etc/systemd/system/toolkit-shop-node2.service.d/toolkit.conf",
                "/etc/tmpfiles.d/toolkit-shop-node2.conf",
                "/etc/toolkit/shop/node2/docker-run.sh", "/etc/sudoers.d/toolkit-shop",
                "/etc/sysctl.d/00-toolkit-shop.conf",
            ])
    }

    @Test func whatIsNotThereYetIsLeftOutWithItsReason() throws {
        let renderer = Renderer(settings: .shop(), templates: Checkout.templates)
        let cluster = try renderer.renderCluster(Catalogue.all)
        #expect(Set(cluster.leftOut.keys) == ["authorized_keys", "known_hosts"])
        let node = try renderer.render(Catalogue.all, for: renderer.settings.nodes[0])
        #expect(Set(node.leftOut.keys) == ["pgpass"])
    }

    /// With another end a node would be neither locked nor a standby.
    @Test(arguments: ["", "include {{ files.node | conf }}\n", "#", "fsync = on\n"])
    func aTemplateOfOnesOwnThatLeavesTheIncludesOutIsRefused(_ end: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let right = """
            max_connections = 20
            include {{ files.node | conf }}
            include_if_exists {{ files.open | conf }}

            """
        let templates = TemplateFolder(own: folder.path, shipped: Checkout.templates.shipped)
        let file = folder.appendingPathComponent("postgresql.conf.tmpl")
        try Data((right + "# the end\n").utf8).write(to: file)
        _ = try Renderer(settings: .shop(), templates: templates).files(for: "node1")
        let wrong =
            switch end {
            case "#": right.replacing("include_if", with: "# include_if")
            case "fsync = on\n": right + end
            default: "max_connections = 20\n" + end
            }
        try Data(wrong.utf8).write(to: file)
        let error = #expect(throws: RenderError.self) {
            try Renderer(settings: .shop(), templates: templates).files(for: "node1")
        }
        #expect(error?.because.contains("neither locked nor a standby") == true)
        #expect(error?.next.contains("postgresql.conf.tmpl") == true)
    }

    @Test(arguments: 13...18)
    func settingsThatAVersionDoesNotKnowAreLeftOut(_ version: Int) throws {
        let text = try Self.text("postgresql.conf", .shop(version: version))
        #expect(text.contains("\nallow_alter_system = off\n") == (version >= 17))
        #expect(text.contains("\nidle_replication_slot_timeout = 0") == (version >= 18))
        #expect(text.contains("\nrecovery_prefetch = try") == (version >= 15))
        #expect(text.contains("\nclient_connection_check_interval = ") == (version >= 14))
        #expect(text.contains("\ncheckpoint_completion_target = ") == (version < 14))
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

    @Test func aPublishedNodeLetsItsNeighboursInAndNoOtherDoes() throws {
        let settings = ClusterSettings.docker()
        for node in settings.nodes {
            let text = try Self.text("pg_hba.conf", settings, node.id)
            let near = text.split(separator: "\n").filter { $0.contains(" samenet ") }
            #expect(near.count == (node.id == "node3" ? 3 : 0), "\(near)")
        }
    }

    @Test(
        "Docker publishes on an address, never on a name",
        arguments: [
            ("10.0.0.2", "10.0.0.2:5434:5434"), ("fd00::2", "'[fd00::2]:5434:5434'"),
            ("db2.example.org", "5434:5434"),
        ])
    func publishes(_ host: String, _ says: String) throws {
        var settings = ClusterSettings.docker()
        settings.nodes[2].host = host
        let text = try Self.text("docker-run.sh", settings, "node3")
        #expect(text.contains("    --publish \(says) \\\n"), "\(text)")
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
        let next = Renderer(settings: .shop(), templates: templates)
        let error = try #require(throws: RenderError.self) { try next.files(for: "node1") }
        #expect(error.because == "\(own.path):2:3: 'clutser' is undefined")
    }
}
