import FailoverCore

/// The store: compare-and-swap on the revision, with answers that may be lost.
struct SimulatedStore {
    enum Trouble: UInt8 {
        case none
        /// Nothing is stored, and it says so.
        case fails
        /// What is stored is told as an error.
        case losesAnswers
    }

    private(set) var cluster: Cluster
    /// What stood there before, the newest last, for a rollback.
    private(set) var copies: [Cluster] = []
    var trouble = Trouble.none
    /// The true state, while an old copy is in its place.
    private(set) var setAside: Cluster?
    /// Who was elected in each term.
    private(set) var elects: [Int: NodeID] = [:]

    init(cluster: Cluster) { self.cluster = cluster }

    enum Answer {
        case stored
        case conflict
        case failed
    }

    mutating func save(_ next: Cluster, after revision: Revision) -> Answer {
        if trouble == .fails { return .failed }
        guard cluster.revision == revision else { return .conflict }
        copies.append(cluster)
        if copies.count > 60 { copies.removeFirst() }
        cluster = next
        if let elect = next.elect { elects[next.term.number] = elect }
        return trouble == .losesAnswers ? .failed : .stored
    }

    func load() -> Cluster? { trouble == .fails ? nil : cluster }

    var oldest: Cluster? { copies.first }

    mutating func rollBack() {
        guard let old = copies.first, setAside == nil else { return }
        setAside = cluster
        cluster = old
        copies = []
    }

    /// The operator puts the newest copy back.
    mutating func restore() {
        if let newest = setAside {
            cluster = newest
            copies = []
        }
        setAside = nil
    }

    var isRolledBack: Bool { setAside != nil }
}
