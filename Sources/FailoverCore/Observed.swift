/// What a node's last answered probe showed.
typealias Answer = Shared<NodeObservation>

/// What was seen since this process began. Never stored: after a restart it is empty, which is why
/// a crash of the scheduler at any moment is harmless.
struct Observed: Hashable, Sendable {
    /// What is known of one node.
    struct Facts: Hashable, Sendable {
        /// The last answer, kept while the node is silent.
        var observation: Answer?
        var observedAt: Instant?
        /// When this run of the server was first seen.
        var runSeenAt: Instant?
        /// The run of the server that was seen open last.
        var openRun: String?
        /// Since when it has been seen open without a break.
        var openSince: Instant?
        /// Why the last probe failed; nil when it was answered.
        var unreachable: Unreachable?
        var unreachableSince: Instant?
        /// Failed probes in a row.
        var failures = 0
        /// Since when it says that it is starting; ends with any other answer.
        var startingSince: Instant?
        /// When it said that an administrator stops it.
        var administratorStopAt: Instant?
        var inspection: Shared<NodeInspection>?
        /// When the look began: what it saw is no older, though it may be told late.
        var inspectedAt: Instant?
        /// It refused a command for a higher stamp, and was not looked at since.
        var hasRefused = false
        var seal: Shared<Seal>?
        /// Whether it was probed since the last work on it ended: an older answer decides nothing.
        var isSettled = true
        /// When the last work on it ended.
        var workEndedAt: Instant?
        /// The highest stamp that work on it has certainly brought into force.
        var appliedStamp: Stamp?
        /// Answers in a row that show a smaller stamp than that.
        var outdatedAnswers = 0
        /// The highest stamp of work that ends a seal: a proof of an older step that is told late
        /// says nothing any more.
        var unsealingStamp: Stamp?
        /// When it was last seen open, it had synchronous_standby_names that are not ours.
        var showsForeignNames = false
        /// Since when writes of our own do not reach its disk.
        var stalledSince: Instant?
        /// It was told again since the node was last out of reach.
        var isStallConfirmed = false
        /// What such a write waits for.
        var stalledOn = ""
        /// Of each application_name that was ever seen among its senders.
        var replies: [Reply] = []

        /// The highest stamp that it was seen to have accepted.
        var highestStamp: Stamp? {
            guard let answered = observation?.stamp else { return inspection?.stamp }
            return max(answered, inspection?.stamp ?? answered)
        }

        /// The last answer, when the last probe was answered.
        var answer: Answer? { unreachable == nil ? observation : nil }
        var isAnswering: Bool { observation != nil && unreachable == nil }
        var isSealed: Bool { seal != nil }
        var wasProbed: Bool { observation != nil || unreachable != nil }
    }

    struct Seal: Hashable, Sendable {
        var proof: SealProof
        var stamp: Stamp
        /// Probes in a row that contradict it.
        var contradictions = 0
    }

    /// When a standby's `reply_time` was last seen to change, or was first missed.
    struct Reply: Hashable, Sendable {
        var name: String
        var time: String?
        var changedAt: Instant
        var missingSince: Instant?
    }

    /// Attempts of one effect.
    struct Attempts: Hashable, Sendable {
        var count = 0
        var isInFlight = false
        var begunAt: Instant?
        var endedAt: Instant?
        var outcome: Outcome?
    }

    /// What the candidate of a fast-forward had when it first answered after its beginning.
    struct FetchSeen: Hashable, Sendable {
        var stamp: Stamp
        var position: LSN
        var at: Instant
    }

    struct IntentSeen: Hashable, Sendable {
        var stamp: Stamp
        var at: Instant
    }

    private struct Node: Hashable, Sendable {
        let id: NodeID
        var facts = Self.unseen

        static let unseen = Shared(Facts())
    }

    private var nodes: [Node]
    private(set) var attempts: [Effect.ID: Attempts] = [:]
    /// Since when too few voters have been fresh for the primary to acknowledge.
    var quorumLostSince: Instant?
    /// When this process first saw the last intent.
    private(set) var intentSeen: IntentSeen?
    private(set) var fetchSeen: FetchSeen?
    /// When this process last began a failover that no crash confirmed.
    var unconfirmedFailoverAt: Instant?
    /// How often each node failed as a candidate since the cluster was last open.
    var failedCandidacies: [NodeID: Int] = [:]
    /// Who was elected and could not be opened since the cluster was last open.
    var failedOpenings: Set<NodeID> = []
    /// How often each node has tried to fetch WAL from a peer since the cluster was last open.
    var fetches: [NodeID: Int] = [:]

    init(_ ids: [NodeID]) { nodes = ids.map { Node(id: $0) } }

    subscript(_ id: NodeID) -> Shared<Facts> {
        nodes.firstIndex { $0.id == id }.map { nodes[$0].facts } ?? Node.unseen
    }

    /// Of the node at this place in the ids that this was made with.
    func facts(at index: Int) -> Shared<Facts> { nodes[index].facts }

    private mutating func change(_ id: NodeID, _ body: (inout Facts) -> Void) {
        let index = nodes.firstIndex { $0.id == id } ?? nodes.count
        if index == nodes.count { nodes.append(Node(id: id)) }
        nodes[index].facts.change(body)
    }

    mutating func absorb(_ event: Event, _ premises: Premises, at now: Instant) {
        switch event {
        case .observed(let id, let observation):
            change(id) { $0.absorb(observation, legal: premises.legalStandbyNames, at: now) }
            if premises.hasIntent { noteFetch(by: id, premises.cluster, at: now) }
        case .unreachable(let id, let reason): change(id) { $0.absorb(reason, at: now) }
        case .effectEnded(let id, let outcome): absorb(outcome, of: id, at: now)
        case .canary(let id, let canary): change(id) { $0.absorb(canary, at: now) }
        case .tick, .ordered: break
        }
        if let stamp = premises.cluster.intent?.stamp, intentSeen?.stamp != stamp {
            intentSeen = IntentSeen(stamp: stamp, at: now)
        }
    }

    private mutating func noteFetch(by id: NodeID, _ cluster: Cluster, at now: Instant) {
        guard let intent = cluster.intent, fetchSeen?.stamp != intent.stamp,
            case .fastForward(id, _, _) = intent.kind, let seen = self[id].answer
        else { return }
        fetchSeen = FetchSeen(stamp: intent.stamp, position: seen.position, at: now)
    }

    mutating func begin(_ effects: [Effect], at now: Instant) {
        for effect in effects {
            var entry = attempts[effect.id] ?? Attempts()
            entry.count += 1
            entry.isInFlight = true
            entry.begunAt = now
            entry.outcome = nil
            attempts[effect.id] = entry
            change(effect.node) { $0.begin(effect) }
        }
    }

    /// Forgets attempts of steps that nothing refers to any more.
    mutating func forgetAttempts(except stamps: Set<Stamp>) {
        attempts = attempts.filter { $0.value.isInFlight || stamps.contains($0.key.stamp) }
    }

    private mutating func absorb(_ outcome: Outcome, of id: Effect.ID, at now: Instant) {
        var entry = attempts[id] ?? Attempts()
        entry.isInFlight = false
        entry.endedAt = now
        entry.outcome = outcome
        attempts[id] = entry
        let begunAt = entry.begunAt ?? now
        change(id.node) { $0.absorb(outcome, of: id, begunAt: begunAt, at: now) }
    }
}
