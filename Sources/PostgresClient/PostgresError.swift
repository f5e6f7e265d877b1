/// Why PostgreSQL could not be asked, or what it answered instead: what, to whom, because of what,
/// and what to do next. Never holds a password.
public struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// Nothing listens there: the machine is up, the postmaster is not.
        case refused = "postgres.refused"
        /// No way to the machine.
        case unreachable = "postgres.unreachable"
        /// No answer before the deadline. The connection is dropped.
        case timedOut = "postgres.timed_out"
        /// The calling task was cancelled. The connection is dropped.
        case cancelled = "postgres.cancelled"
        case nameResolution = "postgres.name_resolution"
        /// A parameter that libpq does not take, or text with a zero byte.
        case invalidParameter = "postgres.invalid_parameter"
        case authentication = "postgres.authentication"
        /// Up, but not yet accepting connections.
        case startingUp = "postgres.starting_up"
        /// Up, and recovering after a crash of one of its processes.
        case inRecoveryMode = "postgres.in_recovery_mode"
        case shuttingDown = "postgres.shutting_down"
        case tooManyConnections = "postgres.too_many_connections"
        /// The server ended this session: by an administrator, or because it stops.
        case adminShutdown = "postgres.admin_shutdown"
        /// The connection broke: its server crashed or was cut off; or it was closed here.
        case closed = "postgres.closed"
        /// The server refused the statement; `sqlState` says why.
        case server = "postgres.server"
        /// What answered does not speak the protocol, or speaks a part that is not supported.
        case protocolViolation = "postgres.protocol_violation"
        /// Another query runs on this connection.
        case busy = "postgres.busy"
        /// The answer lacks the column that was asked for.
        case missingColumn = "postgres.missing_column"
        /// A column's value is null, or not of the type that was asked for.
        case unexpectedValue = "postgres.unexpected_value"
    }

    public var code: Code
    /// The server's SQLSTATE, when a server answered.
    public var sqlState: String?
    /// The server's or libpq's own words, on one line.
    public var message: String
    /// The server: `10.0.0.1:5432`, or the path of its socket.
    public var subject: String
    /// What could not be done, without the server: `cannot connect`.
    public var what: String

    public init(
        _ code: Code, _ what: String, subject: String, message: String, sqlState: String? = nil
    ) {
        self.code = code
        self.what = what
        self.subject = subject
        self.message = message
        self.sqlState = sqlState
    }

    public var because: String {
        guard let sqlState else { return message }
        return "\(message) (SQLSTATE \(sqlState))"
    }

    public var next: String { code.next }

    public var description: String {
        "\(what) (\(subject))\n  because \(because)\n  next: \(next)"
    }
}

extension PostgresError.Code {
    /// What an operator does about it.
    fileprivate var next: String {
        switch self {
        case .refused: "start PostgreSQL there, or correct host and port"
        case .unreachable: "check the machine, the network and the firewall between"
        case .timedOut: "check that the server is not frozen, overloaded or cut off"
        case .cancelled: "nothing: the caller gave up"
        case .nameResolution: "correct the host name, or use an address"
        case .invalidParameter: "correct the connection parameters or the statement"
        case .authentication: "check role, password file and pg_hba.conf of the server"
        case .startingUp, .inRecoveryMode: "wait; the server's log says how far it is"
        case .shuttingDown: "wait until it has stopped, then start it"
        case .tooManyConnections: "end idle sessions, or raise max_connections"
        case .adminShutdown, .closed: "connect again; the server's log says why it ended"
        case .server: "see the server's log for the statement and its context"
        case .protocolViolation: "check that PostgreSQL listens there, and nothing else"
        case .busy: "wait for the running query, or use another connection"
        case .missingColumn, .unexpectedValue: "compare the query with what the caller reads"
        }
    }
}
