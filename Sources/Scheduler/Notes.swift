import Synchronization

/// What an effect and its hooks had to say, for the event: the last 64 KiB.
final class Notes: Sendable {
    private static let limit = 64 * 1024
    private let lines = Mutex("")

    func add(_ text: some StringProtocol) {
        guard !text.isEmpty else { return }
        lines.withLock { all in
            if !all.isEmpty, !all.hasSuffix("\n") { all += "\n" }
            all += text
            if all.utf8.count > Self.limit {
                all = String(decoding: all.utf8.suffix(Self.limit), as: UTF8.self)
            }
        }
    }

    var text: String { lines.withLock { $0 } }
}
