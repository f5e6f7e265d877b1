import FailoverCore

/// One machine with one PostgreSQL, as far as the protocol depends on it. WAL is a list of record
/// ids: a position is their number, and what a node holds can be compared record by record.
struct ModelNode {
    struct Upstream: Hashable {
        var node: NodeID
        var name: String
    }

    struct Opening: Hashable {
        var names: String
        var term: Term
    }

    var wal: [Int] = []
    var history = TimelineHistory(timeline: TimelineID(1))
    var isRunning = false
    var isInRecovery = false
    var hasStandbySignal = false
    var hasData = false
    var marker = NodeInspection.Marker.none
    /// Start of its shutdown checkpoint; nil after anything but a clean stop.
    var shutdownCheckpoint: Int?
    /// node.conf, state_dir and open.conf.
    var upstream: Upstream?
    var stamp: Stamp?
    var opening: Opening?
    var run = 0
    var boot = 0
    // Faults.
    var sqlIsUp = true
    var sshIsUp = true
    var isFrozen = false
    var isLagging = false
    /// When its supervisor starts it again.
    var startsAt: Int64?
    /// Commits that wait for their copies: positions in `wal`.
    var waiting: [Int] = []

    var position: LSN { LSN(UInt64(wal.count)) }
    var answersSQL: Bool { isRunning && sqlIsUp && !isFrozen }
    var isOpen: Bool { isRunning && !isInRecovery && opening != nil }
}

/// A small generator of its own: the same seed gives the same schedule everywhere.
struct ModelRandom {
    private var state: UInt64

    init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}

/// Nodes, clients and what was acknowledged to them. It moves WAL, and checks each promise at the
/// moment in which it could be broken.
struct Model {
    struct Commit: Hashable {
        var index: Int
        var record: Int
    }

    let ids: [NodeID]
    var nodes: [NodeID: ModelNode] = [:]
    /// Pairs that can't reach each other, smaller id first.
    var cuts: Set<[NodeID]> = []
    var now: Int64 = 1_000
    private(set) var acknowledged: [Commit] = []
    private var lastOpened: (node: NodeID, term: Term)?
    private var records = 0
    var violations: [String] = []
    /// What happened, newest last.
    var log: [String] = []

    init(count: Int) {
        ids = ["a", "b", "c", "d", "e"].prefix(count).map { NodeID($0) }
        for id in ids { nodes[id] = ModelNode() }
    }

    subscript(_ id: NodeID) -> ModelNode {
        get { nodes[id] ?? ModelNode() }
        set { nodes[id] = newValue }
    }

    mutating func note(_ text: String) {
        log.append("\(now) \(text)")
        if log.count > 2_000 { log.removeFirst(1_000) }
    }

    mutating func newRecord() -> Int {
        records += 1
        return records
    }

    func isLinked(_ one: NodeID, _ other: NodeID) -> Bool { !cuts.contains([one, other].sorted()) }

    // MARK: replication

    /// Whether a standby's receiver runs. Timelines are compared by number, as PostgreSQL does: a
    /// fork of the same number streams (F20).
    func streams(_ id: NodeID) -> Bool {
        let node = self[id]
        guard node.isRunning, node.isInRecovery, !node.isFrozen, let upstream = node.upstream,
            isLinked(id, upstream.node)
        else { return false }
        let source = self[upstream.node]
        guard source.isRunning, !source.isFrozen, source.hasData else { return false }
        if source.history.timeline == node.history.timeline { return true }
        guard let end = source.history.end(of: node.history.timeline) else { return false }
        return node.position <= end
    }

    func senders(of id: NodeID) -> [NodeID] {
        ids.filter { self[$0].upstream?.node == id && streams($0) }
    }

    mutating func flow() {
        for id in ids where streams(id) {
            guard let source = self[id].upstream.map({ self[$0.node] }) else { continue }
            receive(id, from: source, atMost: self[id].isLagging ? 1 : 1_000)
        }
    }

    mutating func receive(_ id: NodeID, from source: ModelNode, atMost: Int) {
        var node = self[id]
        while node.history.timeline != source.history.timeline {
            guard let end = source.history.end(of: node.history.timeline) else { return }
            take(&node, source, upTo: min(Int(end.position), source.wal.count), atMost)
            guard node.position == end else { break }
            let next =
                source.history.ancestors.first { $0.timeline > node.history.timeline }?.timeline
                ?? source.history.timeline
            node.history = source.history.history(of: next) ?? source.history
        }
        if node.history.timeline == source.history.timeline {
            take(&node, source, upTo: source.wal.count, atMost)
        }
        self[id] = node
    }

