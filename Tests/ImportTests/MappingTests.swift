import ClusterFile
import Foundation
import Testing

@testable import Import

@Suite("The mapping tables")
struct MappingTests {
    struct Row: CustomTestStringConvertible {
        var source: ImportSource
        var mapping: Mapping
        var testDescription: String { "\(source.rawValue) \(mapping.setting)" }
    }

    static let rows = ImportSource.allCases.flatMap { source in
        Mappings.all(of: source).map { Row(source: source, mapping: $0) }
    }

    /// Each row's example, in a whole file, becomes what the row says.
    @Test(arguments: rows)
    func example(_ row: Row) throws {
        let mapping = row.mapping
        let name = mapping.setting.replacing("*", with: "x")
        let report = try Importer.run(row.source, files(row.source, name, mapping.example)).report
        let mapped = report.mapped.filter { $0.setting == name }
        let unmapped = report.unmapped.filter { $0.setting == name }
        switch mapping.target {
        case .setting(let target):
            let path = target.replacing("*", with: "x")
            #expect(
                mapped.contains { $0.target == path && $0.becomes == mapping.becomes },
                "\(mapped) \(unmapped)")
        case .builtIn:
            #expect(mapped.contains { $0.target == nil && !$0.becomes.isEmpty }, "\(unmapped)")
        case .none:
            #expect(unmapped.contains { $0.because == mapping.meaning }, "\(mapped) \(unmapped)")
        }
    }

    private func files(
        _ source: ImportSource, _ name: String, _ example: String
    ) -> [ImportFile] {
        switch source {
        case .repmgr:
            let others = (2...3).map { Sources.repmgr($0) }
            if let key = name.dropping(prefix: "conninfo ") {
                let host = key == "host" ? "" : "host=10.0.0.1 "
                return [Sources.repmgr(1, "conninfo='\(host)\(key)=\(example)'")] + others
            }
            let value = example.hasPrefix("'") ? example : "'\(example)'"
            return [Sources.repmgr(1, "\(name)=\(value)")] + others
        case .patroni: return patroni(name, example)
        case .pgAutoFailover:
            if let key = name.dropping(prefix: "node.") { return monitor(key, example) }
            if let key = name.dropping(prefix: "formation.") {
                let row = "[{\"number_sync_standbys\": 1, \"\(key)\": \"\(example)\"}]"
                let one = "[{\"number_sync_standbys\": \(example)}]"
                let isCount = key == "number_sync_standbys"
                return (1...4).map { Sources.keeper($0) }
                    + [ImportFile(path: "formation.json", text: isCount ? one : row)]
            }
            return [Sources.keeper(1, [(name, example)])]
        }
    }

    private func patroni(_ name: String, _ example: String) -> [ImportFile] {
        var settings = [(name, example)]
        if name == "postgresql.connect_address host" {
            settings = [("postgresql.connect_address", "\(example):5432")]
        } else if name == "postgresql.connect_address port" {
            settings = [("postgresql.connect_address", "10.0.0.1:\(example)")]
        } else if name == "bootstrap.dcs.synchronous_node_count" {
            settings.append(("bootstrap.dcs.synchronous_mode", "on"))
        } else if name == "tags.replicatefrom" {
            settings = [(name, "node2")]
            return [Sources.patroni(1, [(name, example)]), Sources.patroni(2, [("name", example)])]
                + [Sources.patroni(3)]
        }
        if name == "scope" { return [Sources.patroni(1, settings)] }
        return [Sources.patroni(1, settings)] + (2...4).map { Sources.patroni($0) }
    }

    private func monitor(_ key: String, _ example: String) -> [ImportFile] {
        var row = [
            ("nodename", "\"node_1\""), ("nodehost", "\"10.0.0.1\""), ("nodeport", "5432"),
        ]
        row.removeAll { $0.0 == key }
        let isPlain = Int(example) != nil || ["true", "false"].contains(example)
        row.append((key, isPlain ? example : "\"\(example)\""))
        let port = key == "nodeport" ? example : "5432"
        let host = key == "nodehost" ? example : "10.0.0.1"
        let json = "[{" + row.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}]"
        let keeper = Sources.keeper(
            1, [("postgresql.port", port), ("pg_autoctl.hostname", host)])
        return [keeper, ImportFile(path: "nodes.json", text: json)]
    }

    @Test("A setting is declared once, and each target exists")
    func declaration() {
        for source in ImportSource.allCases {
            let rows = Mappings.all(of: source)
            #expect(Set(rows.map(\.setting)).count == rows.count, "\(source)")
        }
        let known = Set(Settings.all.map(\.path)).union([
            "postgresql.parameters.*", "postgresql.hba[]",
        ])
        for row in Self.rows {
            guard case .setting(let path) = row.mapping.target else { continue }
            let isParameter = path.hasPrefix("postgresql.parameters.")
            #expect(known.contains(path) || isParameter, "\(path)")
            #expect(!row.mapping.meaning.isEmpty)
        }
    }

    /// `REWRITE=1 swift test --filter MappingTests` writes the page; review the diff.
    @Test("docs/import.md is what the declaration says")
    func page() throws {
        let page = Inputs.folder.appending(path: "../../docs/import.md")
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try Data(ImportReference.markdown.utf8).write(to: page)
        }
        let written = try String(contentsOf: page, encoding: .utf8)
        #expect(written == ImportReference.markdown, "run it with REWRITE=1 and review the diff")
    }
}
