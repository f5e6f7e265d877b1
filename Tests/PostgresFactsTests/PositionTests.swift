import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Positions and freshness", .inTurn)
struct PositionTests {
    static let names = ["synchronous_standby_names = 'ANY 1 (a)'"]
    static let age = "extract(epoch from clock_timestamp() - last_msg_receipt_time)"

    @Test(
        "F14: a blank upstream survives a restart; then nothing was received, and replay tells the position",
        arguments: ServerVersion.all)
    func sealedRestart(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await primary.query("insert into t select generate_series(1, 1000)")
            let lsn = try await primary.current("pg_current_wal_flush_lsn()")
            try await standby.receives(lsn)
            try await standby.seal()
            for mode in [ThrowawayPostgres.StopMode.fast, .immediate] {
                try await standby.restart(mode)
                try await standby.isIdle()
                #expect(
                    try await standby.value(
                        "select \(ThrowawayPostgres.receiverPID) is null") == "t")
                #expect(try await standby.value("select pg_last_wal_receive_lsn()") == nil)
                #expect(
                    try await standby.value("select pg_last_wal_replay_lsn() >= '\(lsn)'") == "t")
                #expect(try await standby.value("select count(*) from t") == "1000")
            }
        }
    }

    @Test(
        "F15: after a restart with an upstream the received position is a segment's start, below replay",
        arguments: ServerVersion.all)
    func restartWithUpstream(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await primary.query("insert into t select generate_series(1, 1000)")
            let lsn = try await primary.current("pg_current_wal_flush_lsn()")
            try await standby.replays(lsn)
            try await standby.restart()
            try await primary.sees("a")
            try await standby.wait(until: "select pg_last_wal_receive_lsn() is not null")
            #expect(
                try await standby.value(
                    "select right(pg_last_wal_receive_lsn()::text, 6) = '000000'") == "t")
            #expect(
                try await standby.value(
                    "select pg_last_wal_receive_lsn() < pg_last_wal_replay_lsn()") == "t")
            // New WAL puts it right.
            try await primary.query("insert into t values (1)")
            try await standby.receives(try await primary.current("pg_current_wal_flush_lsn()"))
        }
    }

    @Test(
        "F16: what a standby says it has received survives its crash",
        arguments: ServerVersion.all)
    func receivedIsFlushed(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await standby.query("select pg_wal_replay_pause()")
            try await primary.query("insert into t select generate_series(1, 100000)")
            let lsn = try await primary.current("pg_current_wal_flush_lsn()")
            try await standby.receives(lsn)
            #expect(
                try await standby.value(
                    "select flushed_lsn = pg_last_wal_receive_lsn() from pg_stat_wal_receiver")
                    == "t")
            await standby.kill(SIGKILL)
            await primary.kill(SIGKILL)
            try await standby.configure(["primary_conninfo = ''"])
            try await standby.start()
            try await standby.replays(lsn)
            #expect(try await standby.value("select count(*) from t") == "100000")
        }
    }

    @Test(
        "F17: a receiver still says streaming long after its primary froze",
        arguments: ServerVersion.all)
    func frozen(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await primary.freeze()
            try await standby.wait(
                until: "select \(Self.age) > 3 from pg_stat_wal_receiver")
            #expect(
                try await standby.value("select status from pg_stat_wal_receiver") == "streaming")
        }
    }

    @Test(
        "F18: by default an idle, healthy link is silent for longer than a failover may take",
        arguments: ServerVersion.all)
    func idle(version: ServerVersion) async throws {
        try await withPair(version, settings: Self.names) { primary, standby in
            try await standby.wait(
                until: "select \(Self.age) > 2 from pg_stat_wal_receiver",
                timeout: .seconds(60))
            let commit = try await Statement.begin("insert into t values (1)", on: primary)
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
        }
    }

    @Test(
        "F18, A27: with wal_receiver_timeout = 3 s an idle link is never silent for 2 s, a frozen primary shows by then",
        arguments: ServerVersion.all)
    func fresh(version: ServerVersion) async throws {
        try await withPair(version, standby: ["wal_receiver_timeout = '3s'"]) { primary, standby in
            #expect(
                try await standby.holds(
                    "\(Self.age) < 2 from pg_stat_wal_receiver", for: .seconds(4)))
            try await primary.freeze()
            let start = ContinuousClock.now
            try await standby.wait(
                until: """
                    select coalesce((select \(Self.age) > 2 from pg_stat_wal_receiver), true)
                    """)
            #expect(ContinuousClock.now - start < .seconds(6))
        }
    }

    @Test(
        "A27: wal_receiver_timeout lowered below the silence of an idle link may end it at once",
        arguments: ServerVersion.all)
    func lowered(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await standby.wait(
                until: "select \(Self.age) > 3 from pg_stat_wal_receiver",
                timeout: .seconds(60))
            let receiver = try await standby.current(ThrowawayPostgres.receiverPID)
            try await standby.set("wal_receiver_timeout", to: "2s")
            let isSame = try await standby.holds(
                "coalesce(\(ThrowawayPostgres.receiverPID) = \(receiver), false)",
                for: .seconds(1))
            #expect(isSame != Differences.loweredTimeoutEndsIdleReceiver(version))
            let says = "terminating walreceiver due to timeout"
            #expect(
                standby.log.contains(says) == Differences.loweredTimeoutEndsIdleReceiver(version))
        }
    }
}
