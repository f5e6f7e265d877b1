import CLibSSH2
import Glibc
import Reactor
import Synchronization

/// Why an operation on a session ended early.
struct SessionFault: Error {
    enum Kind {
        /// The deadline of the operation passed.
        case timedOut
        /// The connection is gone, or its state is no longer known.
        case broken
        /// The server said no to this operation; the session is good.
        case refused
    }

    var kind: Kind
    var text: String
    /// Whether a command may have started.
    var mayHaveStarted = false
}

/// One SSH connection that is logged in. Any number of commands and uploads use it at once: each
/// library call is tried, and an operation that would block parks until the socket has moved.
actor SSHSession {
    nonisolated let target: SSHTarget
    /// Marks the line in which a command announces its process group; never part of its output.
    nonisolated let marker: String
    nonisolated let fd: Int32
    private nonisolated let poller = Poller.shared

    /// Invariant: freed in deinit alone, so that nobody who holds the session sees it go.
    let handle: OpaquePointer
    /// Bytes taken from the socket; libssh2 counts them through `toolkit_counting_recv`.
    private let received: UnsafeMutablePointer<UInt64>
    private var receivedSeen: UInt64 = 0
    private var brokenBecause: String?
    private nonisolated let broken = Atomic(false)

    private var parked: Set<UInt64> = []
    private var pump: Task<Void, Never>?
    private var pumpToken: UInt64?
    private var pumpWantsWrite = false

    /// Opening a channel keeps its state in the session: one at a time.
    let opening = Gate(width: 1)
    /// Ending groups and looking after them must work when all command slots are taken: two
    /// channels beside the eight, below sshd's default `MaxSessions` of 10.
    let controlling = Gate(width: 2)

    /// Takes over the descriptor.
    init?(fd: Int32, target: SSHTarget) {
        guard libssh2_init(0) == 0 else { return nil }
        let received = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        received.initialize(to: 0)
        guard let handle = toolkit_session_init(received) else {
            received.deallocate()
            return nil
        }
        libssh2_session_set_blocking(handle, 0)
        self.fd = fd
        self.target = target
        self.handle = handle
        self.received = received
        marker = "toolkit-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    }

    isolated deinit {
        libssh2_session_set_blocking(handle, 0)
        // Each call may stop short where a packet cannot be sent any more.
        var attempts = 0
        while libssh2_session_free(handle) == LIBSSH2_ERROR_EAGAIN, attempts < 16 { attempts += 1 }
        received.deallocate()
        _ = Glibc.close(fd)
    }

    // MARK: The end

    nonisolated var isBroken: Bool { broken.load(ordering: .acquiring) }

    /// True when the server has closed the connection, as far as this side has heard.
    nonisolated var isClosedByServer: Bool {
        var byte: UInt8 = 0
        let count = recv(fd, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
    }

    /// Ends every operation with `text`; the session takes no further ones.
    func breakOff(_ text: String) {
        guard brokenBecause == nil else { return }
        brokenBecause = text
        broken.store(true, ordering: .releasing)
        shutdown(fd, Int32(SHUT_RDWR))
        wakeAll()
    }

    /// Says goodbye when nothing is under way.
    func close() {
        guard brokenBecause == nil else { return }
        libssh2_session_disconnect_ex(handle, 11, "closed", "")
        breakOff("the session was closed")
    }

    func fault(_ kind: SessionFault.Kind, _ what: String) -> SessionFault {
        if let brokenBecause { return SessionFault(kind: .broken, text: brokenBecause) }
        return SessionFault(kind: kind, text: "\(what): \(lastError)")
    }

    /// What libssh2 says about its last failure.
    var lastError: String {
        var text: UnsafeMutablePointer<CChar>?
        var count: Int32 = 0
        let code = libssh2_session_last_error(handle, &text, &count, 0)
        let message = text.map { String(cString: $0) } ?? ""
        return message.isEmpty ? "libssh2 error \(code)" : "\(message) (libssh2 error \(code))"
    }

    // MARK: Waiting

    /// Calls until libssh2 no longer asks to wait, or the deadline passes. A call given up half-way
    /// leaves a packet half-sent: the caller then breaks the session off.
    func call<Code: SignedInteger>(
        _ what: String, until deadline: ContinuousClock.Instant,
        _ operation: (OpaquePointer) -> Code
    ) async throws(SessionFault) -> Code {
        while true {
            guard !isBroken else { throw fault(.broken, what) }
            let code = operation(handle)
            if Self.wouldBlock(Int(code)) {
                try await park(until: deadline, what)
                continue
            }
            wakeAll()
            try check(Int(code), what)
            return code
        }
    }

    /// The same for calls that return a pointer.
    func callForPointer(
        _ what: String, until deadline: ContinuousClock.Instant,
        _ operation: (OpaquePointer) -> OpaquePointer?
    ) async throws(SessionFault) -> OpaquePointer {
        while true {
            guard !isBroken else { throw fault(.broken, what) }
            if let pointer = operation(handle) {
                wakeAll()
                nonisolated(unsafe) let result = pointer
                return result
            }
            let code = Int(libssh2_session_last_errno(handle))
            guard Self.wouldBlock(code) else {
                try check(code, what)
                throw fault(.refused, what)
            }
            try await park(until: deadline, what)
        }
    }

    /// BAD_USE: another operation's packet is half-sent; it goes first.
    static func wouldBlock(_ code: Int) -> Bool {
        code == Int(LIBSSH2_ERROR_EAGAIN) || code == Int(LIBSSH2_ERROR_BAD_USE)
    }

    private static let fatalCodes: Set<Int> = [
        Int(LIBSSH2_ERROR_SOCKET_NONE), Int(LIBSSH2_ERROR_SOCKET_SEND),
        Int(LIBSSH2_ERROR_SOCKET_DISCONNECT), Int(LIBSSH2_ERROR_SOCKET_RECV),
        Int(LIBSSH2_ERROR_SOCKET_TIMEOUT), Int(LIBSSH2_ERROR_PROTO), Int(LIBSSH2_ERROR_DECRYPT),
    ]

    /// Breaks the session off when the code says that the connection is gone.
    func check(_ code: Int, _ what: String) throws(SessionFault) {
        guard Self.fatalCodes.contains(code) else { return }
        let fault = fault(.broken, what)
        breakOff(fault.text)
        throw fault
    }

    /// Returns when something on the session has moved; throws at the deadline.
    func park(
        until deadline: ContinuousClock.Instant, _ what: String
    ) async throws(SessionFault) {
        guard !isBroken else { throw fault(.broken, what) }
        // The failed attempt took packets in: they may belong to anybody, also to this operation,
        // and the socket will not tell of them again.
        guard received.pointee == receivedSeen else {
            wakeAll()
            return
        }
        let token = poller.makeToken()
        parked.insert(token)
        let outbound = libssh2_session_block_directions(handle) & LIBSSH2_SESSION_BLOCK_OUTBOUND
        startPump(wantsWrite: outbound != 0)
        var isDue = false
        do {
            _ = try await poller.wait(fd: -1, for: [], until: deadline, token: token)
        } catch {
            isDue = true
        }
        let wasWoken = parked.remove(token) == nil
        guard isDue else { return }
        if wasWoken {
            poller.retire(token)
        } else {
            throw SessionFault(kind: .timedOut, text: "\(what): no answer in time")
        }
    }

    func wakeAll() {
        receivedSeen = received.pointee
        guard !parked.isEmpty else { return }
        let tokens = parked
        parked.removeAll()
        for token in tokens { poller.wake(token) }
    }

    /// One task waits for the socket on behalf of all that are parked.
    private func startPump(wantsWrite: Bool) {
        if let token = pumpToken {
            guard wantsWrite, !pumpWantsWrite else { return }
            pumpToken = nil
            pumpWantsWrite = true
            poller.wake(token)
            return
        }
        if wantsWrite { pumpWantsWrite = true }
        if pump == nil { pump = Task { await runPump() } }
    }

    /// sshd sends small packets by Nagle's algorithm: the second waits until the first is
    /// acknowledged, and the kernel puts that off for 40 ms when nothing is sent back. The option
    /// does not last (tcp(7), TCP_QUICKACK).
    private func acknowledgeAtOnce() { Self.set(fd, Int32(IPPROTO_TCP), TCP_QUICKACK, 1) }

    private func runPump() async {
        while !parked.isEmpty, !isBroken {
            let token = poller.makeToken()
            pumpToken = token
            let interest: Interest = pumpWantsWrite ? [.read, .write] : .read
            acknowledgeAtOnce()
            let ready: Interest?
            do {
                ready = try await poller.wait(fd: fd, for: interest, token: token)
            } catch {
                ready = nil
            }
            if pumpToken == token {
                pumpToken = nil
                pumpWantsWrite = false
            } else {
                poller.retire(token)
            }
            guard let ready else {
                breakOff("the socket cannot be watched")
                break
            }
            if !ready.isEmpty {
                wakeAll()
                // The woken operations run before the socket is looked at again.
                await Task.yield()
            }
        }
        pump = nil
        if !parked.isEmpty, !isBroken { startPump(wantsWrite: false) }
    }
}

/// Lets a number of tasks through at a time, in the order in which they came.
actor Gate {
    private let poller = Poller.shared
    private var free: Int
    private var queue: [UInt64] = []

    init(width: Int) { free = width }

    /// False when the deadline passed first.
    func enter(until deadline: ContinuousClock.Instant) async -> Bool {
        if free > 0 {
            free -= 1
            return true
        }
        let token = poller.makeToken()
        queue.append(token)
        do {
            _ = try await poller.wait(fd: -1, for: [], until: deadline, token: token)
            return true
        } catch {
            if let index = queue.firstIndex(of: token) {
                queue.remove(at: index)
                return false
            }
            // Handed over at the last moment.
            poller.retire(token)
            return true
        }
    }

    func leave() {
        guard !queue.isEmpty else {
            free += 1
            return
        }
        poller.wake(queue.removeFirst())
    }
}
