import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Handing over by quiesce and kill", .inTurn)
struct HandoverTests {
    @Test(
        "4.5: once the clients are gone a local message tells where the WAL ends; that is a record's end",
        arguments: ServerVersion.all)
    func lastRecord(version: ServerVersion) async throws {
        try await withPair(version) { primary, candidate in
            _ = try await Self.busy(primary)
            let x = try await Self.quiesce(primary)
            try await candidate.receives(x)
            try await candidate.replays(x)
            // One that begins elsewhere is told so: "first record is after".
            let dump = try await primary.run(
                "pg_waldump",
                ["--path", "\(primary.dataDirectory)/pg_wal", "--start", x, "--limit", "1"])
            #expect(dump.output.contains("desc: COMMIT"), "\(dump.output)")
            #expect(!dump.output.contains("first record is after"), "\(dump.output)")
        }
    }

    @Test(
        "4.5: a primary killed after that starts as a standby of its successor, by crash recovery alone",
        arguments: ServerVersion.all)
    func noRewind(version: ServerVersion) async throws {
        try await withPair(version) { primary, candidate in
            let acknowledged = try await Self.busy(primary)
            let x = try await Self.quiesce(primary)
            try await candidate.receives(x)
            async let killed: Void = primary.stop(.immediate)
            try await candidate.promote()
            try await killed

            let fork = try await candidate.current(
                "split_part(pg_read_file('pg_wal/00000002.history'), E'\\t', 2)")
            #expect(try await candidate.value("select '\(fork)'::pg_lsn >= '\(x)'") == "t")
            let rows = "select count(*) from t where x <= \(acknowledged)"
            #expect(try await candidate.value(rows) == String(acknowledged))

            try await primary.follow(candidate)
            try await candidate.query("insert into t values (9999)")
            try await primary.wait(until: "select exists (select from t where x = 9999)")
            #expect(
                try await primary.value("select received_tli from pg_stat_wal_receiver") == "2")
        }
    }

    /// Sessions of clients, one of which waits for nobody and has committed so many rows.
    private static func busy(_ primary: ThrowawayPostgres) async throws -> Int {
        _ = try await Statement.begin("select pg_sleep(60)", on: primary)
        let writer = try await primary.session("-c synchronous_commit=local")
        for x in 1...20 {
            try await writer.query("insert into t values (\(x))", timeout: .seconds(10))
        }
        return 20
    }

    /// Locks the primary and ends its clients; returns the end of its WAL.
    private static func quiesce(_ primary: ThrowawayPostgres) async throws -> String {
        let observer = try await primary.session(Servers.unlocked)
        try await primary.configure(Servers.lock)
        await primary.reload()
        try await primary.wait(
            until: "select current_setting('default_transaction_read_only') = 'on'")
        try await observer.query(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid()
            """, timeout: .seconds(10))
        let left = """
            select count(*) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid()
            """
        while try await observer.query(left, timeout: .seconds(10)).values[0][0] != "0" {}
        let answer = try await observer.query(
            "select pg_logical_emit_message(true, 'toolkit', '')", timeout: .seconds(10))
        return try #require(answer.values[0][0])
    }
}
