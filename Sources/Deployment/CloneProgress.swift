public import ClusterFile

/// How far the base backups are that a primary sends at this moment.
public struct CloneProgress: Hashable, Sendable {
    public var sentBytes: Int64
    /// As estimated at their beginning; PostgreSQL raises it when more comes.
    public var totalBytes: Int64

    public var percent: Int {
        totalBytes > 0 ? Int(min(100, sentBytes * 100 / totalBytes)) : 0
    }

    /// `43 % of 12 GB`
    public var sentence: String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var size = totalBytes
        var unit = 0
        while size >= 10 << 10, unit < units.count - 1 {
            size >>= 10
            unit += 1
        }
        return "\(percent) % of \(size) \(units[unit])"
    }

    /// `[########            ]  43 % of 12 GB`
    public var bar: String {
        let full = percent / 5
        let cells = String(repeating: "#", count: full) + String(repeating: " ", count: 20 - full)
        let blanks = String(repeating: " ", count: percent < 10 ? 2 : percent < 100 ? 1 : 0)
        return "[\(cells)] \(blanks)\(sentence)"
    }
}

extension Deployment {
    /// Nil when the primary sends none, or does not answer.
    public func cloneProgress(on primary: NodeSettings) async -> CloneProgress? {
        let statement = """
            SELECT sum(backup_streamed), sum(backup_total) FROM pg_stat_progress_basebackup
            WHERE backup_total > 0
            """
        let answer = try? await query([statement], on: primary, "ask \(primary.id)")
        let numbers = (answer ?? "").split { !$0.isNumber }.compactMap { Int64($0) }
        guard numbers.count == 2 else { return nil }
        return CloneProgress(sentBytes: numbers[0], totalBytes: numbers[1])
    }
}
