import CLibPQ
import Glibc

/// A session as an application has it: libpq's own blocking calls, which alone try every host of a
/// multi-host connection string with `target_session_attrs` and `connect_timeout`.
///
/// It blocks its thread: only for a thread of its own, never for a task.
public final class BlockingSession {
    private let connection: OpaquePointer
    private let subject: String
    private let warnings = WarningCounter()

    public init(_ conninfo: Conninfo) throws(PostgresError) {
        subject = conninfo.subject
        let pairs = conninfo.parameters
        let made = withCStrings(pairs.map(\.key)) { keys in
            withCStrings(pairs.map(\.value)) { values in PQconnectdbParams(keys, values, 0) }
        }
        guard let made else {
            throw PostgresError(
                .refused, "cannot connect", subject: subject, message: "out of memory")
        }
        connection = made
        guard PQstatus(made) == CONNECTION_OK else {
            let message = String(cString: PQerrorMessage(made))
                .onOneLine(without: conninfo.secrets)
            // Everything is initialised by now: deinit ends the connection.
            throw PostgresError(.closed, "cannot connect", subject: subject, message: message)
        }
        PQsetNoticeReceiver(
            made,
            { context, _ in
                guard let context else { return }
                Unmanaged<WarningCounter>.fromOpaque(context).takeUnretainedValue().count += 1
            }, Unmanaged.passUnretained(warnings).toOpaque())
    }

    deinit { PQfinish(connection) }

    /// The server that was chosen: `127.0.0.1:5433`.
    public var server: String {
        "\(String(cString: PQhost(connection))):\(String(cString: PQport(connection)))"
    }

    /// Runs one statement. Returns whether it was acknowledged without a warning: a cancelled wait
    /// for a standby is a success with a warning, and no acknowledgement.
    public func acknowledges(_ statement: String) -> Bool {
        warnings.count = 0
        guard let result = PQexec(connection, statement) else { return false }
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        return (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) && warnings.count == 0
    }

    /// Runs one statement, given up after `timeout`: then nobody knows what became of it, and the
    /// session is of no more use. Returns the first value of its result when it was acknowledged
    /// without a warning.
    public func value(of statement: String, within timeout: Duration) -> String? {
        let deadline = ContinuousClock.now + timeout
        warnings.count = 0
        guard PQsendQuery(connection, statement) == 1 else { return nil }
        while PQisBusy(connection) == 1 {
            let left = deadline - .now
            guard left > .zero else { return nil }
            var event = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            let milliseconds =
                left.components.seconds * 1_000 + 1
                + left.components.attoseconds / 1_000_000_000_000_000
            _ = poll(&event, 1, Int32(clamping: milliseconds))
            guard PQconsumeInput(connection) == 1 else { return nil }
        }
        var value: String?
        while let result = PQgetResult(connection) {
            value =
                PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0
                ? String(cString: PQgetvalue(result, 0, 0)) : nil
            PQclear(result)
        }
        return warnings.count == 0 ? value : nil
    }
}

/// Written and read on the one thread that runs the session.
private final class WarningCounter {
    var count = 0
}
