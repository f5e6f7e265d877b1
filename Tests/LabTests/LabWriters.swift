import CLinux
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
        /// The VM that acknowledged.
        var node: String
        var sent: ContinuousClock.Instant
        var at: ContinuousClock.Instant
    }

    private struct State {
        var acknowledged: [Acknowledgement] = []
        var isStopped = false
        var running = 0
        var nextRow: Int64 = 1
    }

    /// Logging in costs both sides milliseconds of this one machine: eight that try without pause
    /// would be what is measured.
    private static let retrySeconds = 0.05

    private let state = Mutex(State())
    private let folder: String
    private let network: String

    init(_ lab: Lab) {
        folder = lab.folder
        network = "/proc/\(lab.initPID)/ns/net"
    }

    var acknowledged: [Acknowledgement] { state.withLock { $0.acknowledged } }
    var count: Int { state.withLock { $0.acknowledged.count } }

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
        while state.withLock({ $0.running > 0 }), ContinuousClock.now < deadline {
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

    /// As `toolkit dsn` prints it, with the hosts in an order of this writer's own.
    private func conninfo(_ index: Int, _ known: [Int]) -> Conninfo {
        let hosts = known.indices.map { "10.0.0.\(known[($0 + index) % known.count])" }
        var conninfo = Conninfo()
        conninfo["host"] = hosts.joined(separator: ",")
        conninfo["dbname"] = "postgres"
        conninfo["user"] = "app"
        conninfo["passfile"] = "\(folder)/app.pgpass"
        conninfo["target_session_attrs"] = "read-write"
        conninfo["connect_timeout"] = "2"
        conninfo["keepalives"] = "1"
        conninfo["keepalives_idle"] = "5"
        conninfo["keepalives_interval"] = "2"
        conninfo["keepalives_count"] = "3"
        conninfo["tcp_user_timeout"] = "10000"
        conninfo["application_name"] = "lab writer \(index)"
        return conninfo
    }

    private func write(_ index: Int, _ hosts: [Int]) {
        defer { state.withLock { $0.running -= 1 } }
        let descriptor = open(network, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, cl_enter_network(descriptor) == 0 else { return }
        close(descriptor)
        let conninfo = conninfo(index, hosts)
        let patience = Duration.milliseconds(800 + 300 * index)
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
            let sent = ContinuousClock.now
            let statement = "INSERT INTO demo.rows (id, writer) VALUES (\(row), \(index))"
            if open.acknowledges(statement, within: patience) {
                let now = ContinuousClock.now
                let node = "vm" + open.server.split(separator: ":")[0].suffix(1)
                state.withLock {
                    $0.acknowledged.append(
                        Acknowledgement(row: row, writer: index, node: node, sent: sent, at: now))
                }
                Thread.sleep(forTimeInterval: 0.01)
            } else {
                session = nil
                Thread.sleep(forTimeInterval: Self.retrySeconds)
            }
        }
    }
}
