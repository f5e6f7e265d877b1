import Foundation
import PostgresClient
import Synchronization

/// Applications that write through the multi-host connection string, each on a thread of its own,
/// and remember what was acknowledged to them.
final class DemoWriters: Sendable {
    /// An acknowledged row.
    struct Acknowledgement: Hashable, Sendable {
        var row: Int64
        var server: String
        /// When the acknowledgement was read.
        var at: ContinuousClock.Instant
    }

    private struct State {
        var acknowledged: [Acknowledgement] = []
        var isStopped = false
        var running = 0
        var nextRow: Int64 = 1
    }

    private let state = Mutex(State())
    private let conninfo: Conninfo
    /// Between an acknowledgement and the next write.
    private let pauseSeconds: Double

    /// How long a writer waits after a failure, as the bar says.
    private static let retrySeconds = 0.01

    init(_ conninfo: Conninfo, pauseSeconds: Double = 0) {
        self.conninfo = conninfo
        self.pauseSeconds = pauseSeconds
    }

    func start(_ count: Int) {
        for index in 0..<count {
            state.withLock { $0.running += 1 }
            let thread = Thread { [self] in write(index) }
            thread.name = "writer \(index)"
            thread.start()
        }
    }

    /// Tells the writers to end with their current statement.
    func end() { state.withLock { $0.isStopped = true } }

    /// Ends the writers and waits until each has finished its last statement.
    func stop() async {
        end()
        let deadline = ContinuousClock.now + .seconds(10)
        while state.withLock({ $0.running > 0 }), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    var acknowledged: [Acknowledgement] { state.withLock { $0.acknowledged } }

    /// The latest acknowledgement of any writer by this server.
    func last(by server: String) -> Acknowledgement? {
        state.withLock { $0.acknowledged.last { $0.server == server } }
    }

    /// The first one by another server after `moment`.
    func first(after moment: ContinuousClock.Instant, notBy server: String) -> Acknowledgement? {
        state.withLock { state in
            let start =
                state.acknowledged.firstIndex { $0.at > moment } ?? state.acknowledged.endIndex
            return state.acknowledged[start...].first { $0.server != server }
        }
    }

    private func write(_ index: Int) {
        defer { state.withLock { $0.running -= 1 } }
        var session: BlockingSession?
        while !state.withLock({ $0.isStopped }) {
            if session == nil { session = try? BlockingSession(conninfo) }
            guard let open = session else {
                Thread.sleep(forTimeInterval: Self.retrySeconds)
                continue
            }
            // A row whose fate is unknown is never written again: each attempt has its own number.
            let row = state.withLock { state in
                state.nextRow += 1
                return state.nextRow
            }
            if open.acknowledges("INSERT INTO demo.rows (id, writer) VALUES (\(row), \(index))") {
                let now = ContinuousClock.now
                state.withLock {
                    $0.acknowledged.append(
                        Acknowledgement(row: row, server: open.server, at: now))
                }
                if pauseSeconds > 0 { Thread.sleep(forTimeInterval: pauseSeconds) }
            } else {
                session = nil
                Thread.sleep(forTimeInterval: Self.retrySeconds)
            }
        }
    }
}
