import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Promotion and timelines", .inTurn)
struct PromotionTests {
    @Test(
        "F20: forks of equal number and history stream, and one acknowledges what it does not hold",
        arguments: ServerVersion.all)
    func twins(version: ServerVersion) async throws {
        try await withPair(version) { primary, a in
            let b = try await primary.follower("b")
            try await primary.sees("b")
            let lsn = try await primary.current("pg_current_wal_flush_lsn()")
            for node in [a, b] {
                try await node.replays(lsn)
            }
            await primary.kill(SIGKILL)
            for node in [a, b] {
                try await node.seal()
                try await node.promote()
            }
            let history = "select pg_read_file('pg_wal/00000002.history')"
            #expect(try await a.value(history) == (try await b.value(history)))

            try await b.query("insert into t select generate_series(1001, 1200)")
            try await b.stop()
            try await a.set("synchronous_standby_names", to: "ANY 1 (b)")
            try await b.follow(a)
            let commit = try await Statement.begin("insert into t values (1)", on: a)
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
            #expect(
                try await a.value(
                    "select state || ' ' || sync_state from pg_stat_replication")
                    == "streaming quorum")
            #expect(try await b.value("select count(*) from t where x > 1000") == "200")
            #expect(try await b.value("select count(*) from t where x = 1") == "0")
        }
    }

    @Test(
        "F35: a standby past the fork keeps receiver and row, and acknowledges what it does not hold",
        arguments: ServerVersion.all)
    func pastTheFork(version: ServerVersion) async throws {
        let often = ["wal_retrieve_retry_interval = '50ms'"]
        try await withPair(version, standby: often) { primary, successor in
            let ahead = try await primary.follower("ahead", settings: often)
            try await primary.sees("ahead")
            try await successor.replays(try await primary.current("pg_current_wal_flush_lsn()"))
            try await successor.seal()
            try await primary.query("insert into t select generate_series(1001, 20000)")
            let end = try await primary.current("pg_current_wal_flush_lsn()")
            try await ahead.replays(end)
            await primary.kill(SIGKILL)
            try await successor.promote()
            try await ahead.repoint(to: successor)
            await ahead.reload()

            try await ahead.wait(
                until: "select status = 'waiting' from pg_stat_wal_receiver")
            let receiver = try await ahead.current(ThrowawayPostgres.receiverPID)
            try await successor.sees("ahead")
            try await successor.set("synchronous_standby_names", to: "ANY 1 (ahead)")
            let commit = try await Statement.begin("insert into t values (-1)", on: successor)
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
            #expect(try await successor.value("select pg_current_wal_lsn() < '\(end)'") == "t")
            #expect(try await ahead.value("select count(*) from t where x = -1") == "0")
            #expect(try await ahead.current(ThrowawayPostgres.receiverPID) == receiver)
        }
    }

    @Test(
        "F21a: asked at the end of a stream, a promotion is quick when each 30 ms a reload nudges it",
        arguments: ServerVersion.all)
    func nudged(version: ServerVersion) async throws {
        // Without a nudge the request may sleep for all of this: chance decides, so that is not
        // asserted.
        let sleep = ["wal_retrieve_retry_interval = '5s'"]
        try await withPair(version, standby: sleep) { primary, standby in
            let session = try await standby.session()
            await primary.kill(SIGKILL)
            let receiver = "select \(ThrowawayPostgres.receiverPID)"
            while try await session.query(receiver, timeout: .seconds(10)).values[0][0] != nil {}
            let start = ContinuousClock.now
            try await session.query("select pg_promote(false)", timeout: .seconds(10))
            while try await session.query("select pg_is_in_recovery()", timeout: .seconds(10))
                .values[0][0] == "t", ContinuousClock.now - start < .seconds(10)
            {
                try await Task.sleep(for: .milliseconds(30))
                try await session.query("select pg_reload_conf()", timeout: .seconds(10))
            }
            #expect(ContinuousClock.now - start < .seconds(3))
        }
    }

    @Test(
        "F23: a hung standby holds up a fast stop; the candidate has the last record long before",
        arguments: ServerVersion.all)
    func hungStandby(version: ServerVersion) async throws {
        try await withPair(version, settings: ["wal_sender_timeout = '4s'"]) { primary, candidate in
            let hung = try await primary.follower("hung")
            try await primary.sees("hung")
            let receiver = try #require(
                pid_t(try await hung.current(ThrowawayPostgres.receiverPID)))
            #expect(kill(receiver, SIGSTOP) == 0)
            try await primary.query("insert into t select generate_series(1, 1000)")

            async let stopped: Void = primary.stop(.fast)
            var control = try await primary.control()
            try await until("its control file says that it is shut down") {
                control = try await primary.control()
                return control["Database cluster state"] == "shut down"
            }
            let last = try #require(control["Latest checkpoint location"])
            try await candidate.wait(until: "select pg_last_wal_receive_lsn() > '\(last)'")
            #expect(await primary.isRunning)
            try await stopped

            // It stands on the candidate's timeline: no rewind.
            try await candidate.promote()
            try await primary.follow(candidate)
            try await candidate.query("insert into t values (5000)")
            try await primary.wait(until: "select exists (select from t where x = 5000)")
        }
    }

    @Test(
        "F27: a sealed standby fetches from a sealed standby, and follows its promotion by itself",
        arguments: ServerVersion.all)
    func cascade(version: ServerVersion) async throws {
        try await withPair(version) { primary, ahead in
            let behind = try await primary.follower("behind")
            try await primary.sees("behind")
            try await behind.seal()
            try await primary.query("insert into t values (1)")
            let lsn = try await primary.current("pg_current_wal_flush_lsn()")
            try await ahead.receives(lsn)
            await primary.kill(SIGKILL)
            try await ahead.seal()
            #expect(try await behind.value("select count(*) from t") == "0")

            try await behind.repoint(to: ahead)
            await behind.reload()
            try await behind.wait(until: "select pg_last_wal_replay_lsn() >= '\(lsn)'")
            #expect(try await behind.value("select count(*) from t") == "1")

            try await ahead.promote()
            try await ahead.query("insert into t values (2)")
            try await behind.wait(until: "select exists (select from t where x = 2)")
        }
    }

    @Test(
        "F27: a standby of a standby has what the primary writes, after a restart between them too",
        arguments: ServerVersion.all)
    func chain(version: ServerVersion) async throws {
        try await withPair(version) { primary, middle in
            let last = try await middle.follower("last")
            try await middle.sees("last")
            try await primary.query("insert into t values (1)")
            try await last.wait(until: "select exists (select from t where x = 1)")
            try await middle.restart()
            try await primary.query("insert into t values (2)")
            try await last.wait(until: "select exists (select from t where x = 2)")
        }
    }
}
