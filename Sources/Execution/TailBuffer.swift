/// Keeps the last bytes of a stream.
struct TailBuffer: Sendable {
    private let limit: Int
    private var stored: [UInt8] = []
    private var isTruncated = false

    init(limit: Int) { self.limit = max(0, limit) }

    mutating func append(_ bytes: some Collection<UInt8>) {
        stored.append(contentsOf: bytes)
        // Dropping at twice the limit keeps the cost per byte constant.
        if stored.count > limit * 2 + 4096 { trim() }
    }

    /// The last `limit` bytes.
    var bytes: [UInt8] { stored.count > limit ? Array(stored.suffix(limit)) : stored }

    var hasDropped: Bool { isTruncated || stored.count > limit }

    private mutating func trim() {
        isTruncated = true
        stored.removeFirst(stored.count - limit)
    }
}
