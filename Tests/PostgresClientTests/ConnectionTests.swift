import PostgresClient
import Testing
import ToolkitTesting

@Suite("Asking a server", .timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test func answersWithColumnsRowsAndNulls() async throws {
        let connection = try await openShared()
        let rows = try await connection.query(
            "select 1 as one, null as nothing, 'ä''\"' as text, true as yes, 1.5 as half",
            timeout: .seconds(10))
        #expect(rows.columns == ["one", "nothing", "text", "yes", "half"])
        #expect(rows.command == "SELECT 1")
        let row = try rows.single()
        #expect(try row.int("one") == 1)
        #expect(try row.optionalString("nothing") == nil)
        #expect(try row.optionalInt("nothing") == nil)
        #expect(try row.string("text") == "ä'\"")
        #expect(try row.bool("yes"))
        #expect(try row.double("half") == 1.5)
        #expect(await connection.serverVersion ?? 0 >= 130_000)
        #expect(await connection.parameterStatus("client_encoding") == "UTF8")
        let pid = try await connection.query(
            "select pg_backend_pid() as pid", timeout: .seconds(10))
        #expect(try pid[0].int("pid") == (await connection.backendPID))
        await connection.close()
        #expect(await !connection.isOpen)
    }

    @Test func parametersArriveUnchanged() async throws {
        let connection = try await openShared()
        let hostile: [String?] = ["'; drop table x; --", nil, "", "\\ \" $1 \n ü", "42"]
        let rows = try await connection.query(
            "select $1::text as a, $2::text as b, $3::text as c, $4::text as d, $5::int + 1 as e",
            hostile, timeout: .seconds(10))
        #expect(rows.values == [[hostile[0], nil, "", hostile[3], "43"]])
    }

    @Test func aColumnThatIsNotThereIsATypedError() async throws {
        let rows = try await openShared().query(
            "select 'x' as word, null as hole", timeout: .seconds(10))
        #expect(await failure { _ = try rows[0].string("wrod") }?.code == .missingColumn)
        #expect(await failure { _ = try rows[0].optionalBool("wrod") }?.code == .missingColumn)
        #expect(await failure { _ = try rows[0].int("word") }?.code == .unexpectedValue)
        #expect(await failure { _ = try rows[0].bool("word") }?.code == .unexpectedValue)
        #expect(await failure { _ = try rows[0].string("hole") }?.code == .unexpectedValue)
        let none = try await openShared().query("select 1 where false", timeout: .seconds(10))
        #expect(await failure { _ = try none.single() }?.code == .unexpectedValue)
    }

    @Test func anErrorNamesItsStateAndLeavesTheConnectionOpen() async throws {
        let connection = try await openShared()
        let error = await failure {
            try await connection.query("select * from no_such_table", timeout: .seconds(10))
        }
        #expect(error?.code == .server)
        #expect(error?.sqlState == "42P01")
        #expect(error?.message.contains("no_such_table") == true)
        #expect(error?.description.contains("\n  next: ") == true)
        #expect(try await connection.query("select 2", timeout: .seconds(10)).values == [["2"]])
    }

    @Test func severalStatementsRunBySimpleProtocol() async throws {
        let connection = try await openShared()
        let answers = try await connection.execute(
            "create temporary table t (x int); insert into t values (7), (8); select x from t",
            timeout: .seconds(10))
        #expect(answers.map(\.command) == ["CREATE TABLE", "INSERT 0 2", "SELECT 2"])
        #expect(answers.last?.values == [["7"], ["8"]])
        let error = await failure {
            try await connection.execute("select 1; select 1/0; select 2", timeout: .seconds(10))
        }
        #expect(error?.sqlState == "22012")
        #expect(await connection.isOpen)
    }

    @Test func bigStatementsAndAnswersPass() async throws {
        let connection = try await openShared()
        let text = String(repeating: "x", count: 20_000_000)
        let rows = try await connection.query(
            "select length($1) as l, $1 as t", [text], timeout: .seconds(60))
        #expect(try rows[0].int("l") == text.utf8.count)
        #expect(try rows[0].string("t") == text)
    }

    @Test func oneQueryAtATime() async throws {
        let connection = try await openShared()
        async let one = failure {
            try await connection.query("select pg_sleep(2)", timeout: .seconds(30))
        }
        async let other = failure {
            try await connection.query("select pg_sleep(2)", timeout: .seconds(30))
        }
        let codes = await [one?.code, other?.code]
        #expect(codes == [.busy, nil] || codes == [nil, .busy])
        #expect(await connection.isOpen)
    }

    @Test func zeroBytesAndCopyAreRefused() async throws {
        let connection = try await openShared()
        let zero = await failure {
            try await connection.query("select 1\0; drop table x", timeout: .seconds(10))
        }
        #expect(zero?.code == .invalidParameter)
        let copy = await failure {
            try await connection.execute("copy (select 1) to stdout", timeout: .seconds(10))
        }
        #expect(copy?.code == .protocolViolation)
        #expect(await !connection.isOpen)
    }

    @Test func closingDuringAQueryEndsIt() async throws {
        let connection = try await openShared()
        let query = Task {
            await failure {
                try await connection.query("select pg_sleep(30)", timeout: .seconds(60))
            }
        }
        try await ThrowawayPostgres.shared().wait(
            until: """
                select count(*) = 1 from pg_stat_activity
                where pid = \(await connection.backendPID ?? 0) and state = 'active'
                """)
        let took = await duration {
            await connection.close()
            #expect(await query.value?.code == .closed)
        }
        #expect(took < .seconds(5))
        #expect(await !connection.isOpen)
        let next = await failure { try await connection.query("select 1", timeout: .seconds(1)) }
        #expect(next?.code == .closed)
    }

    @Test func manyConnectionsAtOnce() async throws {
        let conninfo = try await ThrowawayPostgres.shared().conninfo
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let connection = try await Connection.open(conninfo, timeout: .seconds(60))
                    var sum = 0
                    for _ in 0..<5 {
                        sum += try await connection.query(
                            "select $1::int as n", [String(number)], timeout: .seconds(60)
                        )[0].int("n")
                    }
                    await connection.close()
                    return sum
                }
            }
            return try await group.reduce(into: 0, +=)
        }
        #expect(answers == (0..<40).reduce(0, +) * 5)
    }
}