    private func take(_ node: inout ModelNode, _ source: ModelNode, upTo end: Int, _ atMost: Int) {
        let from = node.wal.count
        guard from < end else { return }
        node.wal += source.wal[from..<min(end, from + atMost)]
    }

    // MARK: clients

    mutating func write(_ random: inout ModelRandom) {
        for id in ids {
            var node = self[id]
            guard node.isRunning, !node.isInRecovery, !node.isFrozen else { continue }
            if node.opening != nil, random.chance(60) {
                node.waiting.append(node.wal.count)
                node.wal.append(newRecord())
            } else if node.opening == nil, random.chance(5) {
                // The lock does not hold autovacuum (F33).
                node.wal.append(newRecord())
            }
            self[id] = node
        }
    }

    mutating func acknowledge() {
        for id in ids {
            guard let opening = self[id].opening, self[id].isOpen, !self[id].isFrozen else {
                continue
            }
            let covered = copies(of: id, opening.names)
            let done = self[id].waiting.filter { $0 < covered }
            guard !done.isEmpty else { continue }
            self[id].waiting.removeAll { $0 < covered }
            if let last = lastOpened, last.node != id, last.term > opening.term {
                violations.append("I2: \(id) of term \(opening.term) acknowledges after \(last)")
            }
            acknowledged += done.map { Commit(index: $0, record: self[id].wal[$0]) }
        }
    }

    /// How many records the names say to be held by enough standbys, by their own reports.
    func copies(of id: NodeID, _ names: String) -> Int {
        guard let (required, listed) = Self.quorum(names) else { return self[id].wal.count }
        let flushed = senders(of: id).filter { listed.contains(self[$0].upstream?.name ?? "") }
            .map { self[$0].wal.count }.sorted(by: >)
        return flushed.count >= required ? flushed[required - 1] : 0
    }

    /// `ANY k (x, y)`; nil when nobody is waited for.
    static func quorum(_ names: String) -> (Int, [String])? {
        let words = names.split(whereSeparator: { " (),".contains($0) }).map(String.init)
        guard words.count >= 2, let required = Int(words[1]) else { return nil }
        return (required, Array(words.dropFirst(2)))
    }

    mutating func opened(_ id: NodeID, in term: Term) {
        guard lastOpened.map({ $0.term <= term }) ?? true else { return }
        if let last = lastOpened, last.term == term, last.node != id {
            violations.append("two nodes opened in term \(term): \(last.node) and \(id)")
        }
        lastOpened = (id, term)
        let wal = self[id].wal
        if let lost = acknowledged.first(where: {
            $0.index >= wal.count || wal[$0.index] != $0.record
        }) {
            violations.append("I1: \(id) is opened in term \(term) without \(lost)")
        }
    }

    // MARK: faults

    mutating func stop(_ id: NodeID) {
        self[id].isRunning = false
        self[id].waiting = []
    }

    /// By a start path: the opening is removed first; nothing starts over a marker.
    mutating func start(_ id: NodeID) {
        var node = self[id]
        guard !node.isRunning, node.hasData, node.marker == .none else { return }
        node.startsAt = nil
        node.isRunning = true
        node.isFrozen = false
        node.opening = nil
        node.isInRecovery = node.hasStandbySignal
        node.run += 1
        if !node.isInRecovery { node.wal.append(newRecord()) }
        node.shutdownCheckpoint = nil
        self[id] = node
    }

    /// Ends recovery. The number of the new timeline is the least that this node has not seen.
    mutating func promote(_ id: NodeID) {
        var node = self[id]
        guard node.isRunning, node.isInRecovery else { return }
        node.history = TimelineHistory(
            timeline: TimelineID(node.history.timeline.number + 1),
            ancestors: node.history.ancestors + [
                .init(timeline: node.history.timeline, end: node.position)
            ])
        node.isInRecovery = false
        node.hasStandbySignal = false
        node.upstream = nil
        node.wal.append(newRecord())
        self[id] = node
    }
}
