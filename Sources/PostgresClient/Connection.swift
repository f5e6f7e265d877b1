import CLibPQ
import Glibc
import Reactor

/// One session with a PostgreSQL server: at most one query at a time, a deadline on each.
///
/// A call that outlives its deadline, or whose task is cancelled, drops the connection: where the
/// protocol stands is unknown then. What the server had begun it may still finish.
public actor Connection {
    /// Where and as whom, as it was asked for.
    public nonisolated let conninfo: Conninfo

    var session: OpaquePointer?
    let lastWords: LastWords
    let poller = Poller.shared

    /// Invariant: while it is true, only the running query waits on the descriptor.
    var isBusy = false
    /// Why the connection ended; nil while it is open, and when it was closed here.
    var ending: PostgresError?
    /// The wait of the one caller of `untilClosed` that watches the descriptor.
    var watch: UInt64?
    /// The waits of the other callers, which watch nothing until they are woken.
    var parked: Set<UInt64> = []

    init(_ conninfo: Conninfo, session: OpaquePointer, lastWords: LastWords) {
        self.conninfo = conninfo
        self.session = session
        self.lastWords = lastWords
    }

    isolated deinit {
        if let session { PQfinish(session) }
    }

    /// Connects and authenticates. Host names are looked up on a thread of their own.
    public static func open(
        _ conninfo: Conninfo, timeout: Duration
    ) async throws(PostgresError) -> Connection {
        let deadline = Deadline(after: timeout)
        let resolved = try await conninfo.resolved(before: deadline)
        let connection = try start(conninfo, resolved)
        try await connection.finishConnecting(before: deadline)
        return connection
    }

    public var isOpen: Bool { session != nil }

    /// The process that serves this session, as in `pg_stat_activity.pid`.
    public var backendPID: Int? { session.map { Int(PQbackendPID($0)) } }

    /// As in `server_version_num`: 150004.
    public var serverVersion: Int? { session.map { Int(PQserverVersion($0)) } }

    /// A setting that the server reports by itself: `in_hot_standby`, `server_version` and a few more.
    public func parameterStatus(_ name: String) -> String? {
        guard let session, let value = PQparameterStatus(session, name) else { return nil }
        return String(cString: value)
    }

    /// Ends the session. A query that runs ends with `closed`, a caller of `untilClosed` with nil.
    public func close() {
        guard let session else { return }
        if isBusy {
            // The query holds the session between its waits: let it see the end and drop it.
            shutdown(PQsocket(session), Int32(SHUT_RDWR))
        } else {
            drop(because: nil)
        }
    }

    func drop(because error: PostgresError?) {
        guard let session else { return }
        PQfinish(session)
        self.session = nil
        ending = error
        releaseWatch()
        wakeParked()
    }

    func failure(
        _ code: PostgresError.Code, _ what: String, _ message: String, sqlState: String? = nil
    ) -> PostgresError {
        PostgresError(
            code, what, subject: conninfo.subject,
            message: message.onOneLine(without: conninfo.secrets), sqlState: sqlState)
    }

    func hasEnded(_ what: String) -> PostgresError {
        guard let ending else { return failure(.closed, what, "the connection is closed") }
        return failure(
            .closed, what, "the connection has ended: \(ending.message)",
            sqlState: ending.sqlState)
    }

    /// Suspends until the session's descriptor is ready; drops the session when that fails.
    func ready(
        for interest: Interest, before deadline: Deadline, _ what: String
    ) async throws(PostgresError) {
        guard let session else { throw hasEnded(what) }
        let ended: PostgresError
        do {
            _ = try await poller.wait(fd: PQsocket(session), for: interest, until: deadline.moment)
            return
        } catch IOError.timedOut {
            ended = failure(.timedOut, what, "no answer within \(deadline.timeout)")
        } catch IOError.system(let call, let number) {
            ended = failure(.closed, what, "\(call): \(String(cString: strerror(number)))")
        } catch {
            ended = failure(.cancelled, what, "the caller was cancelled")
        }
        drop(because: ended)
        throw ended
    }
}

// MARK: - Connecting

extension Connection {
    private static let what = "cannot connect"

    /// Begins to connect. Doesn't block as long as every host is an address or a socket's folder.
    private static func start(
        _ conninfo: Conninfo, _ resolved: Conninfo
    ) throws(PostgresError) -> Connection {
        var parameters = resolved.parameters
        for (key, value) in [
            ("gssencmode", "disable"), ("client_encoding", "UTF8"),
            ("fallback_application_name", "toolkit"),
        ] where resolved[key] == nil {
            parameters.append(Conninfo.Parameter(key: key, value: value))
        }
        for parameter in parameters where (parameter.key + parameter.value).utf8.contains(0) {
            throw PostgresError(
                .invalidParameter, what, subject: conninfo.subject,
                message: "parameter '\(parameter.key)' holds a zero byte")
        }
        let session = withCStrings(parameters.map(\.key)) { keys in
            withCStrings(parameters.map(\.value)) { values in PQconnectStartParams(keys, values, 0)
            }
        }
        guard let session else {
            throw PostgresError(
                .closed, what, subject: conninfo.subject, message: "out of memory")
        }
        // The only way to a SQLSTATE while connecting: libpq writes it into its text.
        _ = PQsetErrorVerbosity(session, PQERRORS_VERBOSE)
        let lastWords = LastWords()
        lastWords.listen(to: session)
        nonisolated(unsafe) let owned = (session, lastWords)  // handed over to the actor
        return Connection(conninfo, session: owned.0, lastWords: owned.1)
    }

    private func finishConnecting(before deadline: Deadline) async throws(PostgresError) {
        var status = PGRES_POLLING_WRITING
        if let session, PQstatus(session) == CONNECTION_BAD { status = PGRES_POLLING_FAILED }
        while let session {
            switch status {
            case PGRES_POLLING_OK:
                PQsetnonblocking(session, 1)
                _ = PQsetErrorVerbosity(session, PQERRORS_DEFAULT)
                return
            case PGRES_POLLING_READING:
                try await ready(for: .read, before: deadline, Connection.what)
            case PGRES_POLLING_WRITING:
                try await ready(for: .write, before: deadline, Connection.what)
            default:
                let complaint = ConnectComplaint(String(cString: PQerrorMessage(session)))
                let error = failure(
                    complaint.code, Connection.what, complaint.message,
                    sqlState: complaint.sqlState)
                drop(because: error)
                throw error
            }
            // libpq may have opened another socket: the next wait registers what it has then.
            if let session = self.session { status = PQconnectPoll(session) }
        }
    }
}
