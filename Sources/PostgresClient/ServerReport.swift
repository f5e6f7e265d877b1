import CLibPQ

/// An error as the server reported it. Only its primary message: the rest may quote statements.
struct ServerReport {
    let sqlState: String
    let message: String
    /// Not translated, unlike the text: FATAL, ERROR, WARNING …
    let severity: String

    init?(_ result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            guard let ascii = code.asciiValue, let text = PQresultErrorField(result, Int32(ascii))
            else { return nil }
            return String(cString: text)
        }
        guard let sqlState = field("C") else { return nil }
        self.sqlState = sqlState
        message = field("M") ?? "no message"
        severity = field("V") ?? ""
    }

    var code: PostgresError.Code { PostgresError.Code(sqlState: sqlState, message: message) }

    /// Whether the server ends the session with it.
    var isFarewell: Bool {
        severity == "FATAL" || severity == "PANIC" || sqlState.hasPrefix("57P")
    }
}

/// What the server said when it ended an idle session; libpq takes it for a notice. libpq calls it
/// only from within its functions, that is, on the connection's actor.
final class LastWords {
    private(set) var report: ServerReport?

    /// Must outlive the session.
    func listen(to session: OpaquePointer) {
        PQsetNoticeReceiver(
            session,
            { argument, result in
                guard let argument, let result, let report = ServerReport(result),
                    report.isFarewell
                else { return }
                Unmanaged<LastWords>.fromOpaque(argument).takeUnretainedValue().report = report
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}

extension PostgresError.Code {
    init(sqlState: String, message: String) {
        switch sqlState {
        case "57P01":
            // So a session ends whose postmaster was killed: no administrator is behind that.
            self = message.contains("unexpected postmaster exit") ? .closed : .adminShutdown
        case "57P02": self = .closed
        case "57P03":
            self =
                message.contains("shutting down")
                ? .shuttingDown
                : message.contains("in recovery mode") ? .inRecoveryMode : .startingUp
        case "53300": self = .tooManyConnections
        case "08P01": self = .protocolViolation
        default: self = sqlState.hasPrefix("28") ? .authentication : .server
        }
    }
}

/// Why libpq could not connect, from its text: there is no other way to know.
struct ConnectComplaint {
    let code: PostgresError.Code
    let message: String
    let sqlState: String?

    init(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
            .filter { !$0.hasPrefix("LOCATION:") }
        // Several addresses may have been tried: the last server that answered knows best.
        for line in lines.reversed() {
            guard let (state, said) = ConnectComplaint.serverWords(in: line) else { continue }
            sqlState = state
            message = said
            code = PostgresError.Code(sqlState: state, message: said)
            return
        }
        sqlState = nil
        let text = lines.isEmpty ? "libpq does not say why" : lines.joined(separator: "; ")
        message = text
        code = ConnectComplaint.codes.first { text.contains($0.words) }?.code ?? .closed
    }

    /// `… FATAL:  28P01: password authentication failed …` → state and message.
    private static func serverWords(in line: String) -> (state: String, said: String)? {
        for gap in line.ranges(of: ":  ") {
            let rest = line[gap.upperBound...]
            let state = rest.prefix(5)
            let isState = state.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            }
            if state.utf8.count == 5, isState, rest.dropFirst(5).hasPrefix(": ") {
                return (String(state), String(rest.dropFirst(7)))
            }
        }
        return nil
    }

    /// libpq's own words and the C library's, which are English as long as nobody calls setlocale.
    private static let codes: [(words: String, code: PostgresError.Code)] = [
        ("no password supplied", .authentication),
        ("no pg_hba.conf entry", .authentication),
        ("password authentication failed", .authentication),
        ("authentication method", .authentication),
        ("SCRAM", .authentication),
        ("certificate", .authentication),
        ("invalid connection option", .invalidParameter),
        ("invalid port number", .invalidParameter),
        ("invalid sslmode value", .invalidParameter),
        ("invalid integer value", .invalidParameter),
        ("could not match", .invalidParameter),
        ("could not translate host name", .nameResolution),
        ("could not parse network address", .nameResolution),
        ("starting up", .startingUp),
        ("not yet accepting connections", .startingUp),
        ("in recovery mode", .inRecoveryMode),
        ("shutting down", .shuttingDown),
        ("too many clients", .tooManyConnections),
        ("expected authentication request", .protocolViolation),
        ("received invalid response", .protocolViolation),
        ("unsupported frontend protocol", .protocolViolation),
        ("Connection refused", .refused),
        ("No such file or directory", .refused),
        ("Connection timed out", .timedOut),
        ("No route to host", .unreachable),
        ("Network is unreachable", .unreachable),
        ("Host is down", .unreachable),
        ("Network is down", .unreachable),
    ]
}
