import Glibc
import PostgresClient
import Testing
import ToolkitTesting

/// The error that `body` throws, or nil when it throws none.
func failure(_ body: () async throws -> Void) async -> PostgresError? {
    do {
        try await body()
        return nil
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("not a PostgresError: \(error)")
        return nil
    }
}

func duration(of body: () async throws -> Void) async rethrows -> Duration {
    let start = ContinuousClock.now
    try await body()
    return .now - start
}

func openShared() async throws -> Connection {
    try await Connection.open(ThrowawayPostgres.shared().conninfo, timeout: .seconds(30))
}

/// A socket on 127.0.0.1 that completes TCP's handshake; with an answer, it reads what comes first
/// and sends that; without one, it never says anything.
final class FakeServer: Sendable {
    let port: Int
    private let descriptor: Int32
    private let answers: Bool

    init(answer: [UInt8]? = nil) {
        // Not for the servers that other tests start meanwhile: they would keep it open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        listen(descriptor, 16)
        self.descriptor = descriptor
        answers = answer != nil
        port = Int(UInt16(bigEndian: address.sin_port))
        if let answer { serve(answer) }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        if !answers { close(descriptor) }
    }

    /// Answers each connection once, on a thread that ends once the socket is shut down. It closes it:
    /// closed by another hand, its number may be another server's before the thread accepts again.
    private func serve(_ answer: [UInt8]) {
        final class Work {
            let descriptor: Int32
            let answer: [UInt8]
            init(_ descriptor: Int32, _ answer: [UInt8]) {
                self.descriptor = descriptor
                self.answer = answer
            }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                let work = Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let client = accept(work.descriptor, nil, nil)
                    guard client >= 0 else {
                        close(work.descriptor)
                        return nil
                    }
                    _ = read(client, &buffer, buffer.count)
                    _ = write(client, work.answer, work.answer.count)
                    shutdown(client, Int32(SHUT_RDWR))
                    close(client)
                }
            }, Unmanaged.passRetained(Work(descriptor, answer)).toOpaque())
        pthread_detach(thread)
    }

    var conninfo: Conninfo {
        Conninfo(host: "127.0.0.1", port: port, user: "postgres", database: "postgres")
            .with("sslmode", "disable")
    }

    /// An ErrorResponse as PostgreSQL sends it before it closes the connection.
    static func fatal(_ sqlState: String, _ message: String, severity: String = "FATAL") -> [UInt8]
    {
        var body: [UInt8] = []
        for (code, text) in [
            ("S", severity), ("V", "FATAL"), ("C", sqlState), ("M", message),
            ("F", "postmaster.c"), ("L", "1"), ("R", "ProcessStartupPacket"),
        ] { body += Array(code.utf8) + Array(text.utf8) + [0] }
        body.append(0)
        let length = UInt32(body.count + 4).bigEndian
        return Array("E".utf8) + withUnsafeBytes(of: length) { Array($0) } + body
    }
}
