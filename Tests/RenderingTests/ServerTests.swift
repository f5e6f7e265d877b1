import FailoverCore
import Foundation
import Quotation
import Rendering
import Testing
import ToolkitTesting

@testable import ClusterFile

/// What PostgreSQL itself reads out of the rendered files.
@Suite("Rendered files on a real server")
struct ServerTests {
    static let hostile =
        [
            "", "a = 'b'", "/slash", String(repeating: "x'\\", count: 300),
        ] + HostileValues.all

    static func withServer(
        adjust: (inout ClusterSettings) -> Void, _ body: (RenderedServer) async throws -> Void
    ) async throws {
        let server = try await RenderedServer.start(adjust: adjust)
        do {
            try await body(server)
        } catch {
            await server.remove()
            throw error
        }
        await server.remove()
    }

    struct FileSetting: Decodable {
        var name: String?
        var setting: String?
        var error: String?
    }

    @Test("each major that is here starts with them and refuses none", arguments: ServerVersion.all)
    func eachMajorTakesThem(version: ServerVersion) async throws {
        try await Self.withServer { settings in
            settings.postgresql.version = version.major
            settings.postgresql.binDirectory = version.binDirectory
            settings.nodes[0].machine = MachineSettings(
                memoryBytes: 512 << 20, cores: 6, diskBytes: 20 << 30)
        } _: { server in
            let number = try #require(Int(try await server.value("show server_version_num")))
            #expect(number / 10_000 == version.major)
            let settings = try await server.rows(
                FileSetting.self, "select name, setting, error from pg_file_settings")
            #expect(settings.contains { $0.name == "wal_receiver_timeout" })
            #expect(settings.compactMap(\.error) == [])

            let known = Set(
                try await server.value("select string_agg(lower(name), ' ') from pg_settings")
                    .split(separator: " ").map(String.init))
            for (name, versions) in ParameterName.versions {
                #expect(versions.range.contains(version.major) == known.contains(name), "\(name)")
            }
        }
    }

    @Test func parametersAreReadBackEqual() async throws {
        try await Self.withServer { settings in
            settings.postgresql.parameters = Self.hostile.enumerated().map {
                .init(name: "hostile.v\($0)", value: $1)
            }
            settings.postgresql.parameters.append(
                .init(name: "log_line_prefix", value: #"%m 'it''s' \ # {{ "#))
        } _: { server in
            let shown = try await server.rows(
                FileSetting.self,
                "select name, current_setting(name) setting, null error from (select "
                    + "'hostile.v' || generate_series(0, \(Self.hostile.count - 1)) name) names")
            #expect(shown.map(\.setting) == Self.hostile)
            #expect(try await server.value("show log_line_prefix") == #"%m 'it''s' \ # {{ "#)

            let settings = try await server.rows(
                FileSetting.self, "select name, setting, error from pg_file_settings")
            #expect(settings.compactMap(\.error) == [])
            for (index, value) in Self.hostile.enumerated() {
                #expect(settings.first { $0.name == "hostile.v\(index)" }?.setting == value)
            }
        }
    }

    @Test func placesAreReadBackEqual() async throws {
        try await Self.withServer { _ in
        } _: { server in
            let node = server.node
            let places = [
                "data_directory": node.dataDirectory,
                "hba_file": node.configDirectory + "/pg_hba.conf",
                "ident_file": node.configDirectory + "/pg_ident.conf",
                "cluster_name": "shop/node1",
                "port": String(node.port),
            ]
            for (name, value) in places {
                #expect(try await server.value("show \(name)") == value)
                let configured = try await server.run(
                    "postgres", "-C", name, "-c", "log_min_messages=fatal", "-c",
                    "config_file=" + server.configFile)
                #expect(configured == value + "\n")
            }
            #expect(
                try await server.value("select inet_server_addr() is null") == "t",
                "the session came through the socket in its hostile folder")
            #expect(
                try await server.value(
                    "select string_agg(name, ',') from pg_settings where pending_restart") == "")
        }
    }

    struct HBARule: Decodable, Hashable {
        var type: String?
        var database: [String]?
        var userName: [String]?
        var address: String?
        var authMethod: String?
        var options: [String]?
        var error: String?
    }

