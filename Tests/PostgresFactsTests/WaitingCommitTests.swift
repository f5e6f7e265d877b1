import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Commits that wait", .inTurn)
struct WaitingCommitTests {
    static let nobody = ["synchronous_standby_names = 'ANY 1 (nobody)'"]

    @Test("F2: a cancelled wait tells the client success", arguments: ServerVersion.all)
    func cancelled(version: ServerVersion) async throws {
        try await withServer(version, settings: Self.nobody) { primary in
            let commit = try await Statement.begin("insert into t values (1)", on: primary)
            try await primary.waits(commit)
            #expect(try await primary.value("select pg_cancel_backend(\(commit.pid))") == "t")
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
            // The only trace, beside a warning that drivers drop.
            #expect(primary.log.contains("canceling wait for synchronous replication"))
        }
    }

    @Test(
        "F2: statement_timeout ends the wait of a COMMIT inside CALL and DO, with success",
        arguments: ServerVersion.all)
    func timeoutInsideProcedures(version: ServerVersion) async throws {
        try await withServer(version, settings: Self.nobody) { primary in
            let body = "$$ begin insert into t values (1); commit; end $$"
            try await primary.locally("create procedure p() language plpgsql as \(body)")
            for (sql, tag) in [("call p()", "CALL"), ("do \(body)", "DO")] {
                let commit = try await Statement.begin(
                    sql, on: primary, options: "-c statement_timeout=200ms")
                #expect(await commit.outcome == .acknowledged(tag))
            }
            // A plain statement is safe: the timer is off when it commits.
            let plain = try await Statement.begin(
                "insert into t values (2)", on: primary, options: "-c statement_timeout=200ms")
            try await primary.waits(plain)
            try await primary.wait(
                until: """
                    select now() - query_start > '1 second' and wait_event = 'SyncRep'
                    from pg_stat_activity where pid = \(plain.pid)
                    """)
        }
    }

    enum Ending: CaseIterable {
        case terminated, fastStop, immediateStop, killed
    }

    @Test(
        "F3: termination, shutdown and a killed postmaster end the wait without an answer; the row stays",
        arguments: ServerVersion.all)
    func unanswered(version: ServerVersion) async throws {
        try await withServer(version, settings: Self.nobody) { primary in
            for (number, ending) in Ending.allCases.enumerated() {
                let commit = try await Statement.begin(
                    "insert into t values (\(number))", on: primary)
                try await primary.waits(commit)
                switch ending {
                case .terminated:
                    try await primary.query("select pg_terminate_backend(\(commit.pid))")
                case .fastStop: try await primary.stop(.fast)
                case .immediateStop: try await primary.stop(.immediate)
                case .killed: await primary.kill(SIGKILL)
                }
                let outcome = await commit.outcome
                #expect(outcome.isUnknown, "\(ending): \(outcome)")
                if await !primary.isRunning { try await primary.start() }
                #expect(
                    try await primary.value("select count(*) from t where x = \(number)") == "1",
                    "\(ending)")
            }
        }
    }

    @Test(
        "F4: clearing the names acknowledges every waiter; another unsatisfiable name does not",
        arguments: ServerVersion.all)
    func clearedNames(version: ServerVersion) async throws {
        try await withServer(version, settings: Self.nobody) { primary in
            var commits: [Statement] = []
            for number in 1...5 {
                let commit = try await Statement.begin(
                    "insert into t values (\(number))", on: primary)
                try await primary.waits(commit)
                commits.append(commit)
            }
            try await primary.set("synchronous_standby_names", to: "ANY 1 (nobody_else)")
            // Done by the checkpointer, after it has reloaded.
            try await primary.query("checkpoint")
            for commit in commits { #expect(try await primary.isStillWaiting(commit)) }

            try await primary.set("synchronous_standby_names", to: "")
            for commit in commits {
                #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
            }
            #expect(try await primary.value("select count(*) from pg_stat_replication") == "0")
        }
    }

    @Test(
        "F5: names that are satisfied already release a waiter at the next reply of a standby only",
        arguments: ServerVersion.all)
    func releasedByReply(version: ServerVersion) async throws {
        let rare = ["wal_receiver_status_interval = '1h'"]
        try await withPair(version, settings: Self.nobody, standby: rare) { primary, _ in
            let commit = try await Statement.begin("insert into t values (1)", on: primary)
            try await primary.waits(commit)
            try await primary.wait(
                until: "select flush_lsn = pg_current_wal_flush_lsn() from pg_stat_replication")
            try await primary.set("synchronous_standby_names", to: "ANY 1 (a)")
            // The walsender itself has the new names.
            try await primary.wait(until: "select sync_priority > 0 from pg_stat_replication")
            #expect(
                try await primary.holds(
                    """
                    exists (select from pg_stat_activity where pid = \(commit.pid)
                        and wait_event = 'SyncRep')
                    """, for: .seconds(1)))
            try await primary.locally("insert into t values (2)")
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
        }
    }

    @Test(
        "F6: with a stuck checkpointer new names show in every session, and no commit waits for them",
        arguments: ServerVersion.all)
    func stuckCheckpointer(version: ServerVersion) async throws {
        try await withServer(version) { primary in
            let checkpointer = try #require(
                pid_t(
                    try await primary.current(
                        "pid from pg_stat_activity where backend_type = 'checkpointer'")))
            #expect(kill(checkpointer, SIGSTOP) == 0)
            try await primary.set("synchronous_standby_names", to: "ANY 1 (nobody)")
            let unwaited = try await Statement.begin("insert into t values (1)", on: primary)
            #expect(await unwaited.outcome == .acknowledged("INSERT 0 1"))

            #expect(kill(checkpointer, SIGCONT) == 0)
            try await primary.query("checkpoint")
            let commit = try await Statement.begin("insert into t values (2)", on: primary)
            try await primary.waits(commit)
        }
    }

    @Test(
        "F31: a client that gives up leaves its backend waiting, until that is terminated",
        arguments: ServerVersion.all)
    func abandoned(version: ServerVersion) async throws {
        try await withServer(version, settings: Self.nobody) { primary in
            let commit = try await Statement.begin(
                "insert into t values (1)", on: primary, timeout: .milliseconds(300))
            guard case .failed(let error) = await commit.outcome, error.code == .timedOut else {
                Issue.record("the client did not run into its deadline: \(await commit.outcome)")
                return
            }
            #expect(
                try await primary.holds(
                    """
                    exists (select from pg_stat_activity where pid = \(commit.pid)
                        and wait_event = 'SyncRep')
                    """, for: .milliseconds(500)))
            try await primary.query("select pg_terminate_backend(\(commit.pid))")
            try await primary.wait(
                until: "select count(*) = 0 from pg_stat_activity where pid = \(commit.pid)")
        }
    }
}
