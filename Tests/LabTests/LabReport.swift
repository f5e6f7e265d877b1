import Foundation
import Synchronization

/// What a scenario measured and saw; a row of the table at the end.
struct LabFigures: Sendable {
    var scenario: String
    var what: String
    /// From the fault to the first acknowledgement to any writer, and to every writer.
    var writableMs: Int?
    var slowestMs: Int?
    /// Until every node is counted again.
    var redundantMs: Int?
    /// Of the time to writable, in milliseconds; nil: none is set.
    var boundMs: Int?
    var acknowledged = 0
    var lost = 0
    var doubleAcknowledged = 0
    /// Answered by a server that another one had superseded.
    var staleReads = 0
    var seconds = 0
    var failures: [String] = []

    /// Of several rounds the slowest stands.
    mutating func keepWorst(of other: LabFigures) {
        func worst(_ one: Int?, _ two: Int?) -> Int? { [one, two].compactMap(\.self).max() }
        writableMs = worst(writableMs, other.writableMs)
        slowestMs = worst(slowestMs, other.slowestMs)
        redundantMs = worst(redundantMs, other.redundantMs)
    }
}

/// Collects the rows and prints them as one table.
final class LabReport: Sendable {
    private let rows = Mutex<[LabFigures]>([])

    func add(_ row: LabFigures) { rows.withLock { $0.append(row) } }

    var table: String {
        let rows = rows.withLock {
            $0.sorted { $0.scenario.compare($1.scenario, options: .numeric) == .orderedAscending }
        }
        let head = [
            "scenario", "what", "writable ms", "slowest writer ms", "redundant ms", "bound",
            "acked rows", "lost", "double acks", "stale reads", "took s", "",
        ]
        let lines =
            [head]
            + rows.map { row in
                [
                    row.scenario, row.what, text(row.writableMs), text(row.slowestMs),
                    text(row.redundantMs), text(row.boundMs), "\(row.acknowledged)", "\(row.lost)",
                    "\(row.doubleAcknowledged)", "\(row.staleReads)", "\(row.seconds)",
                    row.failures.isEmpty ? "" : "FAILED",
                ]
            }
        let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            line.enumerated().map { column, cell in
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                return column < 2 ? cell + gap : gap + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private func text(_ value: Int?) -> String { value.map(String.init) ?? "-" }
}

/// The times after a fault, from what the writers saw.
struct LabOutage {
    var first: Int?
    var slowest: Int?

    /// Until somebody other than `old` acknowledges.
    init(
        _ acknowledged: [LabWriters.Acknowledgement], since fault: ContinuousClock.Instant,
        leaving old: String
    ) {
        var firsts: [Int: Int] = [:]
        for row in acknowledged where row.at > fault && row.node != old && firsts[row.writer] == nil
        {
            firsts[row.writer] = (row.at - fault).milliseconds
        }
        first = firsts.values.min()
        slowest = firsts.values.max()
    }

    /// The longest time without an acknowledgement: to anybody, and to one writer.
    init(_ acknowledged: [LabWriters.Acknowledgement], since fault: ContinuousClock.Instant) {
        func longest(_ moments: [ContinuousClock.Instant]) -> Int {
            let sorted = [fault] + moments.filter { $0 > fault }.sorted()
            return zip(sorted, sorted.dropFirst()).map { ($1 - $0).milliseconds }.max() ?? 0
        }
        first = longest(acknowledged.map(\.at))
        let writers = Set(acknowledged.map(\.writer))
        slowest =
            writers.map { writer in
                longest(acknowledged.filter { $0.writer == writer }.map(\.at))
            }.max()
    }
}

/// Terms against the time line: in one term one node acknowledges, and none does for a term once
/// somebody has for a later one.
enum DoubleAcknowledgements {
    static func count(_ acknowledged: [LabWriters.Acknowledgement]) -> Int {
        var count = 0
        var nodes: [Int: String] = [:]
        // The earliest acknowledgement of each term.
        var earliest: [Int: ContinuousClock.Instant] = [:]
        for row in acknowledged {
            if let node = nodes[row.term], node != row.node { count += 1 }
            nodes[row.term] = nodes[row.term] ?? row.node
            earliest[row.term] = min(earliest[row.term] ?? row.at, row.at)
        }
        for row in acknowledged
        where earliest.contains(where: { $0.key > row.term && $0.value < row.sent }) { count += 1 }
        return count
    }
}
