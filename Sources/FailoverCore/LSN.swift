/// A place in the write-ahead log: a byte position, written by PostgreSQL as `16/B374D848`.
public struct LSN: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let position: UInt64

    public init(_ position: UInt64) { self.position = position }

    /// Reads PostgreSQL's form, two hexadecimal numbers with a slash; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, (1...8).contains(halves[0].utf8.count),
            (1...8).contains(halves[1].utf8.count),
            let high = UInt32(halves[0], radix: 16), let low = UInt32(halves[1], radix: 16),
            halves.allSatisfy({ $0.utf8.first != UInt8(ascii: "+") })
        else { return nil }
        position = UInt64(high) << 32 | UInt64(low)
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let lsn = LSN(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not an LSN: \(text)"))
        }
        self = lsn
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public static let zero = LSN(0)
    public static func < (left: LSN, right: LSN) -> Bool { left.position < right.position }

    public var description: String {
        String(position >> 32, radix: 16, uppercase: true) + "/"
            + String(position & 0xFFFF_FFFF, radix: 16, uppercase: true)
    }
}

/// The number of a timeline. Two nodes promoted apart can have the same one: it proves nothing
/// alone.
public struct TimelineID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let number: UInt32

    public init(_ number: UInt32) { self.number = number }
    public init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(UInt32.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    public static func < (left: TimelineID, right: TimelineID) -> Bool {
        left.number < right.number
    }
    public var description: String { String(number) }
}

/// Where a timeline came from: the ancestors of a `.history` file, oldest first.
public struct TimelineHistory: Hashable, Codable, Sendable {
    /// "This timeline was left at `end`."
    public struct Ancestor: Hashable, Codable, Sendable {
        public var timeline: TimelineID
        public var end: LSN

        public init(timeline: TimelineID, end: LSN) {
            self.timeline = timeline
            self.end = end
        }
    }

    public var timeline: TimelineID
    public var ancestors: [Ancestor]

    public init(timeline: TimelineID, ancestors: [Ancestor] = []) {
        self.timeline = timeline
        self.ancestors = ancestors
    }

    /// Reads the text of `<timeline>.history`: lines of timeline, LSN and reason; `#` comments.
    /// Nil when a line can't be read: an unreadable history proves nothing.
    public init?(timeline: TimelineID, text: some StringProtocol) {
        var ancestors: [Ancestor] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(maxSplits: 2, whereSeparator: { $0 == "\t" || $0 == " " })
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count >= 2, let number = UInt32(first), let end = LSN(words[1]) else {
                return nil
            }
            ancestors.append(Ancestor(timeline: TimelineID(number), end: end))
        }
        self.init(timeline: timeline, ancestors: ancestors)
    }

    /// Where this history leaves `timeline`; nil when it is not an ancestor.
    public func end(of timeline: TimelineID) -> LSN? {
        ancestors.last { $0.timeline == timeline }?.end
    }

    /// The history of an ancestor (or of the timeline itself), as its own file would tell it.
    public func history(of timeline: TimelineID) -> TimelineHistory? {
        if timeline == self.timeline { return self }
        guard let index = ancestors.lastIndex(where: { $0.timeline == timeline }) else {
            return nil
        }
        return TimelineHistory(timeline: timeline, ancestors: Array(ancestors[..<index]))
    }
}
