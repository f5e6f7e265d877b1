import FailoverCore

/// A number that stands for a row of decisions, the same in every process: work on the core that
/// must not change any decision is held against the number from before it.
struct DecisionDigest: Hashable {
    /// FNV-1a.
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func take(_ decision: Decision) {
        switch decision {
        case .hold(_, let because): take("hold \(because)")
        case .act(let rule, let because, let effects, let isStored):
            take("\(rule) \(because) \(isStored)")
            for effect in effects { take("\(effect)") }
        }
    }

    mutating func take(_ text: String) {
        for byte in text.utf8 { take(byte) }
        take(0xFF)
    }

    private mutating func take(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
