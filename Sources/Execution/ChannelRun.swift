import CLibSSH2

/// The streams of one running command on its channel.
struct ChannelRun {
    enum Step {
        case moved
        case waiting
        case over
        case failed(Int)
    }

    let start = ContinuousClock.now
    let deadline: ContinuousClock.Instant
    var timedOut = false
    /// The other side has reported the end of the process and closed the channel.
    var isOver = false
    /// The caller gave up; an end that was not reported is then a kill, not an exit with 0.
    var isCancelled = false
    /// The process group on the other side, once it has been announced.
    private(set) var group: Int32?

    private let channel: OpaquePointer
    private let input: [UInt8]
    private var inputSent = 0
    private var inputIsOver = false
    private let marker: [UInt8]?
    /// Output before the announcement: noise of the login shell's own files.
    private var preamble: [UInt8]?
    private var output: TailBuffer
    private var error: TailBuffer
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(_ channel: OpaquePointer, _ request: ExecRequest) {
        self.channel = channel
        deadline = start + request.timeout
        input = request.standardInput
        marker = request.marker.map { Array("\($0) ".utf8) }
        preamble = request.marker == nil ? nil : []
        output = TailBuffer(limit: request.outputLimitBytes)
        error = TailBuffer(limit: request.outputLimitBytes)
    }

    /// Sends and takes what can move without waiting, in pieces small enough to let others in.
    mutating func move() -> Step {
        var hasMoved = false
        switch send() {
        case .moved: hasMoved = true
        case .failed(let code): return .failed(code)
        case .waiting, .over: break
        }
        for stream in [Int32(0), Int32(SSH_EXTENDED_DATA_STDERR)] {
            let channel = channel
            let count = buffer.withUnsafeMutableBytes {
                libssh2_channel_read_ex(
                    channel, stream, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
            }
            if count > 0 {
                hasMoved = true
                take(count, from: stream)
            } else if count < 0, !SSHSession.wouldBlock(count) {
                return .failed(count)
            }
        }
        if hasMoved { return .moved }
        // The end of the streams is not the end of the process: the close follows its exit.
        guard libssh2_channel_eof(channel) == 1 else { return .waiting }
        let code = Int(libssh2_channel_wait_closed(channel))
        if code == 0 { return .over }
        return SSHSession.wouldBlock(code) ? .waiting : .failed(code)
    }

    private mutating func send() -> Step {
        guard !inputIsOver else { return .over }
        if inputSent < input.count {
            let sent = inputSent
            let count = input.withUnsafeBytes {
                libssh2_channel_write_ex(
                    channel, 0,
                    $0.baseAddress?.advanced(by: sent).assumingMemoryBound(to: CChar.self),
                    min(32768, input.count - sent))
            }
            if SSHSession.wouldBlock(count) || count == 0 { return .waiting }
            if count > 0 {
                inputSent += count
                return .moved
            }
            // A program may end without reading all of its input.
            guard Self.isClosed(count) else { return .failed(count) }
            inputIsOver = true
            return .over
        }
        let code = Int(libssh2_channel_send_eof(channel))
        if SSHSession.wouldBlock(code) { return .waiting }
        guard code == 0 || Self.isClosed(code) else { return .failed(code) }
        inputIsOver = true
        return .moved
    }

    private static func isClosed(_ code: Int) -> Bool {
        code == Int(LIBSSH2_ERROR_CHANNEL_CLOSED) || code == Int(LIBSSH2_ERROR_CHANNEL_EOF_SENT)
    }

    private mutating func take(_ count: Int, from stream: Int32) {
        guard stream == 0 else { return error.append(buffer[..<count]) }
        guard var waiting = preamble, let marker else { return output.append(buffer[..<count]) }
        waiting += buffer[..<count]
        preamble = waiting
        guard let start = Self.find(marker, in: waiting),
            let end = waiting[start...].firstIndex(of: UInt8(ascii: "\n"))
        else {
            // Nothing announces itself that late: it is output.
            if waiting.count > 1 << 20 { flushPreamble() }
            return
        }
        group = Int32(String(decoding: waiting[start..<end], as: UTF8.self))
        preamble = nil
        output.append(waiting[(end + 1)...])
    }

    private mutating func flushPreamble() {
        if let preamble { output.append(preamble) }
        preamble = nil
    }

    /// The index after the first occurrence.
    private static func find(_ marker: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= marker.count else { return nil }
        for start in 0...(bytes.count - marker.count)
        where bytes[start] == marker[0] && bytes[start..<start + marker.count].elementsEqual(marker)
        {
            return start + marker.count
        }
        return nil
    }

    mutating func outcome(session: OpaquePointer) -> ExecOutcome {
        flushPreamble()
        var name: UnsafeMutablePointer<CChar>?
        var length = 0
        libssh2_channel_get_exit_signal(channel, &name, &length, nil, nil, nil, nil)
        // After a signal the status reads 0.
        let reported = name.map { String(cString: $0) }
        let signal = reported ?? (isCancelled && !isOver ? "KILL" : nil)
        if let name { libssh2_free(session, name) }
        return ExecOutcome(
            status: libssh2_channel_get_exit_status(channel), signal: signal, timedOut: timedOut,
            output: output, error: error, duration: ContinuousClock.now - start)
    }
}
