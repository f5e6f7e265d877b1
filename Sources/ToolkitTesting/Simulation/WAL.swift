import FailoverCore

/// One record of a write-ahead log. Its `id` is its content: two records with one id are one.
struct WALRecord {
    enum Kind: UInt8 {
        case commit
        case shutdown
        case noise
    }

    var start: Int
    var end: Int
    var id: Int32
    var timeline: Int32
    var kind: Kind
}

/// What one data directory holds of the log, complete records only, oldest first.
struct WriteAheadLog {
    /// Where every log of the world begins.
    static let begin = 0x1000
    /// Streaming begins at a multiple of it.
    static let segment = 1 << 16

    var records: [WALRecord] = []

    var end: Int { records.last?.end ?? Self.begin }

    /// The index of the first record that starts at `lsn` or later.
    func index(from lsn: Int) -> Int {
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].start < lsn { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func holds(id: Int32, at start: Int) -> Bool {
        let index = index(from: start)
        return index < records.count && records[index].start == start && records[index].id == id
    }

    mutating func append(id: Int32, length: Int, timeline: Int32, kind: WALRecord.Kind) {
        let start = end
        records.append(
            WALRecord(
                start: start, end: start + length, id: id, timeline: timeline, kind: kind))
    }

    /// Drops every record that is not complete at `lsn`.
    mutating func truncate(at lsn: Int) {
        while let last = records.last, last.end > lsn { records.removeLast() }
    }
}

/// The timelines of a data directory, each with the promotion that made it: what a history file
/// can't tell (F20).
struct Branch {
    var history = TimelineHistory(timeline: TimelineID(1))
    /// By timeline of the history, oldest first, the present one last.
    var makers: [Int32] = [0]

    var timeline: Int32 { Int32(history.timeline.number) }

    /// The branch up to where `timeline` is the present one; nil when it is no part.
    func cut(to timeline: TimelineID) -> Branch? {
        guard let part = history.history(of: timeline) else { return nil }
        return Branch(history: part, makers: Array(makers.prefix(part.ancestors.count + 1)))
    }

    mutating func fork(to timeline: Int32, at lsn: Int, maker: Int32) {
        history = TimelineHistory(
            timeline: TimelineID(UInt32(timeline)),
            ancestors: history.ancestors + [
                .init(timeline: history.timeline, end: LSN(UInt64(lsn)))
            ])
        makers.append(maker)
    }
}
