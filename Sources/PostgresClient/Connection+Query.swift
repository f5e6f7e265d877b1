import CLibPQ
import Glibc
import Reactor

extension Connection {
    private static let what = "cannot run a query"

    /// Runs one statement by the extended protocol; `$1` is the first of `parameters`, as text.
    @discardableResult
    public func query(
        _ sql: String, _ parameters: [String?] = [], timeout: Duration
    ) async throws(PostgresError) -> Rows {
        try refuseZeroBytes([sql] + parameters)
        let answers = try await exchange(timeout) { session in
            withCStrings(parameters) { values in
                PQsendQueryParams(session, sql, Int32(parameters.count), nil, values, nil, nil, 0)
            }
        }
        return answers.last ?? Rows(source: conninfo.subject)
    }

    /// Runs one or several statements by the simple protocol; several are one transaction unless
    /// they say otherwise. Returns what each of them returned.
    @discardableResult
    public func execute(_ sql: String, timeout: Duration) async throws(PostgresError) -> [Rows] {
        try refuseZeroBytes([sql])
        return try await exchange(timeout) { session in PQsendQuery(session, sql) }
    }

    private func refuseZeroBytes(_ texts: [String?]) throws(PostgresError) {
        for text in texts where text?.utf8.contains(0) == true {
            throw failure(.invalidParameter, Connection.what, "the text holds a zero byte")
        }
    }

    private func exchange(
        _ timeout: Duration, _ send: (OpaquePointer) -> Int32
    ) async throws(PostgresError) -> [Rows] {
        guard let session else { throw hasEnded(Connection.what) }
        guard !isBusy else {
            throw failure(.busy, Connection.what, "another query runs on this connection")
        }
        let deadline = Deadline(after: timeout)
        isBusy = true
        releaseWatch()
        defer {
            isBusy = false
            wakeParked()
        }
        guard send(session) == 1 else { throw lost() }
        try await flush(before: deadline)
        return try await collect(before: deadline)
    }

    /// Sends what libpq holds back. Reads meanwhile, or two full socket buffers would wait for each
    /// other.
    private func flush(before deadline: Deadline) async throws(PostgresError) {
        while let session {
            switch PQflush(session) {
            case 0: return
            case 1:
                try await ready(for: [.read, .write], before: deadline, Connection.what)
                if let session = self.session { PQconsumeInput(session) }
            default: throw lost()
            }
        }
    }

    /// Reads to the end of the answer. The first error wins; what follows it is its echo.
    private func collect(before deadline: Deadline) async throws(PostgresError) -> [Rows] {
        var answers: [Rows] = []
        var error: PostgresError?
        while let session {
            while PQisBusy(session) == 1 {
                try await ready(for: .read, before: deadline, Connection.what)
                // A failure shows as the next result, behind what the server said before it.
                PQconsumeInput(session)
            }
            guard let result = PQgetResult(session) else { break }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                answers.append(Rows(result, source: conninfo.subject))
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                let refusal = failure(
                    .protocolViolation, Connection.what,
                    "COPY to or from the client is not supported")
                drop(because: refusal)
                throw refusal
            default:
                error = error ?? self.error(from: result)
            }
        }
        forgetNotifications()
        if let session, PQstatus(session) == CONNECTION_BAD {
            let ending = error ?? lost()
            drop(because: ending)
            throw ending
        }
        if let error { throw error }
        return answers
    }

    private func error(from result: OpaquePointer) -> PostgresError {
        if let report = ServerReport(result) {
            return failure(report.code, Connection.what, report.message, sqlState: report.sqlState)
        }
        if let report = lastWords.report {
            return failure(report.code, Connection.what, report.message, sqlState: report.sqlState)
        }
        return failure(.closed, Connection.what, String(cString: PQresultErrorMessage(result)))
    }

    /// The connection failed below the protocol: drops it and says why.
    func lost() -> PostgresError {
        let error: PostgresError
        if let report = lastWords.report {
            error = failure(
                report.code, Connection.what, report.message, sqlState: report.sqlState)
        } else {
            let message = session.map { String(cString: PQerrorMessage($0)) } ?? ""
            error = failure(
                .closed, Connection.what, message.isEmpty ? "the connection was lost" : message)
        }
        drop(because: error)
        return error
    }

    /// Nothing here listens, but what arrived would pile up in libpq.
    func forgetNotifications() {
        while let session, let notification = PQnotifies(session) { PQfreemem(notification) }
    }
}

extension Rows {
    fileprivate init(_ result: OpaquePointer, source: String) {
        let columnCount = PQnfields(result)
        self.init(
            columns: (0..<columnCount).map { String(cString: PQfname(result, $0)) },
            values: (0..<PQntuples(result)).map { row in
                (0..<columnCount).map { column in
                    PQgetisnull(result, row, column) == 1
                        ? nil : String(cString: PQgetvalue(result, row, column))
                }
            },
            command: String(cString: PQcmdStatus(result)), source: source)
    }
}
