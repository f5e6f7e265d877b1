import ClusterFile
import FailoverCore
import Foundation
import Testing

@testable import Import

/// `REWRITE=1 swift test --filter GoldenTests` writes the files anew; review the diff.
@Suite("What the examples become")
struct GoldenTests {
    @Test(arguments: ImportSource.allCases)
    func golden(_ source: ImportSource) throws {
        let imported = try Importer.run(source, try Inputs.files(source))
        let path = Inputs.folder.appending(path: "Golden/\(source.rawValue).txt")
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try Data(imported.everything.utf8).write(to: path)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == imported.everything)
    }

    @Test("The product takes what is written, and reads back what was meant")
    func accepted() throws {
        let repmgr = try Importer.run(.repmgr, try Inputs.files(.repmgr)).settings
        #expect(
            repmgr.nodes.map(\.id.rawValue) == ["pgmaster", "pgslave61", "pgslave62", "pgslave63"])
        #expect(repmgr.nodes.map(\.port) == [55160, 55161, 55162, 55163])
        #expect(repmgr.postgresql.version == 16)

        let patroni = try Importer.run(.patroni, try Inputs.files(.patroni)).settings
        #expect(patroni.cluster == "pg_cluster")
        #expect(patroni.nodes.map(\.host) == ["10.0.0.100", "10.0.0.101", "10.0.0.102"])
        #expect(patroni.postgresql.hba.count == 4)

        let failover = try Importer.run(.pgAutoFailover, try Inputs.files(.pgAutoFailover))
        #expect(failover.settings.nodes.map(\.priority) == [50, 50, 0])
        #expect(failover.settings.nodes.map(\.port) == [5432, 5432, 5433])
        #expect(failover.settings.policy.numberSyncStandbys == 1)
        #expect(failover.settings.policy.alone == .block)
        #expect(failover.everything.contains("toolkit deploy --adopt node_2"))
    }

    @Test("Every password of the examples stays where it was", arguments: ImportSource.allCases)
    func secrets(_ source: ImportSource) throws {
        let text = try Importer.run(source, try Inputs.files(source)).everything
        for secret in ["admin@123", "rep-pass", "monpass", "reppass"] {
            #expect(!text.contains(secret), "\(secret)")
        }
    }
}
