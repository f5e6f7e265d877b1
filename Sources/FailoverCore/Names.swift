/// A node's name, as in `cluster.yaml`: `[a-z][a-z0-9_]{0,39}`.
public struct NodeID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String

    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public static func < (left: NodeID, right: NodeID) -> Bool { left.rawValue < right.rawValue }
    public var description: String { rawValue }
}

/// The fencing number: grows with every failover, never falls; at most one elect node per term.
public struct Term: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }
    public init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(Int.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    public var next: Term { Term(number + 1) }
    public static func < (left: Term, right: Term) -> Bool { left.number < right.number }
    public var description: String { String(number) }
}

/// The store's revision: grows by one with every stored change. The revision that stored an intent
/// is the *step* of its effects.
public struct Revision: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }
    public init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(Int.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    public var next: Revision { Revision(number + 1) }
    public static func < (left: Revision, right: Revision) -> Bool { left.number < right.number }
    public var description: String { String(number) }
}

/// What every command to a node carries; a node refuses a smaller one than it has accepted.
public struct Stamp: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public var term: Term
    public var step: Revision

    public init(term: Term, step: Revision) {
        self.term = term
        self.step = step
    }

    /// The next step of the same term.
    public var next: Stamp { Stamp(term: term, step: step.next) }

    public static func < (left: Stamp, right: Stamp) -> Bool {
        (left.term, left.step) < (right.term, right.step)
    }
    public var description: String { "\(term).\(step)" }
}

/// A moment. Every timer uses `monotonicMs` (milliseconds of a clock that is never set);
/// `wallMs` (milliseconds since 1970) is only to be shown.
public struct Instant: Hashable, Codable, Sendable {
    public var monotonicMs: Int64
    public var wallMs: Int64

    public init(monotonicMs: Int64, wallMs: Int64) {
        self.monotonicMs = monotonicMs
        self.wallMs = wallMs
    }

    /// Milliseconds from `earlier` to this moment.
    public func since(_ earlier: Instant) -> Int64 { monotonicMs - earlier.monotonicMs }
}
