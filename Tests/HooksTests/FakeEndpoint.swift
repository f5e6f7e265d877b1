import Foundation
import Glibc
import Synchronization

/// An HTTP server of this machine that answers every request with 200 and keeps it.
final class FakeEndpoint: Sendable {
    struct Request: Sendable {
        var head: String
        var body: Data
    }

    let port: UInt16
    private let listener: Int32
    private let kept = Mutex<[Request]>([])
    private let isClosed = Mutex(false)

    var requests: [Request] { kept.withLock { $0 } }

    struct Unusable: Error {}

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isListening else { throw Unusable() }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in serve() }
    }

    func close() {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    private func serve() {
        while case let client = accept(listener, nil, nil), client >= 0 {
            if let request = read(client) { kept.withLock { $0.append(request) } }
            let answer = Array(
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
            _ = Glibc.write(client, answer, answer.count)
            Glibc.close(client)
        }
        Glibc.close(listener)
    }

    private func read(_ client: Int32) -> Request? {
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let end = data.range(of: Data("\r\n\r\n".utf8)) {
                let head = String(decoding: data[..<end.lowerBound], as: UTF8.self)
                let length = head.split(separator: "\r\n").compactMap { line in
                    line.lowercased().hasPrefix("content-length: ") ? Int(line.dropFirst(16)) : nil
                }.first
                let body = data[end.upperBound...]
                if body.count >= length ?? 0 { return Request(head: head, body: Data(body)) }
            }
            let count = Glibc.read(client, &buffer, buffer.count)
            guard count > 0 else { return nil }
            data.append(contentsOf: buffer[..<count])
        }
    }
}
