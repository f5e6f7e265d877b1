import Foundation
import PostgresClient
import Synchronization

/// An application that only reads, through the same connection string as the writers. Each time it
/// looks at the last thousand rows, and at what the server takes itself for.
///
/// A server that is open for a term must show every row that was acknowledged for this term or an
/// older one before it was asked. What it shows must still be there at the end, unless somebody has
/// acknowledged for a later term by then: such an old primary is counted, and believed nothing.
final class LabReader: Sendable {
    struct Findings: Sendable {
        var reads = 0
        /// By a server that another one had superseded already.
        var staleReads = 0
        /// Acknowledged rows that a server did not show.
        var missing: [String] = []
        /// Rows that the primary has shown.
        var seen: Set<Int64> = []
    }

    private struct State {
        var findings = Findings()
        var isStopped = false
        var isRunning = false
    }

    private static let rows: Int64 = 1_000

    private let state = Mutex(State())
    private let client: LabClient
    private let writers: LabWriters

    init(_ lab: Lab, beside writers: LabWriters) {
        client = LabClient(lab)
        self.writers = writers
    }

    var findings: Findings { state.withLock { $0.findings } }
    var isRunning: Bool { state.withLock { $0.isRunning } }

    func start() {
        state.withLock { $0.isRunning = true }
        let thread = Thread { [self] in
            if client.enterNetwork() { read() }
            state.withLock { $0.isRunning = false }
        }
        thread.name = "reader"
        thread.start()
    }

    func stop() async {
        state.withLock { $0.isStopped = true }
        try? await until("the reader has ended", within: .seconds(15)) { !isRunning }
    }

    private func read() {
        let conninfo = client.conninfo("lab reader", [1, 2, 3], from: 1)
        var session: BlockingSession?
        while !state.withLock({ $0.isStopped }) {
            if session == nil { session = try? BlockingSession(conninfo) }
            if let open = session, !look(open) { session = nil }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    /// False when the session is of no more use.
    private func look(_ session: BlockingSession) -> Bool {
        let (from, acknowledged) = writers.latest(Self.rows)
        let highest = writers.highestTerm
        let statement = """
            SELECT concat_ws(',', current_setting('toolkit.term'),
              pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
              (SELECT string_agg(id::text, ',') FROM demo.rows WHERE id > \(from)))
            """
        guard let told = session.value(of: statement, within: .milliseconds(1_500)) else {
            return false
        }
        let fields = told.split(separator: ",")
        guard fields.count >= 2, let term = Int(fields[0]), fields[1] == "f" else { return false }
        let seen = Set(fields.dropFirst(2).compactMap { Int64($0) })
        let missing = acknowledged.filter { $0.term <= term && !seen.contains($0.row) }
        let node = LabClient.node(of: session)
        let isSuperseded = writers.highestTerm > term
        state.withLock { state in
            state.findings.reads += 1
            if highest > term { state.findings.staleReads += 1 }
            if !isSuperseded { state.findings.seen.formUnion(seen) }
            state.findings.missing += missing.map {
                "\(node), open for term \(term), did not show row \($0.row), acknowledged by "
                    + "\($0.node) for term \($0.term)"
            }
        }
        return true
    }
}
