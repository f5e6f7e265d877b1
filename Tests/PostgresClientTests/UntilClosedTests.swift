import Glibc
import Testing
import ToolkitTesting

@testable import PostgresClient

@Suite("Noticing that a connection ends", .timeLimit(.minutes(2)))
struct UntilClosedTests {
    /// The promise is 200 ms; a machine that is busy with other tests may need a second try.
    static let limit = Duration.milliseconds(200)
    static let tries = 4

    /// Waits for the end of a connection, and returns once that watches the descriptor. Gives nil
    /// when the end is not noticed.
    func watch(_ connection: Connection) async throws -> Task<PostgresError?, Never> {
        let watch = Task {
            await withTaskGroup(of: PostgresError?.self) { group in
                group.addTask { await connection.untilClosed() }
                group.addTask {
                    try? await Task.sleep(for: .seconds(30))
                    return nil
                }
                defer { group.cancelAll() }
                return await group.next() ?? nil
            }
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while await connection.watch == nil, ContinuousClock.now < deadline { await Task.yield() }
        try #require(await connection.watch != nil)
        return watch
    }

    @Test func aKilledPostmasterIsNoticedAtOnce() async throws {
        try await ThrowawayPostgres.with { server in
            var fastest = Duration.seconds(3600)
            for _ in 0..<UntilClosedTests.tries where fastest > UntilClosedTests.limit {
                try await server.start()
                let connection = try await Connection.open(server.conninfo, timeout: .seconds(30))
                let watch = try await watch(connection)
                let took = await duration {
                    await server.kill(SIGKILL)
                    #expect(await watch.value?.code == .closed)
                }
                fastest = min(fastest, took)
                #expect(await !connection.isOpen)
            }
            #expect(fastest <= UntilClosedTests.limit)
        }
    }

    @Test func aTerminatedSessionReportsTheServersLastWords() async throws {
        let server = try await ThrowawayPostgres.shared()
        let other = try await openShared()
        var fastest = Duration.seconds(3600)
        for _ in 0..<UntilClosedTests.tries where fastest > UntilClosedTests.limit {
            let connection = try await Connection.open(server.conninfo, timeout: .seconds(30))
            let pid = try #require(await connection.backendPID)
            let watch = try await watch(connection)
            let took = try await duration {
                try await other.query(
                    "select pg_terminate_backend($1)", [String(pid)], timeout: .seconds(10))
                let ending = await watch.value
                #expect(ending?.code == .adminShutdown)
                #expect(ending?.sqlState == "57P01")
                #expect(ending?.message.contains("administrator command") == true)
            }
            fastest = min(fastest, took)
            let next = await failure {
                try await connection.query("select 1", timeout: .seconds(5))
            }
            #expect(next?.code == .closed)
            #expect(next?.sqlState == "57P01")
        }
        #expect(fastest <= UntilClosedTests.limit)
    }

    @Test func queriesRunWhileSomeoneWaitsForTheEnd() async throws {
        let connection = try await openShared()
        let pid = try #require(await connection.backendPID)
        let first = try await watch(connection)
        let second = Task { await connection.untilClosed() }
        for number in 0..<200 {
            let rows = try await connection.query(
                "select $1::int as n", [String(number)], timeout: .seconds(10))
            #expect(try rows[0].int("n") == number)
        }
        try await openShared().query(
            "select pg_terminate_backend($1)", [String(pid)], timeout: .seconds(10))
        #expect(await first.value?.code == .adminShutdown)
        #expect(await second.value?.code == .adminShutdown)
    }

    @Test func aQueryThatIsTerminatedReportsItToBoth() async throws {
        let connection = try await openShared()
        let pid = try #require(await connection.backendPID)
        let watch = try await watch(connection)
        let query = Task {
            await failure {
                try await connection.query("select pg_sleep(30)", timeout: .seconds(60))
            }
        }
        try await ThrowawayPostgres.shared().wait(
            until: "select state = 'active' from pg_stat_activity where pid = \(pid)")
        try await openShared().query(
            "select pg_terminate_backend($1)", [String(pid)], timeout: .seconds(10))
        #expect(await query.value?.code == .adminShutdown)
        #expect(await watch.value?.code == .adminShutdown)
        #expect(await !connection.isOpen)
    }

    @Test func aConnectionClosedHereEndsTheWaitWithoutAnError() async throws {
        let connection = try await openShared()
        let watch = try await watch(connection)
        try await connection.query("select 1", timeout: .seconds(10))
        await connection.close()
        #expect(await watch.value == nil)
    }

    @Test func aCancelledWaitLeavesTheConnectionOpen() async throws {
        let connection = try await openShared()
        let watch = try await watch(connection)
        try await connection.query("select 1", timeout: .seconds(10))
        watch.cancel()
        #expect(await watch.value == nil)
        #expect(try await connection.query("select 1", timeout: .seconds(10)).count == 1)
    }

    @Test func aStoppingServerSaysGoodbye() async throws {
        try await ThrowawayPostgres.with { server in
            for mode in [ThrowawayPostgres.StopMode.fast, .immediate] {
                try await server.start()
                let connection = try await Connection.open(server.conninfo, timeout: .seconds(30))
                let watch = try await watch(connection)
                // A session that is still sending when SIGQUIT arrives says nothing more.
                let pid = try #require(await connection.backendPID)
                try await server.wait(
                    until: """
                        select wait_event = 'ClientRead' from pg_stat_activity where pid = \(pid)
                        """)
                try await server.stop(mode)
                let ending = await watch.value
                #expect(ending?.code == .adminShutdown, "\(mode): \(String(describing: ending))")
            }
        }
    }
}
