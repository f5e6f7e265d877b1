import CLibSSH2
import Glibc
import Reactor

extension SSHSession {
    /// From a name to a session that is logged in. Must run in a task that is never cancelled.
    static func open(_ target: SSHTarget) async throws(ExecutionError) -> SSHSession {
        let deadline = ContinuousClock.now + target.connectTimeout
        let found = await Blocking.run(until: deadline) { SSHPreflight.make(target) }
        guard let found else {
            throw target.timedOut("resolving the name \(target.host)")
        }
        let preflight = try found.get()
        let fd = try await connectSocket(target, preflight.addresses, until: deadline)
        guard let session = SSHSession(fd: fd, target: target) else {
            _ = Glibc.close(fd)
            throw ExecutionError(
                .handshake, "cannot connect to \(target.place)",
                because: "libssh2 could not be started", next: "check this machine's memory")
        }
        do throws(ExecutionError) {
            try await session.logIn(preflight, until: deadline)
        } catch {
            await session.close()
            throw error
        }
        return session
    }

    private static func connectSocket(
        _ target: SSHTarget, _ addresses: [SocketAddress], until deadline: ContinuousClock.Instant
    ) async throws(ExecutionError) -> Int32 {
        var last = target.timedOut("connecting")
        for (index, address) in addresses.enumerated() {
            // The addresses that are left share what is left of the time.
            let share = (deadline - .now) / (addresses.count - index)
            switch await connectSocket(address, until: .now + share) {
            case .success(let fd): return fd
            case .failure(.timedOut): last = target.timedOut("connecting")
            case .failure(.system(_, let number)): last = target.unreachable(number)
            case .failure(_): last = target.timedOut("connecting")
            }
        }
        throw last
    }

    private static func connectSocket(
        _ address: SocketAddress, until deadline: ContinuousClock.Instant
    ) async -> Result<Int32, IOError> {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let fd = socket(address.family, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return .failure(.system(call: "socket", errno: errno)) }
        set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // A machine that is gone without a word is noticed within half a minute, also when no
        // command says anything.
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(fd, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 10)
        set(fd, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
        set(fd, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
        set(fd, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 25_000)
        let status = address.bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map {
                Glibc.connect(
                    fd, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            } ?? -1
        }
        var failure: IOError?
        if status != 0, errno != EINPROGRESS {
            failure = .system(call: "connect", errno: errno)
        } else if status != 0 {
            do {
                _ = try await Poller.shared.wait(fd: fd, for: .write, until: deadline)
                var number: Int32 = 0
                var size = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size)
                if number != 0 { failure = .system(call: "connect", errno: number) }
            } catch {
                failure = .timedOut
            }
        }
        guard let failure else { return .success(fd) }
        _ = Glibc.close(fd)
        return .failure(failure)
    }

    static func set(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func logIn(
        _ preflight: SSHPreflight, until deadline: ContinuousClock.Instant
    ) async throws(ExecutionError) {
        let known = preflight.knownHosts.types(for: target, session: handle)
        libssh2_session_method_pref(
            handle, LIBSSH2_METHOD_HOSTKEY, KnownHosts.preference(known))
        let code: Int32
        do throws(SessionFault) {
            code = try await call("the handshake", until: deadline) {
                libssh2_session_handshake($0, fd)
            }
        } catch {
            throw error.kind == .timedOut
                ? target.timedOut("the SSH handshake") : target.handshakeFailed(error.text)
        }
        guard code == 0 else { throw target.handshakeFailed(lastError, code: code) }
        var length = 0
        var type: Int32 = 0
        guard let bytes = libssh2_session_hostkey(handle, &length, &type) else {
            throw target.handshakeFailed("the server showed no host key")
        }
        let key = HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: length)))
        switch preflight.knownHosts.verdict(key, for: target, session: handle) {
        case .known: break
        case .unknown: throw target.hostKeyUnknown(key, knownTypes: known)
        case .changed: throw target.hostKeyChanged(key)
        case .revoked: throw target.hostKeyRevoked(key)
        }
        if let identity = preflight.identity {
            try await authenticate(identity, until: deadline)
        } else if let socket = preflight.agentSocket {
            try await authenticate(agentAt: socket, until: deadline)
        }
    }

    private func authenticate(
        _ identity: IdentityKey, until deadline: ContinuousClock.Instant
    ) async throws(ExecutionError) {
        let user = target.user
        let code: Int32
        do throws(SessionFault) {
            code = try await call("the login", until: deadline) { handle in
                identity.text.withUnsafeBytes { bytes in
                    libssh2_userauth_publickey_frommemory(
                        handle, user, user.utf8.count, nil, 0,
                        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, nil)
                }
            }
        } catch {
            guard error.kind != .timedOut else { throw target.timedOut("the login") }
            throw target.loginBroke(error.text)
        }
        guard code != 0 else { return }
        if identity.isRSA, libssh2_version(0x010B00) == nil {
            throw target.rsaUnsupported(identity.path)
        }
        throw target.keyRefused(identity.path, lastError)
    }

    /// The agent's socket blocks, and signing may ask a person: a thread does it, on a session
    /// that nobody else uses yet.
    private func authenticate(
        agentAt socket: String, until deadline: ContinuousClock.Instant
    ) async throws(ExecutionError) {
        let login = AgentLogin(session: self, socket: socket, until: deadline)
        let verdict = await Blocking.run(until: deadline) { login.perform() }
        guard let verdict else {
            breakOff("the ssh-agent gave no answer")
            throw target.timedOut("the login with the ssh-agent")
        }
        libssh2_session_set_blocking(handle, 0)
        libssh2_session_set_timeout(handle, 0)
        if let problem = verdict { throw target.agentFailed(problem, socket: socket) }
    }
}

/// Tries the keys of an ssh-agent, blocking.
///
/// Unchecked, because it uses the session's handle beside its actor: the actor waits for the end
/// of the login or breaks the session off, and the reference keeps the handle alive either way.
private final class AgentLogin: @unchecked Sendable {
    private let session: SSHSession
    private let handle: OpaquePointer
    private let user: String
    private let socket: String
    private let deadline: ContinuousClock.Instant

    init(
        session: isolated SSHSession, socket: String, until deadline: ContinuousClock.Instant
    ) {
        self.session = session
        handle = session.handle
        user = session.target.user
        self.socket = socket
        self.deadline = deadline
    }

    /// nil when logged in, else what went wrong.
    func perform() -> String? {
        let left = (deadline - .now).components
        libssh2_session_set_timeout(
            handle, Int(max(1, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)))
        libssh2_session_set_blocking(handle, 1)
        guard let agent = libssh2_agent_init(handle) else { return "libssh2 has no agent support" }
        defer {
            libssh2_agent_disconnect(agent)
            libssh2_agent_free(agent)
        }
        libssh2_agent_set_identity_path(agent, socket)
        guard libssh2_agent_connect(agent) == 0 else { return "no agent answers at \(socket)" }
        guard libssh2_agent_list_identities(agent) == 0 else { return "the agent lists no keys" }
        var previous: UnsafeMutablePointer<libssh2_agent_publickey>?
        var tried = 0
        while deadline > .now {
            var identity: UnsafeMutablePointer<libssh2_agent_publickey>?
            guard libssh2_agent_get_identity(agent, &identity, previous) == 0, let identity else {
                return tried == 0
                    ? "the agent holds no key"
                    : "the server accepts none of the agent's \(tried) keys"
            }
            if libssh2_agent_userauth(agent, user, identity) == 0 { return nil }
            tried += 1
            previous = identity
        }
        return "the agent took too long"
    }
}
