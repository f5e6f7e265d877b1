import ClusterFile
import FailoverCore
import Foundation
import Testing

@testable import Import

/// Values that a shell, YAML, a terminal or libpq could take for something else. Either the file is
/// refused with its line, or the product reads back the very value.
@Suite("Hostile values")
struct HostileValueTests {
    static let values = [
        "", " ", "  a  ", "'", "''", "\"", "\\", "\\\\", "`id`", "$(id)", "${HOME}", "$HOME", "%",
        "%n",
        "%%", "%s%d", "{{", "{{ x }}", "}}", "{a: b}", "[a]", "- a", "a: b", "a #b", "#", "&a",
        "*a",
        "!a", "!!int 5", "|", ">", "@a", "?", ": ", "---", "...", "~", "null", "true", "no", "On",
        "0x1F",
        "1e3", "0o7", "007", "1_000", "12:30:45", "2024-01-01", ".inf", "=", "<<", "a\tb", "a;b",
        "a&&b", "a|b", "a>b", "$(touch /tmp/x)", "; rm -rf /", "-rf", "--help", "../../etc", "é",
        "日本",
        "\u{202E}abc", "\u{200B}", "e\u{301}", "'\u{301}", "\u{FEFF}a", "::1", "[::1]",
        "fe80::1%eth0",
        "a,b", "a=b", "a\"b'c", String(repeating: "x", count: 300), "\u{85}", "\u{2028}",
        "a\u{7F}b",
    ]

    @Test("In a parameter", arguments: values)
    func parameter(_ value: String) throws {
        let file = Sources.patroni(1, [("postgresql.parameters.my.value", value)])
        try check([file], .patroni) { settings in
            settings.postgresql.parameters.first { $0.name == "my.value" }?.value
                == value.withoutMark
        }
    }

    @Test("In a command", arguments: values)
    func command(_ value: String) throws {
        let text = value.replacing("\\", with: "\\\\").unicodeScalars.reduce(into: "") {
            $0.unicodeScalars.append($1)
            if $1 == "'" { $0.unicodeScalars.append($1) }
        }
        let file = Sources.repmgr(1, "event_notification_command='/opt/x \(text)'")
        try check([file, Sources.repmgr(2)], .repmgr) { settings in
            settings.hooks.byName["event_notification_command"]?.command == "/opt/x \(value)"
        }
    }

    @Test("In a data directory, and in the plan that names it", arguments: values)
    func path(_ value: String) throws {
        let file = Sources.patroni(1, [("postgresql.data_dir", "/srv/\(value)/data")])
        try check([file], .patroni) { settings in
            settings.nodes.first?.dataDirectory == "/srv/\(value)/data"
        }
    }

    @Test("In a host", arguments: values)
    func host(_ value: String) throws {
        let file = Sources.keeper(1, [("pg_autoctl.hostname", value)])
        try check([file], .pgAutoFailover) { settings in
            settings.nodes.first?.host == value.trimmingCharacters(in: .whitespaces).withoutMark
        }
    }

    @Test("In a name, which becomes a word", arguments: values)
    func name(_ value: String) throws {
        let file = Sources.patroni(1, [("name", value), ("scope", value)])
        try check([file], .patroni) { settings in
            settings.nodes.first?.id.description.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
            } == true
        }
    }

    private func check(
        _ files: [ImportFile], _ source: ImportSource, _ holds: (ClusterSettings) -> Bool
    ) throws {
        do {
            let imported = try Importer.run(source, files)
            let isLeftOut = imported.report.unmapped.contains { !$0.because.isEmpty }
            #expect(holds(imported.settings) || isLeftOut, "\(imported.clusterYAML)")
            // As the program that reads the file will.
            let again = try ClusterFile.parse(
                imported.clusterYAML, baseDirectory: "/", environment: ["HOME": "/nonexistent"])
            #expect(again.settings == imported.settings)
            for command in imported.plan.phases.flatMap(\.steps).flatMap(\.commands) {
                #expect(!command.contains("\n"))
            }
        } catch let error as ImportError {
            #expect(error.problems.allSatisfy { $0.position != nil && !$0.hint.isEmpty })
        }
    }
}

extension String {
    /// A byte order mark is none of the text, wherever a text begins.
    fileprivate var withoutMark: String { hasPrefix("\u{FEFF}") ? String(dropFirst()) : self }
}
