import Glibc
import Reactor
import Synchronization

/// Looks host names up without blocking a task: the C library's resolver blocks, so each name that
/// is being looked up has one thread, shared by all who ask for it meanwhile.
final class HostLookup: Sendable {
    static let shared = HostLookup()

    enum Outcome {
        case addresses([String])
        case failed(String)
    }

    private final class Query: Sendable {
        let state = Mutex<(outcome: Outcome?, waiting: [UInt64])>((nil, []))
    }

    private let running = Mutex<[String: Query]>([:])

    /// All addresses of a name, in the order in which they should be tried.
    func addresses(of name: String, before deadline: Deadline) async throws -> Outcome {
        let (query, isNew) = running.withLock { running -> (Query, Bool) in
            if let query = running[name] { return (query, false) }
            let query = Query()
            running[name] = query
            return (query, true)
        }
        if isNew, !startThread({ self.resolve(name, for: query) }) {
            finish(name, query, .failed("no thread for the lookup"))
        }
        let token = Poller.shared.makeToken()
        let early = query.state.withLock { state -> Outcome? in
            if state.outcome == nil { state.waiting.append(token) }
            return state.outcome
        }
        if let early { return early }
        defer { Poller.shared.retire(token) }
        _ = try await Poller.shared.wait(fd: -1, for: [], until: deadline.moment, token: token)
        return query.state.withLock { $0.outcome } ?? .failed("the lookup gave no answer")
    }

    private func finish(_ name: String, _ query: Query, _ outcome: Outcome) {
        running.withLock { _ = $0.removeValue(forKey: name) }
        let waiting = query.state.withLock { state in
            state.outcome = outcome
            return state.waiting
        }
        for token in waiting { Poller.shared.wake(token) }
    }

    private func resolve(_ name: String, for query: Query) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &list)
        guard status == 0 else {
            return finish(name, query, .failed(String(cString: gai_strerror(status))))
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let found = entry?.pointee {
            if let address = numericText(found), !addresses.contains(address) {
                addresses.append(address)
            }
            entry = found.ai_next
        }
        finish(
            name, query, addresses.isEmpty ? .failed("it has no address") : .addresses(addresses))
    }

    private func numericText(_ entry: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard status == 0 else { return nil }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }
}

/// Runs `body` on a detached thread of its own, for calls that block. False when there is none left.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, work.toOpaque())
    guard status == 0 else {
        work.release()
        return false
    }
    pthread_detach(thread)
    return true
}

extension Conninfo {
    /// The same with an address beside each host name, so that libpq has nothing to look up. A name
    /// with several addresses stands there once for each of them.
    func resolved(before deadline: Deadline) async throws(PostgresError) -> Conninfo {
        guard let hosts = self["host"], self["hostaddr"] == nil else { return self }
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard names.contains(where: \.isHostName) else { return self }
        let ports = (self["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
        var entries: [(host: String, address: String, port: String)] = []
        for (index, name) in names.enumerated() {
            let port = String(index < ports.count ? ports[index] : ports.last ?? "")
            if name.isHostName {
                for address in try await addresses(of: name, before: deadline) {
                    entries.append((name, address, port))
                }
            } else {
                // An address is its own; a folder of sockets has none.
                entries.append((name, name.isAddress ? name : "", port))
            }
        }
        var copy = self
        copy["host"] = entries.map(\.host).joined(separator: ",")
        copy["hostaddr"] = entries.map(\.address).joined(separator: ",")
        copy["port"] = entries.map(\.port).joined(separator: ",")
        return copy
    }

    private func addresses(
        of name: String, before deadline: Deadline
    ) async throws(PostgresError) -> [String] {
        let what = "cannot look up '\(name)'"
        do {
            switch try await HostLookup.shared.addresses(of: name, before: deadline) {
            case .addresses(let addresses): return addresses
            case .failed(let reason):
                throw PostgresError(.nameResolution, what, subject: subject, message: reason)
            }
        } catch let error as PostgresError {
            throw error
        } catch is CancellationError {
            throw PostgresError(
                .cancelled, what, subject: subject, message: "the caller was cancelled")
        } catch {
            throw PostgresError(
                .nameResolution, what, subject: subject,
                message: "no answer within \(deadline.timeout)")
        }
    }
}

extension String {
    fileprivate var isHostName: Bool {
        !isEmpty && !hasPrefix("/") && !hasPrefix("@") && !isAddress
    }

    fileprivate var isAddress: Bool {
        var buffer = in6_addr()
        let withoutZone = String(prefix { $0 != "%" })
        return inet_pton(AF_INET, self, &buffer) == 1
            || inet_pton(AF_INET6, withoutZone, &buffer) == 1
    }
}