    struct IdentRule: Decodable, Hashable {
        var mapName: String?
        var sysName: String?
        var pgUsername: String?
        var error: String?
    }

    /// PostgreSQL cuts names of roles and databases at 63 bytes.
    static let names = ["samerole", "+group,x"] + HostileValues.all.filter { $0.utf8.count < 63 }

    @Test func namesInHBAAndIdentAreReadBackEqual() async throws {
        try await Self.withServer { _ in
        } _: { server in
            for name in Self.names {
                var changed = server
                changed.settings.postgresql.database = name
                changed.settings.postgresql.role = name + "r"
                changed.settings.postgresql.replicationRole = name
                changed.settings.nodes[0].sshUser = name
                // The views read the files; the server goes on with what it read at its start.
                try await changed.render()
                let rules = try await server.rows(
                    HBARule.self,
                    "select type, database, user_name, address, auth_method, options, error "
                        + "from pg_hba_file_rules order by line_number")
                #expect(rules.compactMap(\.error) == [])
                #expect(rules[1].userName == [name + "r"])
                #expect(rules[1].options == ["map=toolkit"])
                #expect(
                    rules.contains(
                        HBARule(
                            type: "host", database: [name], userName: [name + "r"],
                            address: "10.0.0.9", authMethod: "scram-sha-256")))
                #expect(
                    rules.contains(
                        HBARule(
                            type: "host", database: ["replication"], userName: [name],
                            address: "127.0.0.1", authMethod: "scram-sha-256")))
                let maps = try await server.rows(
                    IdentRule.self, "select * from pg_ident_file_mappings order by line_number")
                #expect(maps.compactMap(\.error) == [])
                #expect(
                    maps[2] == IdentRule(mapName: "toolkit", sysName: name, pgUsername: name))
            }
        }
    }

    /// The lock, the opening, and a standby's way in: password file, names and rules fit together.
    @Test func locksOpensAndLetsTheReplicationRoleIn() async throws {
        try await Self.withServer { settings in
            settings.postgresql.replicationRole = #"it's "r" \"#
        } _: { server in
            #expect(try await server.value("show toolkit.term") == "1")
            #expect(try await server.value("show toolkit.step") == "2")
            #expect(
                try await server.value("show synchronous_standby_names") == NodeFiles.lockedNames)
            await #expect(throws: (any Error).self) {
                try await server.value("create table t ()")
            }

            let opening = try NodeFiles.openConf(names: "", term: Term(1), step: Revision(3))
            try await server.write(opening, to: NodeFiles.openPath(of: server.node))
            try await server.reload()
            #expect(try await server.value("show default_transaction_read_only") == "off")
            #expect(try await server.value("show toolkit.open_step") == "3")

            let role = server.settings.postgresql.replicationRole
            let name = try Quoting.sqlIdentifier(role)
            let password = #"p:'\ "$(id)ü"#
            _ = try await server.value(
                "create role \(name) login replication password "
                    + Quoting.sqlLiteral(password))
            let upstream = NodeFiles.Upstream(
                server.node, of: server.node, in: server.settings, applicationName: "node2_3",
                slot: "node2")
            let escaped = { (text: String) in
                text.replacingOccurrences(of: "\\", with: "\\\\")
                    .replacingOccurrences(of: ":", with: "\\:")
            }
            try await server.write(
                "*:*:*:\(escaped(role)):\(escaped(password))\n", to: upstream.passfile)
            let conninfo = try upstream.conninfo
            let rewinds = try await server.psql(
                conninfo + " dbname=postgres",
                "select current_setting('application_name') || ' ' || current_user", host: "tcp")
            #expect(rewinds == "node2_3 " + role)
            let streams = try await server.psql(
                conninfo + " dbname=postgres replication=true", "IDENTIFY_SYSTEM", host: "tcp")
            #expect(streams.contains("|0/"))

            let attached = try NodeFiles.nodeConf(
                stamp: Stamp(term: Term(2), step: Revision(4)), upstream: upstream,
                postgresMajor: 15)
            try await server.write(attached, to: NodeFiles.nodePath(of: server.node))
            try await server.reload()
            #expect(try await server.value("show primary_conninfo") == conninfo)
            #expect(try await server.value("show primary_slot_name") == "node2")
        }
    }
}
