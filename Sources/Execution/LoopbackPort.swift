import Glibc

/// TCP ports of 127.0.0.1 for servers that live no longer than this process: demos, trials, tests.
public enum LoopbackPort {
    /// Below 32768, where the kernel's default range of outgoing connections begins (ip_local_port_range):
    /// one of those may be taken by anybody's connection before the server comes to bind it.
    private static let range: Range<UInt16> = 15_000..<32_000

    /// Another port at each call that nobody listens on, and that no process gets from here while this
    /// one lives. Nil when two hundred were all in use.
    public static func unused() -> UInt16? {
        for _ in 0..<200 {
            let port = UInt16.random(in: range)
            if isFree(port), isReserved(port) { return port }
        }
        return nil
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// A name in the abstract namespace of UNIX sockets has one holder, and none when its process has
    /// ended, however it ended: the descriptor stays open on purpose.
    private static func isReserved(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array("\0toolkit-port-\(port)".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let size = MemoryLayout<sa_family_t>.size + name.count
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(size))
            }
        }
        if status != 0 { close(descriptor) }
        return status == 0
    }
}
