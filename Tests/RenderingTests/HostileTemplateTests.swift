import ClusterFile
import Execution
import FailoverCore
import Foundation
import Rendering
import Testing
import ToolkitTesting
import Yams

/// Clusters whose every free text is hostile, through every template: what the file's own reader
/// gets equals the setting, and nothing is executed.
@Suite("Hostile values through every template", .serialized)
struct HostileTemplateTests {
    /// Every setting that may hold anything, in each kind of node.
    static func settings(_ value: String) -> ClusterSettings {
        var settings = ClusterSettings.docker()
        settings.postgresql.database = value
        settings.postgresql.role = value + "r"
        settings.postgresql.parameters = [.init(name: "hostile.value", value: value)]
        let path = "/srv/" + value
        // Docker ends the path of a tmpfs at a colon, so cluster.yaml refuses one there.
        let tmpfs = "/srv/" + value.filter { $0 != ":" }
        for index in settings.nodes.indices {
            settings.nodes[index].configDirectory = path + "/config"
            settings.nodes[index].stateDirectory = path + "/state"
            settings.nodes[index].runtimeDirectory = tmpfs + "/run"
            settings.nodes[index].socketDirectory = tmpfs + "/socket"
            settings.nodes[index].dataDirectory = path + "/mount/data"
            settings.nodes[index].docker?.mount = path + "/mount"
        }
        settings.nodes[0].docker = nil
        return settings
    }

    /// All files but those of a reader that refuses the value, by `node/name`.
    static func files(_ settings: ClusterSettings) throws -> [String: String] {
        let renderer = Renderer(
            settings: settings, templates: Checkout.templates, facts: .example)
        var files: [String: String] = [:]
        for file in try renderer.renderCluster(Catalogue.all).files {
            files[file.name] = file.contents
        }
        for node in settings.nodes {
            // A name in pg_hba.conf that begins with a slash would be a regular expression.
            for file in try renderer.render(Catalogue.all, for: node).files {
                files["\(node.id)/\(file.name)"] = file.contents
            }
        }
        return files
    }

    static func strings(_ value: Any?) -> [String] { (value as? [String]) ?? [] }

