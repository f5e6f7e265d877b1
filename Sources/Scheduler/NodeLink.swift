public import ClusterFile
import Execution
import FailoverCore
import PostgresClient

/// How one node is reached: its PostgreSQL by libpq, its machine by a runner.
struct NodeLink: Sendable {
    let node: NodeSettings
    let conninfo: Conninfo
    let runner: any CommandRunner
    let silence = RunnerSilence()

    init(node: NodeSettings, in settings: ClusterSettings, runner: any CommandRunner) {
        self.node = node
        self.runner = runner
        var conninfo = Conninfo(
            host: node.host, port: node.port, user: settings.postgresql.role,
            database: settings.postgresql.database)
        conninfo["passfile"] = SchedulerPaths(settings).passfile
        conninfo["application_name"] = "toolkit"
        // Neither waits for a standby nor is held by the lock, whatever the role's defaults are.
        conninfo["options"] = "-c synchronous_commit=local -c statement_timeout=0"
        self.conninfo = conninfo
    }

    /// A fresh session; the caller closes it. With `writes` no lock makes it read-only.
    func connect(
        within timeout: Duration, writes: Bool = false
    ) async throws(PostgresError) -> Connection {
        var conninfo = conninfo
        if writes {
            conninfo["options"] =
                (conninfo["options"] ?? "") + " -c default_transaction_read_only=off"
        }
        return try await Connection.open(conninfo, timeout: timeout)
    }

    /// Runs `body` in a session of its own, closed afterwards.
    func inNewSession<T: Sendable>(
        within timeout: Duration, _ body: (Connection) async throws(PostgresError) -> T
    ) async throws(PostgresError) -> T {
        let connection = try await connect(within: timeout)
        do throws(PostgresError) {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}

/// The scheduler's own files of one cluster.
public struct SchedulerPaths: Hashable, Sendable {
    public let store: String
    public let socket: String
    public let passfile: String

    public init(_ settings: ClusterSettings) {
        let prefix = settings.scheduler.directory + "/" + settings.cluster
        store = prefix + ".sqlite"
        socket = prefix + ".sock"
        passfile = prefix + ".pgpass"
    }
}
