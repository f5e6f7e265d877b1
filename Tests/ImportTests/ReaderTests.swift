import ClusterFile
import Testing

@testable import Import

@Suite("Reading the sources' files")
struct ReaderTests {
    struct Bad: CustomTestStringConvertible {
        var says: String
        var source: ImportSource
        var text: String
        /// The first words of the message.
        var message: String
        var testDescription: String { says }
    }

    private static let node = "node_name=a\nconninfo='host=h'\ndata_directory=/d\n"

    static let bad = [
        Bad(
            says: "no name", source: .repmgr, text: "node_id=1\n= 5\n", message: "f:2:1: this is no"
        ),
        Bad(
            says: "a name alone", source: .repmgr, text: "\n  node_id\n",
            message: "f:2:3: this is no"),
        Bad(
            says: "an open quote", source: .repmgr, text: "node_name='a\n",
            message: "f:1:1: node_name: the quote"),
        Bad(
            says: "text after the quote", source: .repmgr, text: "node_name='a' b\n",
            message: "f:1:1: node_name: the quote"),
        Bad(
            says: "a NUL", source: .repmgr, text: "node_name='a\0b'\n",
            message: "f:1:1: node_name: its value holds the control"),
        Bad(
            says: "a port that is none", source: .repmgr,
            text: node + "pg_bindir=/usr/pgsql-16/bin\nconninfo='host=h port=70000'\n",
            message: "f:5:1: conninfo port: expected a port"),
        Bad(
            says: "a socket as host", source: .repmgr,
            text: "node_name=a\nconninfo='host=/tmp'\ndata_directory=/d\npg_bindir=/pgsql-16/bin\n",
            message: "f:2:1: conninfo host: as `nodes[0].host` of cluster.yaml"),
        Bad(
            says: "no conninfo", source: .repmgr, text: "node_name=a\ndata_directory=/d\n",
            message: "f:1:1: conninfo: it is missing"),
        Bad(
            says: "no version", source: .repmgr, text: node, message: "f:1:1: no path tells"),
        Bad(
            says: "a version too old", source: .repmgr,
            text: node + "pg_bindir=/usr/pgsql-9.6/bin\n",
            message: "f:4:1: pg_bindir: as `postgresql.version`"),
        Bad(says: "an empty file", source: .patroni, text: " \n", message: "f: the file is empty"),
        Bad(says: "a list", source: .patroni, text: "- a\n", message: "f:1:1: expected a mapping"),
        Bad(
            says: "no YAML", source: .patroni, text: "scope: a\nname: [b\n",
            message: "f:2:9: this is not YAML"),
        Bad(
            says: "a key twice", source: .patroni, text: "scope: a\nscope: b\n",
            message: "f:2:1: `scope` is written more than once"),
        Bad(
            says: "no scope", source: .patroni, text: "name: a\n",
            message: "f:1:1: scope: it is missing"),
        Bad(
            says: "no node", source: .patroni, text: "ttl: 30\n",
            message: "f:1:1: no file describes a node"),
        Bad(
            says: "a standby cluster", source: .patroni,
            text: "scope: a\nname: b\nbootstrap:\n  dcs:\n    standby_cluster:\n      host: c\n",
            message: "f:6:13: bootstrap.dcs.standby_cluster.host: a standby cluster"),
        Bad(
            says: "a tag that is no flag", source: .patroni,
            text: "scope: a\nname: b\ntags: { nofailover: perhaps }\n",
            message: "f:3:21: tags.nofailover: expected true or false"),
        Bad(
            says: "an open section", source: .pgAutoFailover, text: "[pg_autoctl\n",
            message: "f:1:1: the section's name"),
        Bad(
            says: "a monitor", source: .pgAutoFailover, text: "[pg_autoctl]\nrole = monitor\n",
            message: "f:2:1: pg_autoctl.role: this is the file of a monitor"),
        Bad(
            says: "Citus", source: .pgAutoFailover,
            text: "[pg_autoctl]\nrole = keeper\nnodekind = worker\n",
            message: "f:3:1: pg_autoctl.nodekind: a worker belongs to Citus"),
        Bad(
            says: "the monitor alone", source: .pgAutoFailover,
            text: #"[{"nodename":"a","nodehost":"h","nodeport":5432}]"#,
            message: "f:1:1: postgresql.pgdata: it is missing"),
    ]

    @Test("A wrong file is refused, with file and line", arguments: bad)
    func refused(_ bad: Bad) {
        let error = #expect(throws: ImportError.self) {
            try Importer.run(bad.source, [ImportFile(path: "f", text: bad.text)])
        }
        #expect(
            error?.problems.contains { $0.description.hasPrefix(bad.message) } == true,
            "\(error?.description ?? "")")
        #expect(error?.problems.allSatisfy { !$0.hint.isEmpty } == true)
    }

    @Test("Quotes, comments and escapes of repmgr.conf")
    func quotes() throws {
        let text = """
            \u{FEFF}# a comment

            node_name = 'it''s'   # after it
            location='a # b'
            log_file=/var/log/x # gone
            data_directory='a\\'b'\r
            # the end
            """
        let read = try LineReader.read(ImportFile(path: "f", text: text), .repmgr)
        #expect(read.settings.map(\.value) == ["it's", "a # b", "/var/log/x", "a'b"])
        #expect(read.settings.map(\.position.line) == [3, 4, 5, 6])
    }

    @Test(
        "Connection strings",
        arguments: [
            ("host=a port=5", "host=a;port=5"),
            ("host = 'a b' user=it\\'s", "host=a b;user=it's"),
            (
                "postgresql://u:p%40w@[::1]:5/db?sslmode=require",
                "user=u;password=p@w;host=::1;port=5;dbname=db;sslmode=require"
            ),
            ("postgres://h", "host=h"),
            ("host", nil), ("host='a", nil), ("=a", nil),
        ])
    func conninfo(_ text: String, _ pairs: String?) {
        let read = ConninfoText.pairs(text)?.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
        #expect(read == pairs)
    }

    @Test(
        "The version in a path",
        arguments: [
            ("/usr/pgsql-16/bin", 16), ("/usr/lib/postgresql/14/bin", 14), ("/opt/pg/15.4/bin", 15),
            ("/usr/pgsql-9.6/bin", 9), ("/usr/local/pgsql/bin", nil), ("/srv/2024/bin", nil),
        ])
    func version(_ path: String, _ version: Int?) {
        #expect(ProgramPath.version(in: path) == version)
    }
}
