import ClusterFile
import FailoverCore
import Testing

@testable import Import

@Suite("What several settings and files say together")
struct TogetherTests {
    @Test("repmgr's manual is the default, and one automatic node makes the cluster automatic")
    func mode() throws {
        let manual = try Importer.run(.repmgr, [Sources.repmgr(1), Sources.repmgr(2)])
        #expect(manual.settings.policy.mode == .manual)
        let mixed = try Importer.run(
            .repmgr,
            [Sources.repmgr(1), Sources.repmgr(2, "failover=automatic"), Sources.repmgr(3)])
        #expect(mixed.settings.policy.mode == .automatic)
        #expect(mixed.settings.nodes.map(\.priority) == [0, 50, 0])
    }

    @Test("A priority in one file gives the others repmgr's own default")
    func priority() throws {
        let imported = try Importer.run(
            .repmgr, [Sources.repmgr(1, "priority=10"), Sources.repmgr(2)])
        #expect(imported.settings.nodes.map(\.priority) == [10, 100])
    }

    @Test("What repmgr runs when a primary has lost its standbys is run as it is")
    func childNodes() throws {
        let line = #"/opt/ha/alone.sh %p "%a" -D "$PGDATA""#
        let settings = [
            "child_nodes_disconnect_command='\(line)'", "child_nodes_connected_min_count=2",
            "child_nodes_disconnect_min_count=-1", "child_nodes_disconnect_timeout=45",
            "child_nodes_check_interval=5", "child_nodes_connected_include_witness=true",
        ].joined(separator: "\n")
        let imported = try Importer.run(.repmgr, (1...3).map { Sources.repmgr($0, settings) })
        let hooks = try ClusterFile.parse(imported.clusterYAML).settings.hooks
        #expect(hooks.byName["child_nodes_disconnect_command"]?.command == line)
        #expect(hooks.childNodes == ChildNodeSettings(connectedMin: 2, timeoutMs: 45_000))
        let left = imported.report.unmapped.map(\.setting)
        #expect(left == ["child_nodes_connected_include_witness"])
        #expect(!imported.warnings.contains { $0.code == "child_nodes.unused" })
    }

    @Test(
        "A command that names its node's data directory is one for all nodes, if it can be",
        arguments: [
            ("pg_ctl stop -D %", #"pg_ctl stop -D "$PGDATA""#),
            (#"pg_ctl -D"%" stop"#, #"pg_ctl -D"$PGDATA" stop"#),
            ("touch %/off %2", nil), ("sh -c \u{27}\u{27}rm %/open\u{27}\u{27}", nil),
            ("/opt/ha/alone.sh %p", "/opt/ha/alone.sh %p"), ("repmgr node service", nil),
        ])
    func childNodesOfEachNode(_ pattern: String, _ wanted: String?) throws {
        let files = (1...2).map { node in
            let place = "/srv/pg/node\(node)"
            let command = pattern.hasSuffix("%p") ? pattern : pattern.replacing("%", with: place)
            return Sources.repmgr(
                node, "data_directory='\(place)'", "child_nodes_disconnect_command='\(command)'")
        }
        let imported = try Importer.run(.repmgr, files)
        let hook = imported.settings.hooks.byName["child_nodes_disconnect_command"]
        #expect(hook?.command == wanted)
        let left = imported.report.unmapped.filter { $0.setting.hasSuffix("_command") }
        #expect(left.isEmpty == (wanted != nil))
        #expect(left.allSatisfy { $0.next.contains("$PGDATA") })
    }

    @Test("One file's command is told to run on all nodes, a switched-off one stays off")
    func childNodesOfOneNode() throws {
        let command = "child_nodes_disconnect_command=/opt/ha/alone.sh"
        let one = try Importer.run(.repmgr, [Sources.repmgr(1, command), Sources.repmgr(2)])
        #expect(one.settings.hooks.byName["child_nodes_disconnect_command"]?.command != nil)
        #expect(one.report.unmapped.map(\.file) == ["node2.conf"])
        let off = try Importer.run(
            .repmgr, [Sources.repmgr(1, command, "child_nodes_check_interval=0")])
        #expect(off.settings.hooks.byName["child_nodes_disconnect_command"]?.command == nil)
        let secret = try Importer.run(.repmgr, [Sources.repmgr(1, command + " password=hunter2")])
        #expect(secret.settings.hooks.byName["child_nodes_disconnect_command"]?.command == nil)
        #expect(!secret.everything.contains("hunter2"))
    }

    @Test("All nodes at priority 0 are refused where failover is automatic")
    func nobody() {
        let error = #expect(throws: ImportError.self) {
            try Importer.run(.repmgr, [Sources.repmgr(1, "failover=automatic", "priority=0")])
        }
        #expect(error?.problems.first?.file == "node1.conf")
    }

    @Test("Two nodes of one name are refused, at the later file")
    func names() {
        let error = #expect(throws: ImportError.self) {
            try Importer.run(.repmgr, [Sources.repmgr(1), Sources.repmgr(2, "node_name=NODE1")])
        }
        #expect(error?.problems.first?.file == "node2.conf")
        #expect(error?.problems.first?.position?.line == 5)
    }