    @Test(arguments: HostileValues.all)
    func everyReader(_ value: String) async throws {
        let settings = Self.settings(value)
        let files = try Self.files(settings)
        try await Self.systemd(files, settings)
        try await Self.docker(files, settings)
        try await Self.haproxy(files, settings)
        let prometheus = try Yams.load(yaml: try #require(files["prometheus.yaml"]))
        #expect(prometheus is [String: Any])
        for (name, text) in files where name.hasSuffix(".sh") {
            let checked = try await LocalRunner().run(
                Command(["/bin/sh", "-n"], standardInput: Array(text.utf8), timeout: .seconds(20)))
            #expect(checked.isSuccess, "\(name): \(checked.errorOutput)")
        }
        #expect(!FileManager.default.fileExists(atPath: "/tmp/tk-hostile"))
    }

    static func systemd(_ files: [String: String], _ settings: ClusterSettings) async throws {
        guard SystemdUnit.isHere else { return }
        let node = settings.nodes[0]
        var text = try #require(files["node1/postgresql.service"])
        // The owner exists on the node, perhaps not here.
        text = text.replacing("User=postgres\n", with: "")
        let unit = try await SystemdUnit(text)
        let expected = [
            ["/bin/rm", "-f", "--", node.runtimeDirectory + "/open.conf"],
            [
                settings.postgresql.binDirectory + "/postgres", "-D", node.dataDirectory, "-c",
                "config_file=\(node.configDirectory)/postgresql.conf",
            ], ["/bin/kill", "-HUP", "$MAINPID"],
        ]
        for command in expected.dropLast() {
            #expect(
                unit.commands.contains { HostileFilterTests.isSame($0, command) },
                "\(unit.commands) \(unit.complaint)")
        }
        let marker = SystemdUnit.simplified(node.stateDirectory + "/marker")
        #expect(
            HostileFilterTests.isSame(
                unit.asserts.map { SystemdUnit.simplified($0) }, ["!/\(marker)"]))
    }

    static func docker(_ files: [String: String], _ settings: ClusterSettings) async throws {
        for node in settings.nodes.dropFirst() {
            let docker = try #require(node.docker)
            let call = try await FakePrograms.run(
                try #require(files["\(node.id)/docker-run.sh"]), recording: "docker", when: "create"
            )
            let end = [
                "sh", node.stateDirectory + "/marker", node.runtimeDirectory + "/open.conf",
                settings.postgresql.binDirectory + "/postgres", "-D", node.dataDirectory, "-c",
                "config_file=\(node.configDirectory)/postgresql.conf",
            ]
            #expect(HostileFilterTests.isSame(Array(call.arguments.suffix(end.count)), end))
            let mounts = call.values(of: "--mount").map(CSV.fields)
            #expect(
                HostileFilterTests.isSame(
                    mounts.map { $0.dropFirst().joined(separator: "\n") },
                    [
                        "source=\(docker.volume)\ntarget=\(docker.mount)",
                        "source=\(node.configDirectory)\ntarget=\(node.configDirectory)",
                        "source=\(node.stateDirectory)\ntarget=\(node.stateDirectory)",
                        "source=\(node.runtimeDirectory)\ntarget=\(node.runtimeDirectory)",
                        "source=/etc/passwd\ntarget=/etc/passwd\nreadonly",
                        "source=/etc/group\ntarget=/etc/group\nreadonly",
                    ]))
            let options = ":rw,nosuid,nodev,noexec,size=16m,mode="
            let folders = call.values(of: "--tmpfs").map { $0.components(separatedBy: options)[0] }
            #expect(HostileFilterTests.isSame(folders, [node.socketDirectory]))
            try compose(files, node, call, settings)
        }
    }

    /// The Compose file says the same as the script.
    static func compose(
        _ files: [String: String], _ node: NodeSettings, _ call: FakePrograms.Call,
        _ settings: ClusterSettings
    ) throws {
        let text = try #require(files["\(node.id)/compose.yaml"])
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        let services = try #require(document["services"] as? [String: [String: Any]])
        let service = try #require(services["postgresql"])
        let entrypoint = strings(service["entrypoint"]).map(HostileFilterTests.interpolated)
        let command = call.arguments.drop { $0 != "--entrypoint" }
        #expect(
            HostileFilterTests.isSame(
                Array(entrypoint.dropFirst(3)), Array(command.dropFirst(5))))
        let volumes = try #require(service["volumes"] as? [[String: Any]])
        let targets = volumes.compactMap { $0["target"] as? String }
        #expect(
            HostileFilterTests.isSame(
                targets.prefix(4).map(HostileFilterTests.interpolated),
                [
                    node.docker?.mount ?? "", node.configDirectory, node.stateDirectory,
                    node.runtimeDirectory,
                ]))
        let folders = strings(service["tmpfs"]).map {
            HostileFilterTests.interpolated($0.components(separatedBy: ":rw,nosuid")[0])
        }
        #expect(HostileFilterTests.isSame(folders, [node.socketDirectory]))
        #expect(service["restart"] as? String == "no")
        #expect(service["image"] as? String == "postgres:17.6")
    }

    static func haproxy(_ files: [String: String], _ settings: ClusterSettings) async throws {
        let call = try await FakePrograms.run(
            try #require(files["haproxy-check.sh"]), recording: "psql", when: "--no-psqlrc",
            environment: [
                "HAPROXY_PROXY_NAME": "shop_read", "HAPROXY_SERVER_ADDR": "10.0.0.1",
                "HAPROXY_SERVER_PORT": "5432",
            ])
        #expect(
            HostileFilterTests.isSame(
                [
                    call.environment["PGDATABASE"] ?? "",
                    call.environment["PGTARGETSESSIONATTRS"] ?? "",
                ],
                [settings.postgresql.database, "standby"]))
    }
}
