import ClusterFile
import FailoverCore
import Testing
import ToolkitTesting

@testable import Deployment

@Suite("What starts PostgreSQL is looked at before it is asked to")
struct ServiceCheckTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var service: String
        /// What survey.sh saw of it.
        var seen: String
        var status: CheckResult.Status
        var found: String
        var testDescription: String { "\(service) \(seen)" }
    }

    static let rows = [
        Row(service: "pg.service", seen: "ready", status: .ok, found: "pg.service"),
        Row(service: "15/main", seen: "ready", status: .ok, found: "15/main"),
        Row(
            service: "pg.service", seen: "missing", status: .failed,
            found: "there is no unit pg.service"),
        Row(
            service: "15/main", seen: "missing", status: .failed,
            found: "pg_ctlcluster knows no cluster 15/main"),
        Row(
            service: "pg.service", seen: "unlocked", status: .failed,
            found: "does not take /run/toolkit/shop/node1/open.conf away"),
        Row(
            service: "pg.service", seen: "closed", status: .failed,
            found: "sudo lets postgres start no pg.service"),
        Row(
            service: "pg.service", seen: "unseen", status: .warning,
            found: "does not say whether there is pg.service"),
    ]

    @Test(arguments: rows)
    func tells(_ row: Row) throws {
        let result = try #require(try check(row.service, "service=\(row.seen)"))
        #expect(result.status == row.status)
        #expect(result.found.contains(row.found), "\(result.found)")
        #expect(result.next.isEmpty == (row.status == .ok))
    }

    @Test func saysNothingWhereOurProgramsStartIt() throws {
        #expect(try check("", "") == nil)
    }

    private func check(_ service: String, _ fact: String) throws -> CheckResult? {
        let line = service.isEmpty ? "" : ", service: \(service)"
        let settings = try ClusterFile.parse(
            "cluster: shop\nnodes:\n  - { name: node1, host: 10.0.0.1\(line) }\n",
            baseDirectory: "/tmp"
        ).settings
        let survey = try #require(
            Survey(output: "user=postgres\n\(fact)\nend=yes\n", clock: 0))
        return NodeChecks(
            settings: settings, node: settings.nodes[0], survey: survey, systemIdentifier: nil,
            adopting: nil
        ).service
    }
}
