import ClusterFile
import FailoverCore
import Foundation
import Testing

/// Values are data: what a shell, a template, SQL or YAML could trip over arrives as it is.
@Suite("Hostile values")
struct HostileValueTests {
    static let texts = [
        "o'clock \"twelve\"", "a\\b\\", "$(touch /tmp/x)", "`touch /tmp/x`", "a; rm -rf /",
        "a | b & c > d", "100% %n %a %%", "{{ secret }} {{#if x}}", "${HOME} $HOME ~", "-rf",
        "--config=x", " leading and trailing ", "größe 数据库 \u{1F418}", "# no comment", "a: b",
        "'; DROP ROLE toolkit; --", "*", "&anchor", "!tag", "null", "yes", "0x10", "[x]", "{x}",
        "a\u{A0}b\u{2028}c", "e\u{301}",
    ]

    /// In double quotes as YAML has them.
    private func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n").replacing("\u{2028}", with: "\\u2028")
        return "\"\(escaped)\""
    }

    private func isSame(_ left: String?, _ right: String) -> Bool {
        left.map { Array($0.utf8) } == Array(right.utf8)
    }

    @Test("Role, database and parameter arrive byte for byte", arguments: texts)
    func postgresql(_ text: String) throws {
        let postgresql = try load(
            """
            \(threeNodes)postgresql:
              role: \(quoted(text))
              database: \(quoted(text))
              parameters: { app.note: \(quoted(text)) }
            """
        ).settings.postgresql
        #expect(isSame(postgresql.role, text))
        #expect(isSame(postgresql.database, text))
        #expect(isSame(postgresql.parameters.first?.value, text))
    }

    @Test("Paths arrive byte for byte", arguments: texts)
    func paths(_ text: String) throws {
        let settings = try load(
            """
            cluster: shop
            config_dir: \(quoted("/etc/" + text + ".d"))
            ssh: { identity_file: \(quoted("/keys/" + text)), known_hosts: \(quoted("~/" + text)) }
            nodes:
              - { name: a, host: h, data_dir: \(quoted("/data/" + text)) }
            """
        ).settings
        #expect(isSame(settings.nodes[0].dataDirectory, "/data/" + text))
        #expect(isSame(settings.nodes[0].configDirectory, "/etc/\(text).d/shop/a"))
        #expect(isSame(settings.ssh.identityFile, "/keys/" + text))
        #expect(isSame(settings.ssh.knownHosts, "/home/anna/" + text))
    }

    @Test("Commands arrive byte for byte, of several lines too", arguments: texts + ["a\nb\tc\n"])
    func commands(_ text: String) throws {
        let yaml = threeNodes + "hooks: { promote_command: \(quoted(text)) }\n"
        let hook = try load(yaml).settings.hooks.byName["promote_command"]
        #expect(isSame(hook?.command, text))
    }

    @Test("Parameters may have lines")
    func parameterLines() throws {
        let yaml =
            threeNodes + "postgresql:\n  parameters:\n    app.note: |\n      one\n      two\n"
        #expect(try load(yaml).settings.postgresql.parameters.first?.value == "one\ntwo\n")
    }

    @Test("HBA lines arrive byte for byte, in their order")
    func hba() throws {
        let lines = [
            "host \"my db\" \"o'role\" 10.0.0.0/24 scram-sha-256", "local all all peer map=x",
            "hostssl\tall\tall\t::/0\tcert # 100% {{ x }} $(x)",
        ]
        let list = lines.map { "    - " + quoted($0).replacing("\t", with: "\\t") }
        let yaml = threeNodes + "postgresql:\n  hba:\n" + list.joined(separator: "\n") + "\n"
        #expect(try load(yaml).settings.postgresql.hba == lines)
    }

    @Test("Comments are nobody's business")
    func comments() throws {
        let comment = "  # $(x) ' \" {{ x }} % \\ größe\n"
        #expect(
            try load(threeNodes.replacing("\n", with: comment)).settings
                == load(threeNodes).settings)
    }

    @Test(
        "Names other than [a-z][a-z0-9_]{0,39} are refused",
        arguments: texts.filter { !["null", "yes"].contains($0) }
            + ["", "A", "1a", "_a", "a-b", "a.b", "ä", "a b", String(repeating: "a", count: 41)])
    func names(_ text: String) {
        for yaml in [
            "cluster: \(quoted(text))\nnodes: [ { name: a, host: h } ]\n",
            "cluster: shop\nnodes: [ { name: \(quoted(text)), host: h } ]\n",
        ] {
            let error = #expect(throws: ClusterFileError.self) { try load(yaml) }
            #expect(error?.problems.map(\.code) == ["value.impossible"])
        }
    }

    @Test("Names that YAML takes for flags are names in quotes", arguments: ["yes", "null", "on"])
    func words(_ name: String) throws {
        let yaml = "cluster: '\(name)'\nnodes: [ { name: \"\(name)\", host: h } ]\n"
        #expect(try load(yaml).settings.nodes[0].id.rawValue == name)
    }

    @Test(
        "Control characters are refused where they are never meant",
        arguments: ["\\n", "\\0", "\\r", "\\e", "\\x7f"],
        [
            "ssh: { user: \"X\" }", "ssh: { identity_file: \"X\" }",
            "scheduler: { address: \"X\" }",
            "config_dir: \"/X\"", "postgresql: { role: \"X\" }", "postgresql: { database: \"X\" }",
            "postgresql: { hba: [ \"local all all peer X\" ] }",
        ])
    func controlCharacters(_ escape: String, _ line: String) {
        let yaml = threeNodes + line.replacing("X", with: "a\(escape)b") + "\n"
        let error = #expect(throws: ClusterFileError.self) { try load(yaml) }
        #expect(error?.problems.map(\.code) == ["value.impossible"])
        #expect(error?.problems.first?.hint == "write it without control characters")
        let text = error?.description.unicodeScalars.filter { $0.value < 0x20 && $0 != "\n" }
        #expect(text?.isEmpty == true, "a message holds no control character itself")
    }

    @Test("A message cuts long values and shows no value of a parameter")
    func messages() {
        let long = String(repeating: "x", count: 5_000)
        let error = #expect(throws: ClusterFileError.self) {
            try load(
                threeNodes + "execution: \(long)\npostgresql: { parameters: { port: canary } }\n")
        }
        #expect((error?.description.count ?? 0) < 500)
        #expect(error?.description.contains("canary") == false)
    }
}
