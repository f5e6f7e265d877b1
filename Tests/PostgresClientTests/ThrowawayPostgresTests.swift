import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Throw-away servers", .timeLimit(.minutes(2)))
struct ThrowawayPostgresTests {
    struct Deliberate: Error {}

    @Test func nothingIsLeftAfterAFailure() async throws {
        var folder = ""
        var pids: [Int32] = []
        await #expect(throws: Deliberate.self) {
            try await ThrowawayPostgres.with { server in
                folder = server.socketDirectory
                let connection = try await Connection.open(server.conninfo, timeout: .seconds(30))
                pids = [
                    try #require(await server.postmasterPID),
                    Int32(try #require(await connection.backendPID)),
                ]
                await server.kill(SIGSTOP)
                throw Deliberate()
            }
        }
        #expect(access(folder, F_OK) != 0)
        #expect(pids.count == 2)
        // A zombie that nobody has reaped yet has no working directory either.
        var target = [CChar](repeating: 0, count: 256)
        for pid in pids { #expect(readlink("/proc/\(pid)/cwd", &target, target.count) < 0) }
    }

    @Test func aStandbyFollowsAndItsPrimaryRestarts() async throws {
        try await ThrowawayPostgres.with(.init(settings: ["log_min_messages = info"])) { primary in
            #expect(try await primary.value("show data_checksums") == "on")
            #expect(try await primary.value("show fsync") == "off")
            #expect(try await primary.value("show log_min_messages") == "info")
            let standby = try await primary.standby(name: "b")
            #expect(try await standby.value("select pg_is_in_recovery()") == "t")
            try await primary.query("create table t as select 7 as x")
            try await standby.wait(
                until: "select count(*) = 1 from pg_class where relname = 't'")
            #expect(try await standby.value("select x from t") == "7")
            let name = "select application_name from pg_stat_replication"
            #expect(try await primary.value(name) == "b")
            await primary.kill(SIGKILL)
            #expect(await !primary.isRunning)
            try await primary.start()
            try await primary.restart(.immediate)
            #expect(try await primary.value("select x from t") == "7")
        }
    }

    @Test func theSettingsThatComeLaterWin() async throws {
        try await ThrowawayPostgres.with { server in
            try await server.configure(["work_mem = '7MB'"])
            await server.reload()
            try await server.wait(until: "select current_setting('work_mem') = '7MB'")
        }
    }
}
