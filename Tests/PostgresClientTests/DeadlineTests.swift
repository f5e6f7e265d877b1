import Glibc
import PostgresClient
import Reactor
import Testing
import ToolkitTesting

@Suite("Deadlines and cancellation", .timeLimit(.minutes(2)))
struct DeadlineTests {
    @Test func aSlowQueryEndsAtItsDeadlineAndDropsTheConnection() async throws {
        let connection = try await openShared()
        var error: PostgresError?
        let took = await duration {
            error = await failure {
                try await connection.query("select pg_sleep(30)", timeout: .milliseconds(300))
            }
        }
        #expect(error?.code == .timedOut)
        #expect(took >= .milliseconds(300) && took < .seconds(5))
        #expect(await !connection.isOpen)
        let next = await failure { try await connection.query("select 1", timeout: .seconds(1)) }
        #expect(next?.code == .closed)
    }

    @Test func aCancelledTaskEndsItsQueryAndDropsTheConnection() async throws {
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
            query.cancel()
            #expect(await query.value?.code == .cancelled)
        }
        #expect(took < .seconds(5))
        #expect(await !connection.isOpen)
    }

    @Test func aServerThatNeverAnswersIsLeftAtTheDeadline() async throws {
        let blackHole = FakeServer()
        var error: PostgresError?
        let took = await duration {
            error = await failure {
                _ = try await Connection.open(blackHole.conninfo, timeout: .milliseconds(300))
            }
        }
        #expect(error?.code == .timedOut)
        #expect(error?.subject == "127.0.0.1:\(blackHole.port)")
        #expect(took >= .milliseconds(300) && took < .seconds(5))
    }

    @Test func aCancelledTaskEndsItsConnecting() async throws {
        let blackHole = FakeServer()
        let open = Task {
            await failure {
                _ = try await Connection.open(blackHole.conninfo, timeout: .seconds(60))
            }
        }
        let took = await duration {
            open.cancel()
            #expect(await open.value?.code == .cancelled)
        }
        #expect(took < .seconds(5))
    }

    @Test func aFrozenPostmasterTakesNoNewConnectionButKeepsTheOldOnes() async throws {
        try await ThrowawayPostgres.with { server in
            let held = try await Connection.open(server.conninfo, timeout: .seconds(30))
            await server.kill(SIGSTOP)
            let error = await failure {
                _ = try await Connection.open(server.conninfo, timeout: .milliseconds(500))
            }
            #expect(error?.code == .timedOut)
            #expect(try await held.query("select 1", timeout: .seconds(10)).values == [["1"]])
            await server.kill(SIGCONT)
            #expect(try await server.value("select 1") == "1")
        }
    }
}

@Suite("The poller", .timeLimit(.minutes(2)))
struct PollerTests {
    @Test func sleepsUntilTheMomentAndNotBefore() async throws {
        let took = try await duration {
            try await Poller.shared.sleep(until: .now + .milliseconds(80))
        }
        #expect(took >= .milliseconds(80) && took < .seconds(5))
    }

    @Test func aWakeEndsTheWaitEvenWhenItComesFirst() async throws {
        let poller = Poller.shared
        let early = poller.makeToken()
        poller.wake(early)
        #expect(try await poller.wait(fd: -1, for: [], token: early) == [])
        let late = poller.makeToken()
        async let waiting = poller.wait(fd: -1, for: [], token: late)
        poller.wake(late)
        #expect(try await waiting == [])
    }

    @Test func aDescriptorThatCannotBeWatchedIsAnError() async throws {
        await #expect(throws: IOError.system(call: "epoll_ctl", errno: EBADF)) {
            _ = try await Poller.shared.wait(fd: 1_000_000, for: .read)
        }
    }

    @Test func readinessDeadlineAndCancellation() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (near, far) = (ends[0], ends[1])
        defer {
            close(near)
            close(far)
        }
        #expect(try await Poller.shared.wait(fd: near, for: .write) == .write)
        await #expect(throws: IOError.timedOut) {
            _ = try await Poller.shared.wait(fd: near, for: .read, until: .now + .milliseconds(30))
        }
        let waiting = Task { try await Poller.shared.wait(fd: near, for: .read) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
        #expect(write(far, "x", 1) == 1)
        #expect(try await Poller.shared.wait(fd: near, for: .read) == .read)
    }
}
