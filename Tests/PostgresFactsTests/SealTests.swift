import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Cutting a standby off", .inTurn)
struct SealTests {
    static let names = ["synchronous_standby_names = 'ANY 1 (a)'"]

    @Test(
        "F10: a blank primary_conninfo stops the receiver, and its primary's commits wait",
        arguments: ServerVersion.all)
    func blank(version: ServerVersion) async throws {
        try await withPair(version, settings: Self.names) { primary, standby in
            let before = try await Statement.begin("insert into t values (1)", on: primary)
            #expect(await before.outcome == .acknowledged("INSERT 0 1"))
            try await standby.seal()
            let commit = try await Statement.begin("insert into t values (2)", on: primary)
            try await primary.waits(commit)
            #expect(
                try await standby.holds(
                    "\(ThrowawayPostgres.receiverPID) is null", for: .seconds(1)))
            #expect(try await primary.isStillWaiting(commit))

            try await standby.repoint(to: primary)
            await standby.reload()
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
        }
    }

    /// What keeps the startup process from its loop, where it would look at the new conninfo.
    enum Block: CaseIterable {
        case paused, delayed, conflict

        var settings: [String] {
            switch self {
            case .paused: []
            case .delayed: ["recovery_min_apply_delay = '1h'"]
            case .conflict: ["max_standby_streaming_delay = -1"]
            }
        }

        /// Blocks the startup process; returns the session that does, when one does.
        func begin(
            _ primary: ThrowawayPostgres, _ standby: ThrowawayPostgres
        ) async throws -> Connection? {
            switch self {
            case .paused:
                try await standby.query("select pg_wal_replay_pause()")
                try await primary.locally("insert into t values (0)")
                try await standby.wait(until: "select pg_get_wal_replay_pause_state() = 'paused'")
                return nil
            case .delayed:
                try await primary.locally("insert into t values (0)")
                try await standby.wait(
                    until: """
                        select wait_event = 'RecoveryApplyDelay' from pg_stat_activity
                        where backend_type = 'startup'
                        """)
                return nil
            case .conflict:
                let reader = try await standby.session()
                try await reader.execute(
                    "begin; lock table t in access share mode", timeout: .seconds(10))
                try await primary.locally("truncate t")
                try await standby.wait(
                    until: """
                        select exists (select from pg_locks where relation = 't'::regclass
                            and not granted)
                        """)
                return reader
            }
        }

        func end(_ standby: ThrowawayPostgres, _ reader: Connection?) async throws {
            switch self {
            case .paused: try await standby.query("select pg_wal_replay_resume()")
            case .delayed: try await standby.set("recovery_min_apply_delay", to: "0")
            case .conflict: await reader?.close()
            }
        }
    }

    @Test(
        "F11–F13: while replay is blocked the receiver outlives the reload and acknowledges; SIGTERM ends it for good",
        arguments: ServerVersion.all)
    func blocked(version: ServerVersion) async throws {
        for block in Block.allCases {
            try await withPair(version, settings: Self.names, standby: block.settings) {
                primary, standby in
                let reader = try await block.begin(primary, standby)
                try await standby.set("primary_conninfo", to: "")
                let unsealed = try await Statement.begin("insert into t values (1)", on: primary)
                #expect(await unsealed.outcome == .acknowledged("INSERT 0 1"), "\(block)")

                let receiver = try #require(
                    pid_t(try await standby.current(ThrowawayPostgres.receiverPID)))
                #expect(
                    try await standby.value("select pg_terminate_backend(\(receiver))") == "f",
                    "\(block)")
                #expect(
                    try await standby.holds(
                        "\(ThrowawayPostgres.receiverPID) = \(receiver)", for: .milliseconds(300)),
                    "\(block)")

                #expect(kill(receiver, SIGTERM) == 0)
                try await standby.losesReceiver()
                let commit = try await Statement.begin("insert into t values (2)", on: primary)
                try await primary.waits(commit)
                try await block.end(standby, reader)
                try await standby.isIdle()
                #expect(
                    try await standby.holds(
                        "\(ThrowawayPostgres.receiverPID) is null", for: .seconds(1)),
                    "\(block)")
                #expect(try await primary.isStillWaiting(commit), "\(block)")
            }
        }
    }

    @Test(
        "F13a: a standby without upstream follows a stray promotion through the archive, until restore_command is blank",
        arguments: ServerVersion.all)
    func archive(version: ServerVersion) async throws {
        try await withPair(version) { primary, stray in
            let archive = primary.socketDirectory + "/archive"
            #expect(try await primary.run("/bin/mkdir", [archive]).status == 0)
            let sealed = try await primary.follower(
                "sealed", settings: ["restore_command = 'cp \(archive)/%f %p'"])
            try await primary.sees("sealed")
            try await sealed.seal()
            try await stray.configure([
                "archive_mode = on", "archive_command = 'cp %p \(archive)/%f'",
            ])
            try await stray.restart()
            try await primary.sees("a")
            await primary.kill(SIGKILL)

            try await stray.promote()
            try await stray.query("insert into t values (77)")
            try await archiveAll(stray)
            try await sealed.wait(until: "select exists (select from t where x = 77)")

            try await sealed.set("restore_command", to: "")
            try await stray.query("insert into t values (78)")
            try await archiveAll(stray)
            #expect(
                try await sealed.holds("not exists (select from t where x = 78)", for: .seconds(1)))
        }
    }

    /// Ends the segment; returns when it is in the archive.
    private func archiveAll(_ server: ThrowawayPostgres) async throws {
        let file = try await server.current("pg_walfile_name(pg_current_wal_insert_lsn())")
        try await server.query("select pg_switch_wal()")
        try await server.wait(
            until: "select last_archived_wal >= '\(file)' from pg_stat_archiver")
    }
}