    @Test("Files of two clusters, or of two versions, are refused")
    func disagree() {
        for (key, value) in [("scope", "other"), ("postgresql.bin_dir", "/usr/pgsql-15/bin")] {
            let error = #expect(throws: ImportError.self) {
                try Importer.run(
                    .patroni, [Sources.patroni(1), Sources.patroni(2, [(key, value)])])
            }
            #expect(error?.problems.first?.code == "files.disagree")
        }
    }

    @Test(
        "A silence of 60 s is repmgr's default, a longer one means patience",
        arguments: [
            ("6", "10", false), ("6", "11", true), ("99999999999", "99999999999", true),
        ])
    func patience(_ attempts: String, _ interval: String, _ isPatient: Bool) throws {
        let file = Sources.repmgr(
            1, "reconnect_attempts=\(attempts)", "reconnect_interval=\(interval)")
        let timers = try Importer.run(.repmgr, [file]).settings.policy.timers
        #expect(timers == (isPatient ? Timers.patient : Timers.default))
    }

    @Test("The dynamic configuration wins over bootstrap.dcs, a node's own over it")
    func dynamic() throws {
        let own = "postgresql.parameters.work_mem"
        let node = Sources.patroni(
            1,
            [
                (own, "8MB"), ("postgresql.parameters.max_connections", "7"),
                ("bootstrap.dcs.\(own)", "1MB"), ("bootstrap.dcs.ttl", "90"),
                ("bootstrap.dcs.postgresql.parameters.temp_buffers", "9MB"),
            ])
        let dynamic = ImportFile(
            path: "dynamic.yml",
            text:
                "ttl: 30\npostgresql:\n  parameters:\n    work_mem: 4MB\n    max_connections: 200\n"
        )
        let settings = try Importer.run(.patroni, [node, dynamic]).settings
        let parameters = settings.postgresql.parameters.map { "\($0.name)=\($0.value)" }
        #expect(parameters == ["max_connections=200", "work_mem=8MB"])
        #expect(settings.policy.timers == .default)
    }

    @Test("More synchronous standbys than there are become as many as there are")
    func synchronous() throws {
        let mode = [("bootstrap.dcs.synchronous_mode", "on")]
        let files = [
            Sources.patroni(1, mode + [("bootstrap.dcs.synchronous_node_count", "5")]),
            Sources.patroni(2), Sources.patroni(3),
        ]
        #expect(try Importer.run(.patroni, files).settings.policy.numberSyncStandbys == 2)
        let nosync = [("tags.nosync", "true")]
        let none = [Sources.patroni(1), Sources.patroni(2, nosync)]
        #expect(try Importer.run(.patroni, none).settings.policy.numberSyncStandbys == 0)
    }

    @Test("What belongs to the toolkit is left out, and told with its line")
    func owned() throws {
        let files = [
            Sources.patroni(
                1,
                [
                    ("postgresql.parameters.primary_conninfo", "host=a password=hunter2"),
                    ("postgresql.parameters.fsync", "off"),
                    ("postgresql.parameters.archive_command", "PGPASSWORD=hunter2 wal-push %p"),
                    ("postgresql.pg_hba[]", "nonsense"),
                ])
        ]
        let imported = try Importer.run(.patroni, files)
        #expect(imported.settings.postgresql.parameters.isEmpty)
        #expect(imported.settings.postgresql.hba.isEmpty)
        #expect(imported.report.unmapped.count == 4)
        #expect(imported.report.unmapped.allSatisfy { $0.line > 1 && !$0.next.isEmpty })
        #expect(!imported.everything.contains("hunter2"))
    }

    @Test("A node that only the monitor knows has the data directory of the others")
    func monitor() throws {
        let rows = ImportFile(
            path: "nodes.json",
            text: """
                [{"nodename":"node_1","nodehost":"10.0.0.1","nodeport":5432},
                 {"nodename":"node_2","nodehost":"10.0.0.2","nodeport":5432,
                  "current_group_state":"wait_primary","candidate_priority":0}]
                """)
        let imported = try Importer.run(.pgAutoFailover, [Sources.keeper(1), rows])
        #expect(imported.settings.nodes.map(\.dataDirectory) == ["/srv/pg/data", "/srv/pg/data"])
        #expect(imported.settings.nodes.map(\.priority) == [50, 0])
        #expect(imported.everything.contains("--adopt node_2"))
    }

    @Test("--cluster and --postgresql win")
    func options() throws {
        let imported = try Importer.run(
            .repmgr, [Sources.repmgr(1, without: ["pg_bindir"])],
            options: ImportOptions(cluster: "shop", postgresqlVersion: 17))
        #expect(imported.settings.cluster == "shop")
        #expect(imported.settings.postgresql.version == 17)
    }

    @Test(
        "Secrets of many shapes are hidden",
        arguments: [
            "host=a password=hunter2", "password='hunter2 x'", "PGPASSWORD=hunter2 cmd",
            "postgres://u:hunter2@h/db", "postgres://u:hun@ter2hunter2@h/db",
            "curl -u me:hunter2 url",
            "x --password hunter2", "{\"token\": \"hunter2\"}", "api_key=hunter2",
            "--secret=hunter2",
            "password = hunter2",
        ])
    func secrets(_ text: String) {
        #expect(SecretText.isHeld(by: text))
        #expect(!SecretText.hiding(in: text).contains("ter2"))
    }

    @Test(
        "What is no secret stays",
        arguments: [
            "/opt/notify.sh %n %e", "host all all 0.0.0.0/0 md5", "http://host/path", "a@b:c",
            "use_password_file", "12:30",
        ])
    func harmless(_ text: String) { #expect(!SecretText.isHeld(by: text)) }
}
