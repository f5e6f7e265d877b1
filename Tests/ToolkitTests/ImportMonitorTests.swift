import Foundation
import PostgresClient
import Testing
import ToolkitTesting

@testable import Toolkit

/// A server with the tables of a monitor, made by hand as pg_auto_failover documents them.
@Suite("toolkit import --monitor")
struct ImportMonitorTests {
    private static let tables = """
        CREATE SCHEMA pgautofailover;
        CREATE TYPE pgautofailover.replication_state AS ENUM ('single', 'primary', 'secondary');
        CREATE TABLE pgautofailover.formation (
          formationid text PRIMARY KEY, kind text NOT NULL DEFAULT 'pgsql',
          dbname name NOT NULL DEFAULT 'postgres', opt_secondary bool NOT NULL DEFAULT true,
          number_sync_standbys int NOT NULL DEFAULT 1);
        CREATE TABLE pgautofailover.node (
          formationid text NOT NULL REFERENCES pgautofailover.formation,
          nodeid bigserial PRIMARY KEY, groupid int NOT NULL, nodename text NOT NULL,
          nodehost text NOT NULL, nodeport int NOT NULL, sysidentifier bigint,
          goalstate pgautofailover.replication_state NOT NULL,
          reportedstate pgautofailover.replication_state NOT NULL,
          reportedpgisrunning bool DEFAULT true, reportedrepstate text DEFAULT 'async',
          reporttime timestamptz NOT NULL DEFAULT now(), reportedtli int DEFAULT 1,
          reportedlsn pg_lsn NOT NULL DEFAULT '0/3000060',
          walreporttime timestamptz NOT NULL DEFAULT now(), health integer NOT NULL DEFAULT 1,
          healthchecktime timestamptz NOT NULL DEFAULT now(),
          statechangetime timestamptz NOT NULL DEFAULT now(),
          candidatepriority int NOT NULL DEFAULT 100, replicationquorum bool NOT NULL DEFAULT true,
          nodecluster text NOT NULL DEFAULT 'default');
        INSERT INTO pgautofailover.formation (formationid, dbname, number_sync_standbys)
          VALUES ('default', 'app', 1), ('other', 'x', 0);
        INSERT INTO pgautofailover.node (formationid, groupid, nodename, nodehost, nodeport,
            sysidentifier, goalstate, reportedstate, candidatepriority, replicationquorum)
          VALUES
            ('default', 0, 'node-1', '10.0.0.1', 5432, 7, 'secondary', 'secondary', 70, true),
            ('default', 0, 'node-2', '10.0.0.2', 5432, 7, 'primary', 'primary', 50, true),
            ('default', 0, 'node-3', '10.0.0.3', 5433, 7, 'secondary', 'secondary', 0, false),
            ('other', 0, 'z', '10.0.0.9', 5432, 8, 'single', 'single', 50, true);
        """

    private static func keeper(_ number: Int, port: Int) -> String {
        """
        [pg_autoctl]
        role = keeper
        formation = default
        group = 0
        name = node-\(number)
        hostname = 10.0.0.\(number)

        [postgresql]
        pgdata = /srv/pgaf
        pg_ctl = /usr/lib/postgresql/16/bin/pg_ctl
        port = \(port)

        """
    }

    private func withMonitor(_ body: (String, String) async throws -> Void) async throws {
        try await ThrowawayPostgres.with { server in
            let session = try await Connection.open(server.conninfo, timeout: .seconds(10))
            try await session.execute(Self.tables, timeout: .seconds(10))
            await session.close()
            let words = ["host", "port", "user", "dbname"].compactMap { name in
                server.conninfo[name].map { "\(name)=\($0)" }
            }
            try await ToolkitProgram.inFolder { folder in
                for (number, port) in [(1, 5432), (2, 5432), (3, 5433)] {
                    try Self.keeper(number, port: port).write(
                        toFile: "\(folder)/\(number).cfg", atomically: true, encoding: .utf8)
                }
                try await body(folder, words.joined(separator: " "))
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func tellsWhatTheFilesDoNot() async throws {
        try await withMonitor { folder, monitor in
            let imported = try await ToolkitProgram.run(
                "import", "pg-auto-failover", "1.cfg", "2.cfg", "3.cfg", "--monitor", monitor,
                "--formation", "default", "--output", "cluster.yaml", in: folder)
            try #require(imported.status == 0, "\(imported.complaint)")
            let text = try String(contentsOfFile: folder + "/cluster.yaml", encoding: .utf8)
            for line in [
                "priority: 70", "priority: 0", "replication_quorum: false", "alone: block",
            ] {
                #expect(text.contains(line), "\(line) in\n\(text)")
            }
            #expect(imported.output.contains("monitor:pgautofailover.node"))
            let checked = try await ToolkitProgram.run("check", "--offline", in: folder)
            #expect(checked.status == 0, "\(checked.output)\(checked.complaint)")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func saysWhatIsWrongWithTheMonitor() async throws {
        try await withMonitor { folder, monitor in
            func run(_ monitor: String, _ formation: String...) async throws
                -> ToolkitProgram.Ending
            {
                try await ToolkitProgram.run(
                    ["import", "pg-auto-failover", "1.cfg", "2.cfg", "3.cfg", "--monitor", monitor]
                        + formation.flatMap { ["--formation", $0] }, in: folder)
            }
            let both = try await run(monitor)
            #expect(both.status == 78 && both.complaint.contains("another formation"))
            let none = try await run(monitor, "nobody")
            #expect(none.status == 78)
            #expect(none.complaint.contains("it knows no node of the formation nobody"))
            let secret = try await run(monitor + " password=hunter2")
            #expect(secret.status == 78 && secret.complaint.contains("list of processes"))
            #expect(!secret.complaint.contains("hunter2"))
            let elsewhere = try await run(
                monitor.replacing(/dbname=\w+/, with: "dbname=template1"))
            #expect(elsewhere.status == 1)
            #expect(elsewhere.complaint.contains("name the monitor's own database"))
            let nobody = try await run("host=127.0.0.1 port=1")
            #expect(nobody.status == 1 && nobody.complaint.contains("see that it runs"))
        }
    }
}
