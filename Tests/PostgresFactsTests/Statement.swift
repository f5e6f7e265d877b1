import PostgresClient
import Testing
import ToolkitTesting

/// A statement that may wait for long, on a session of its own.
struct Statement: Sendable {
    enum Outcome: Hashable, Sendable {
        /// The client has its answer: the command tag.
        case acknowledged(String)
        case failed(PostgresError)

        /// The session ended without an answer: the client doesn't know.
        var isUnknown: Bool {
            switch self {
            case .failed(let error): error.code == .closed || error.code == .adminShutdown
            case .acknowledged: false
            }
        }
    }

    let pid: Int
    private let task: Task<Outcome, Never>

    /// Begins `sql`; `options` are settings of the session, as `-c name=value`.
    static func begin(
        _ sql: String, on server: ThrowawayPostgres, options: String? = nil,
        timeout: Duration = .seconds(60)
    ) async throws -> Statement {
        let connection = try await server.session(options)
        let pid = try #require(await connection.backendPID)
        let task = Task<Outcome, Never> {
            do throws(PostgresError) {
                let rows = try await connection.query(sql, timeout: timeout)
                await connection.close()
                return .acknowledged(rows.command)
            } catch {
                return .failed(error)
            }
        }
        return Statement(pid: pid, task: task)
    }

    /// How it ended; waits for that.
    var outcome: Outcome { get async { await task.value } }
}
