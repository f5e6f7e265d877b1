import Foundation
import Glibc
import Reactor

/// A connected Unix socket that carries lines. Never blocks a thread.
actor LineSocket {
    /// A request is small; a line beyond this is none of ours.
    private static let longestLine = 16 * 1024 * 1024

    private let descriptor: Int32
    private let poller = Poller.shared
    private var received: [UInt8] = []
    private var isClosed = false

    /// Takes the descriptor over.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        setNonBlocking(descriptor)
    }

    deinit { Glibc.close(descriptor) }

    /// The next line without its end; nil when the other side has closed.
    func line() async throws -> [UInt8]? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                return line
            }
            guard received.count < Self.longestLine else { throw IOError.timedOut }
            var buffer = [UInt8](repeating: 0, count: 64 * 1024)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer.prefix(count)
            } else if count == 0 {
                return nil
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                _ = try await poller.wait(fd: descriptor, for: .read)
            } else if errno != EINTR {
                throw IOError.system(call: "recv", errno: errno)
            }
        }
    }

    func send(_ line: [UInt8]) async throws {
        var rest = (line + [UInt8(ascii: "\n")])[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                let deadline = ContinuousClock.now + .seconds(30)
                _ = try await poller.wait(fd: descriptor, for: .write, until: deadline)
            } else if errno != EINTR {
                throw IOError.system(call: "send", errno: errno)
            }
        }
    }

    func send(_ message: some Encodable & Sendable) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try await send(Array(try encoder.encode(message)))
    }
}

func setNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
}

/// Calls `body` with the address of a Unix socket; nil when the path is too long for one.
func withSocketAddress<T>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
) -> T? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
