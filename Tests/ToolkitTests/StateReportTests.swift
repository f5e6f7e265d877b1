import ClusterFile
import FailoverCore
import Foundation
import Testing

@testable import Toolkit

@Suite("The state of a cluster")
struct StateReportTests {
    static let settings = try? ClusterFile.parse(
        """
        cluster: shop
        nodes:
          - { name: node1, host: 10.0.0.1, data_dir: /d }
          - { name: node2, host: "fe80::2", data_dir: /d }
          - { name: node3, host: db3.example, port: 5433, data_dir: /d }
        """, environment: ["HOME": "/root"]
    ).settings

    static let view = """
        {"name": "shop", "phase": "following", "term": 4, "revision": 90, "primary": "node2",
         "lastPrimary": "node2", "configs": [{"required": 1, "voters": ["node3"]}], "floor": "0/5000000", "timeline": 3,
         "waitingFor": "node1 is brought back", "alarms": ["node1 does not answer (refused)"],
         "isHealthy": false, "nodes": [
          {"id": "node1", "assigned": "demoted", "unreachable": "refused", "seenAgoMs": 65000,
           "timeline": 2, "position": "0/4000000", "isVoter": false, "priority": 50,
           "work": "rejoin: its WAL\\nwent on"},
          {"id": "node2", "assigned": "primary", "reported": "primary", "seenAgoMs": 12,
           "timeline": 3, "position": "0/5000410", "isVoter": false, "priority": 50},
          {"id": "node3", "assigned": "secondary", "reported": "catchingup", "seenAgoMs": 230,
           "timeline": 3, "position": "0/5000000", "lagBytes": 1040, "isVoter": true,
           "priority": 50}]}
        """

    private func report(hasScheduler: Bool = true) throws -> StateReport {
        let view = try JSONDecoder().decode(ClusterView.self, from: Data(Self.view.utf8))
        return StateReport(view, try #require(Self.settings), hasScheduler: hasScheduler)
    }

    @Test func table() throws {
        #expect(
            try report().text(isColoured: false) == """
                shop: following, term 4, timeline 3, primary node2, quorum ANY 1 (node3)
                NODE   ADDRESS           ASSIGNED   REPORTED    TIMELINE  LSN           LAG    SEEN  WORK
                node1  10.0.0.1:5432     demoted    refused            2  0/4000000       -    65 s  rejoin: its WAL went on
                node2  [fe80::2]:5432    primary    primary            3  0/5000410       -   12 ms
                node3  db3.example:5433  secondary  catchingup         3  0/5000000  1040 B  230 ms
                waiting for: node1 is brought back
                alarm: node1 does not answer (refused)
                """)
    }

    @Test func coloursOnlyWhereTheyAreAskedFor() throws {
        #expect(!(try report().text(isColoured: false).contains("\u{1B}")))
        let text = try report().text(isColoured: true)
        #expect(text.contains("\u{1B}[31mrefused\u{1B}[0m"))
        #expect(text.contains("\u{1B}[33mcatchingup\u{1B}[0m"))
        #expect(text.contains("\u{1B}[32mprimary\u{1B}[0m"))
    }

    @Test func saysThatNoSchedulerRuns() throws {
        let report = try report(hasScheduler: false)
        #expect(report.text(isColoured: false).hasPrefix("The scheduler is not running"))
        #expect(!report.isHealthy)
    }

    @Test(
        arguments: [
            (nil, "-"), (0, "0 B"), (10_239, "10239 B"), (10_240, "10 kB"), (50 << 20, "50 MB"),
            (UInt64(3) << 40, "3072 GB"),
        ] as [(UInt64?, String)])
    func lag(_ bytes: UInt64?, _ text: String) { #expect(StateReport.lag(bytes) == text) }

    @Test(
        arguments: [
            (nil, "-"), (999, "999 ms"), (10_000, "10 s"), (600_000, "10 min"),
        ] as [(Int64?, String)])
    func age(_ ms: Int64?, _ text: String) { #expect(StateReport.age(ms) == text) }
}
