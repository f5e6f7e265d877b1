import CLibPQ
import Glibc

/// When a call must be over, and what was allowed for it.
struct Deadline {
    let moment: ContinuousClock.Instant
    let timeout: Duration

    init(after timeout: Duration) {
        self.timeout = timeout
        moment = .now + timeout
    }
}

/// Calls `body` with a null-terminated array of C strings; nil stays a null pointer.
func withCStrings<Result>(
    _ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let copies = texts.map { text in text.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    let pointers = copies.map { UnsafePointer($0) } + [nil]
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}

extension String {
    /// One line of text that holds none of `secrets`.
    func onOneLine(without secrets: [String]) -> String {
        let line = split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }
            .joined(separator: "; ")
        return secrets.reduce(line) { $0.replacing($1, with: "***") }
    }
}

/// The verifier that PostgreSQL stores for a password, so that the password itself appears in no
/// statement and no log.
public func scramVerifier(password: String, user: String) throws(PostgresError) -> String {
    func refusal(_ message: String) -> PostgresError {
        PostgresError(
            .invalidParameter, "cannot make a SCRAM verifier", subject: "role \(user)",
            message: message.onOneLine(without: [password]))
    }
    guard !password.isEmpty, !password.utf8.contains(0) else {
        throw refusal("the password is empty or holds a zero byte")
    }
    // libpq wants a session but asks it nothing: this one fails before it opens a socket.
    guard let session = PQconnectStart("host=/ port=0") else { throw refusal("out of memory") }
    defer { PQfinish(session) }
    guard let verifier = PQencryptPasswordConn(session, password, user, "scram-sha-256") else {
        throw refusal(String(cString: PQerrorMessage(session)))
    }
    defer { PQfreemem(verifier) }
    return String(cString: verifier)
}
