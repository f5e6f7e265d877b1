import Foundation
import Glibc
import PostgresClient
import Synchronization

@testable import ToolkitTesting

/// Applications on the lab's network: each writes through the multi-host connection string, on a
/// thread of its own, and remembers what was acknowledged to it.
///
/// They differ as applications do: in the order of the hosts, and in how long they wait for a
/// statement before they give it up and connect again.
final class LabWriters: Sendable {
    struct Acknowledgement: Hashable, Sendable {
        var row: Int64
        var writer: Int
        /// The VM that acknowledged, and the term that it did so for.
        var node: String
        var term: Int
        var sent: ContinuousClock.Instant
        var at: ContinuousClock.Instant
    }

    private struct State {
        var acknowledged: [Acknowledgement] = []
        var highestTerm = 0
        var isStopped = false
        var running = 0
        var nextRow: Int64 = 1
    }

    /// Two are the ruler: they try again at once. Logging in costs both sides milliseconds of this one
    /// machine: eight of them would be what is measured.
    private static func retrySeconds(_ index: Int) -> TimeInterval { index < 2 ? 0.01 : 0.05 }

    private let state = Mutex(State())
    private let client: LabClient

    init(_ lab: Lab) { client = LabClient(lab) }

    var acknowledged: [Acknowledgement] { state.withLock { $0.acknowledged } }
    var count: Int { state.withLock { $0.acknowledged.count } }
    var areRunning: Bool { state.withLock { $0.running > 0 } }
    var highestTerm: Int { state.withLock { $0.highestTerm } }

    /// The acknowledged rows among the last `count` numbers, and the lowest of these.
    func latest(_ count: Int64) -> (from: Int64, rows: [Acknowledgement]) {
        state.withLock { state in
            let from = state.nextRow - count
            // Rows are acknowledged out of order, by as many as there are writers.
            let rows = state.acknowledged.suffix(Int(count) + 64).filter { $0.row > from }
            return (from, rows)
        }
    }

    /// Eight that know all hosts, or those with these numbers that know some alone.
    func start(_ indices: Range<Int> = 0..<8, hosts: [Int] = [1, 2, 3]) {
        for index in indices {
            state.withLock { $0.running += 1 }
            let thread = Thread { [self] in write(index, hosts) }
            thread.name = "writer \(index)"
            thread.start()
        }
    }

    /// Ends the writers and waits until each has finished its last statement.
    func stop() async {
        state.withLock { $0.isStopped = true }
        let deadline = ContinuousClock.now + .seconds(15)
        while areRunning, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Waits until more rows are acknowledged.
    func goOn(_ more: Int = 20, within span: Duration = .seconds(20)) async throws {
        let before = count
        try await until("\(more) more rows are acknowledged", within: span) {
            count >= before + more
        }
    }

    private func write(_ index: Int, _ hosts: [Int]) {
        defer { state.withLock { $0.running -= 1 } }
        guard client.enterNetwork() else { return }
        let conninfo = client.conninfo("lab writer \(index)", hosts, from: index)
        let patience = Duration.milliseconds(800 + 300 * index)
        var session: BlockingSession?
        while !state.withLock({ $0.isStopped }) {
            if session == nil { session = try? BlockingSession(conninfo) }
            guard let open = session else {
                Thread.sleep(forTimeInterval: Self.retrySeconds(index))
                continue
            }
            // A row whose fate is unknown is never written again: each attempt has its own number.
            let row = state.withLock { state in
                state.nextRow += 1
                return state.nextRow
            }
            let sent = ContinuousClock.now
            let statement =
                "INSERT INTO demo.rows (id, writer) VALUES (\(row), \(index)) RETURNING term"
            if let told = open.value(of: statement, within: patience), let term = Int(told) {
                let acknowledgement = Acknowledgement(
                    row: row, writer: index, node: LabClient.node(of: open), term: term, sent: sent,
                    at: .now)
                state.withLock {
                    $0.acknowledged.append(acknowledgement)
                    $0.highestTerm = max($0.highestTerm, term)
                }
                Thread.sleep(forTimeInterval: 0.01)
            } else {
                session = nil
                Thread.sleep(forTimeInterval: Self.retrySeconds(index))
            }
        }
    }
}
