import ClusterFile
import FailoverCore
import Testing
import ToolkitTesting

@testable import Deployment

@Suite("What is refused of a running server, and what is told")
struct AdoptionChecksTests {
    struct Row: CustomTestStringConvertible, Sendable {
        /// A fact of survey.sh that differs from those of a server that can be adopted.
        var fact: String
        var found: String
        var status = CheckResult.Status.failed
        var isOfStandby = false
        var testDescription: String { fact }
    }

    static let rows = [
        Row(
            fact: "server.supervisors=repmgrd (pid 7)", found: "repmgrd (pid 7)", isOfStandby: true),
        Row(
            fact: "server.closed=/etc/postgresql/15/main/pg_hba.conf", found: "not writable",
            isOfStandby: true),
        Row(fact: "server.faults=pg_hba.conf line 3 end-of-line", found: "line 3 end-of-line"),
        Row(fact: "server.pinned=synchronous_standby_names", found: "above every file"),
        Row(fact: "server.wal_level=logical", found: "would lower it"),
        Row(
            fact: "server.config_file=/etc/toolkit/shop/node1/postgresql.conf",
            found: "lies where ours goes", isOfStandby: true),
        Row(fact: "server.listen_addresses=localhost", found: "it listens on localhost, and"),
        Row(fact: "server.listen_addresses=", found: "it listens on no address"),
        Row(fact: "server.max_replication_slots=1", found: "max_replication_slots is 1"),
        Row(fact: "server.max_connections=101", found: "would not start"),
        Row(fact: "server.max_prepared_transactions=1", found: "would not start"),
        Row(fact: "data.checksums=0", found: "neither data checksums", status: .warning),
        Row(
            fact: "server.own=archive_command port work_mem",
            found: "alone: archive_command, work_mem", status: .warning),
        Row(
            fact: "server.own=max_wal_senders", found: "by cluster.yaml: max_wal_senders",
            status: .warning),
    ]

    static let adoptable = """
        data=pgdata
        data.checksums=1
        server.running=7
        server.toolkit_term=
        server.listen_addresses=*
        server.max_replication_slots=10
        server.max_connections=100
        server.max_locks_per_transaction=64
        server.max_prepared_transactions=0
        server.max_wal_senders=10
        server.max_worker_processes=8
        """

    private func results(
        _ facts: String, isPrimary: Bool = true
    ) throws -> [CheckResult] {
        let settings = try ClusterFile.parse(
            "cluster: shop\nnodes:\n  - { name: node1, host: 10.0.0.1 }\n",
            baseDirectory: "/tmp"
        ).settings
        let survey = try #require(Survey(output: facts + "\nend=yes\n", clock: 0))
        return AdoptionChecks(
            settings: settings, node: settings.nodes[0], survey: survey, isPrimary: isPrimary,
            configuration: """
                max_connections = 100                   # equal on all nodes
                max_wal_senders = 10
                max_worker_processes = '8'
                """
        ).results
    }

    @Test func aServerThatIsReadyIsTakenAsItIs() throws {
        #expect(try results(Self.adoptable) == [])
    }

    @Test(arguments: rows)
    func tells(_ row: Row) throws {
        let name = row.fact.prefix { $0 != "=" }
        let others = Self.adoptable.split(separator: "\n").filter { !$0.hasPrefix("\(name)=") }
        let facts = others.joined(separator: "\n") + "\n" + row.fact
        let result = try #require(try results(facts).first)
        #expect(result.status == row.status)
        #expect(result.found.contains(row.found), "\(result.found)")
        #expect(!result.next.isEmpty)
        #expect(try results(facts, isPrimary: false).isEmpty != row.isOfStandby)
    }

    /// It runs on our configuration, or nobody knows on which.
    @Test(arguments: ["server.toolkit_term=0", "server.silent=yes"])
    func saysNothingOfOurs(_ fact: String) throws {
        #expect(try results(Self.adoptable + "\nserver.closed=/x\n" + fact) == [])
    }
}
