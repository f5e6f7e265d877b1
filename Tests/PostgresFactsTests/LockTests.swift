import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("The lock and the opening", .inTurn)
struct LockTests {
    @Test(
        "F25: a promoted, locked node is skipped by target_session_attrs=read-write, and refuses an INSERT",
        arguments: ServerVersion.all)
    func skipped(version: ServerVersion) async throws {
        try await withPair(version, standby: Servers.lock) { primary, standby in
            await primary.kill(SIGKILL)
            try await standby.promote()
            let writers = standby.conninfo.with("target_session_attrs", "read-write")
            let refusal = await #expect(throws: PostgresError.self) {
                _ = try await Connection.open(writers, timeout: .seconds(10))
            }
            #expect(refusal?.message.contains("session is read-only") == true)
            let readOnly = await #expect(throws: PostgresError.self) {
                try await standby.query("insert into t values (1)")
            }
            #expect(readOnly?.sqlState == "25006")
        }
    }

    @Test(
        "F26a: one file written and a reload open a locked primary: the next commit is acknowledged",
        arguments: ServerVersion.all)
    func opening(version: ServerVersion) async throws {
        try await withPair(version) { primary, _ in
            try await primary.configure(Servers.lock + ["include_if_exists = 'open.conf'"])
            await primary.reload()
            try await primary.wait(
                until: "select current_setting('default_transaction_read_only') = 'on'")
            let locked = try await Statement.begin(
                "insert into t values (1)", on: primary,
                options: "-c default_transaction_read_only=off")
            try await primary.waits(locked)

            try await primary.write(
                [
                    "synchronous_standby_names = 'ANY 1 (a)'",
                    "default_transaction_read_only = off",
                ], to: "open.conf")
            await primary.reload()
            try await primary.wait(
                until: "select current_setting('default_transaction_read_only') = 'off'")
            let opened = try await Statement.begin("insert into t values (2)", on: primary)
            #expect(await opened.outcome == .acknowledged("INSERT 0 1"))
            // What had waited under the lock is on the standby too.
            #expect(await locked.outcome == .acknowledged("INSERT 0 1"))
        }
    }

    @Test(
        "F30: a transaction that has only an xid does not wait; a logical message does, even read-only",
        arguments: ServerVersion.all)
    func canaries(version: ServerVersion) async throws {
        try await withServer(version) { primary in
            try await primary.configure(Servers.lock)
            await primary.reload()
            try await primary.wait(
                until: "select current_setting('default_transaction_read_only') = 'on'")
            try await primary.query("checkpoint")
            let bare = try await Statement.begin("select pg_current_xact_id()", on: primary)
            #expect(await bare.outcome == .acknowledged("SELECT 1"))

            let message = "select pg_logical_emit_message(true, 'toolkit', '')"
            let local = try await Statement.begin(
                message, on: primary, options: "-c synchronous_commit=local")
            #expect(await local.outcome == .acknowledged("SELECT 1"))
            let synchronous = try await Statement.begin(message, on: primary)
            try await primary.waits(synchronous)
        }
    }

    @Test(
        "F32: a locked fresh primary takes roles from an unlocked session only, base backups and slots from any",
        arguments: ServerVersion.all)
    func bootstrap(version: ServerVersion) async throws {
        try await withServer(version) { primary in
            try await primary.configure(Servers.lock)
            await primary.reload()
            try await primary.wait(
                until: "select current_setting('default_transaction_read_only') = 'on'")
            let refusal = await #expect(throws: PostgresError.self) {
                try await primary.query("create role r")
            }
            #expect(refusal?.sqlState == "25006")
            try await primary.locally("create role r")
            #expect(
                try await primary.value("select count(*) from pg_roles where rolname = 'r'") == "1")

            try await primary.query("select pg_create_physical_replication_slot('a', true)")
            let clone = try await primary.standby(name: "clone")
            #expect(try await clone.value("select pg_is_in_recovery()") == "t")
        }
    }

    @Test(
        "F33: the lock holds neither autovacuum nor subscriptions: a stray node writes past its fork",
        arguments: ServerVersion.all)
    func stray(version: ServerVersion) async throws {
        try await withPair(
            version,
            standby: Servers.lock + [
                "autovacuum_naptime = '1s'", "autovacuum_vacuum_threshold = 10",
            ]
        ) { primary, standby in
            let publisher = try await primary.publisher()
            try await primary.query(
                """
                create subscription s connection '\(publisher.conninfo.text.replacing("'", with: "''"))'
                publication p
                """)
            try await primary.wait(until: "select srsubstate = 'r' from pg_subscription_rel")
            try await publisher.query("insert into t values (1)")
            try await primary.wait(until: "select exists (select from t where x = 1)")
            // An apply worker commits asynchronously: its row shows before it is flushed, and a copy
            // that ended in the middle of the first synchronisation never gets out of that.
            try await primary.query("checkpoint")
            try await standby.replays(try await primary.current("pg_current_wal_flush_lsn()"))
            await primary.kill(SIGKILL)

            try await standby.promote()
            let fork = try await standby.current("pg_current_wal_insert_lsn()")
            try await publisher.query("insert into t values (2)")
            try await standby.wait(until: "select exists (select from t where x = 2)")
            #expect(
                try await publisher.value(
                    "select active from pg_replication_slots where slot_name = 's'") == "t")

            try await standby.locally("create table dead as select generate_series(1, 1000) as x")
            try await standby.locally("delete from dead")
            try await standby.set("autovacuum", to: "on")
            try await standby.wait(
                until:
                    "select autovacuum_count > 0 from pg_stat_user_tables where relname = 'dead'",
                timeout: .seconds(60))
            #expect(
                try await standby.value("select pg_current_wal_flush_lsn() > '\(fork)'") == "t")
            #expect(
                try await standby.value("show synchronous_standby_names")
                    == "ANY 1 (toolkit_locked)")
        }
    }
}

extension ThrowawayPostgres {
    /// A server beside it that publishes its table `t`.
    fileprivate func publisher() async throws -> ThrowawayPostgres {
        var options = Options(settings: Servers.settings + ["wal_level = logical"])
        options.isCopy = true
        let publisher = try await neighbour("publisher", options)
        try await publisher.query("create table t (x int)")
        try await publisher.query("create publication p for table t")
        return publisher
    }
}
