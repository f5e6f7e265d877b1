/// What happened, as one number for comparison, and as text when somebody will read it.
struct Trace {
    enum Word: UInt8 {
        case decision = 1
        case stored, effect, outcome, remote
        case start, stop, crash, running, promoted, opened, locked, names
        case connected, disconnected, acknowledged, applied
        case fault, healed, ended, order, scheduler, probe
    }

    struct Line {
        var word: Word
        var at: Int64
        var node: Int
        var text: String
    }

    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    let isRecording: Bool
    private(set) var lines: [Line] = []

    init(isRecording: Bool) { self.isRecording = isRecording }

    mutating func add(
        _ word: Word, at: Int64, node: Int, _ text: @autoclosure () -> String
    ) {
        add(word, at: at, node: node, 0, 0, text())
    }

    mutating func add(
        _ word: Word, at: Int64, node: Int, _ one: Int, _ text: @autoclosure () -> String
    ) {
        add(word, at: at, node: node, one, 0, text())
    }

    mutating func add(
        _ word: Word, at: Int64, node: Int, _ one: Int, _ other: Int,
        _ text: @autoclosure () -> String
    ) {
        count += 1
        mix(UInt64(bitPattern: at))
        mix(UInt64(word.rawValue) << 8 | UInt64(UInt8(truncatingIfNeeded: node)))
        mix(UInt64(bitPattern: Int64(one)))
        mix(UInt64(bitPattern: Int64(other)))
        if isRecording { lines.append(Line(word: word, at: at, node: node, text: text())) }
    }

    mutating func mix(_ text: String) {
        for byte in text.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// FNV-1a over the number's halves.
    private mutating func mix(_ number: UInt64) {
        digest = (digest ^ (number & 0xFFFF_FFFF)) &* 0x100_0000_01B3
        digest = (digest ^ (number >> 32)) &* 0x100_0000_01B3
    }
}
