/// One moment as the rules see it: named questions about the cluster and what was observed.
struct Situation {
    private let premises: Premises
    let observed: Observed
    let now: Instant
    /// The operator's command of this very step.
    let order: OperatorCommand?
    /// The elect's answer when it is out of recovery; it may still be locked.
    let primary: Answer?
    /// The elect's answer when clients may write to it.
    let openPrimary: Answer?
    /// Slots of the open primary that have lost WAL.
    private let lostSlots: [String]
    /// Names that two connections of the open primary carry.
    private let duplicateNames: [String]
    /// The primary is open and well, nothing else is under way on it, and no foreign names may be in
    /// force: their end must be proven down to the checkpointer's flag.
    let takesQuorumChanges: Bool
    /// Standbys of the open primary that do not stream as they were pointed.
    private(set) var standbysOutOfPlace: [Member] = []
    /// Since when too few voters have been fresh for the primary to acknowledge.
    private(set) var quorumLostSince: Instant?

    init(
        _ premises: Premises, _ observed: borrowing Observed, at now: Instant,
        order: OperatorCommand? = nil
    ) {
        self.premises = premises
        self.observed = copy observed
        self.now = now
        self.order = order
        let elect = premises.cluster.elect.map { observed[$0] }
        primary = elect?.answer.flatMap { seen in
            let isOurs = seen.systemIdentifier == premises.cluster.systemIdentifier
            return isOurs && !seen.isInRecovery ? seen : nil
        }
        openPrimary = primary.flatMap { $0.isReadOnly ? nil : $0 }
        lostSlots = (openPrimary?.slots ?? []).filter { $0.walStatus == "lost" }.map(\.name)
        duplicateNames = openPrimary.map { Self.duplicates(in: $0.senders) } ?? []
        takesQuorumChanges =
            openPrimary != nil && !premises.hasIntent
            && (premises.cluster.quorumIsTampered
                || !observed[premises.cluster.lastPrimary].showsForeignNames)
        if !quorumIsFed { quorumLostSince = observed.quorumLostSince ?? now }
        guard openPrimary != nil else { return }
        for index in premises.standbyIndices where !isInPlace(at: index) {
            standbysOutOfPlace.append(cluster.members[index])
        }
    }

    private static func duplicates(in senders: [NodeObservation.Sender]) -> [String] {
        var duplicates: [String] = []
        for index in senders.indices.dropFirst() {
            let name = senders[index].applicationName
            if senders[..<index].contains(where: { $0.applicationName == name }) {
                duplicates.append(name)
            }
        }
        return duplicates
    }

    var cluster: Cluster { premises.cluster }
    var policy: Policy { premises.policy }
    var timers: Timers { premises.policy.timers }
    var hasIntent: Bool { premises.hasIntent }

    var election: Election {
        #if TOOLKIT_MUTANTS
            return Election(cluster: cluster, mutant: policy.mutant)
        #else
            return Election(cluster: cluster)
        #endif
    }

    // MARK: nodes

    /// Every member's.
    var ids: [NodeID] { premises.ids }

    func member(_ id: NodeID) -> Member? { premises.member(id) }

    func facts(_ id: NodeID) -> Shared<Observed.Facts> { observed[id] }

    /// Of the member at this place in `ids`.
    func facts(at index: Int) -> Shared<Observed.Facts> { observed.facts(at: index) }

    /// The last answer of a node whose last probe was answered.
    func answer(_ id: NodeID) -> Answer? { observed[id].answer }

    /// The same, given after the last work on the node ended.
    func settledAnswer(_ id: NodeID) -> Answer? {
        observed[id].isSettled ? answer(id) : nil
    }

    var standbys: [Member] { premises.standbys }
    var uncountedStandbys: [Member] { premises.uncountedStandbys }
    var membersAtWork: [Member] { premises.membersAtWork }
    var membersLeftAlone: [Member] { premises.membersLeftAlone }
    var membersInMaintenance: [Member] { premises.membersInMaintenance }
    /// The voters of the newest config, by their places in `ids`.
    var lastVoters: [Int] { premises.voters.last ?? [] }

    /// application_name under the current attach number.
    func applicationName(_ id: NodeID) -> String { premises.applicationName(id) }

    func applicationName(at index: Int) -> String { premises.applicationName(at: index) }

    /// What the file or the operator has against counting this member; nil: nothing.
    func reasonToDrop(at index: Int) -> String? { premises.reasonToDrop(at: index) }

    func isOurs(_ seen: Answer) -> Bool {
        seen.systemIdentifier == cluster.systemIdentifier
    }

    /// On the newest accepted timeline, at the floor or above.
    func isOnTip(_ seen: Answer) -> Bool {
        seen.timeline == cluster.tip.timeline && seen.history == cluster.tip.history
            && seen.position >= cluster.floor
    }

    /// The primary has removed WAL that its standby needs.
    func slotIsLost(_ id: NodeID) -> Bool {
        !lostSlots.isEmpty && member(id)?.upstream == cluster.elect && lostSlots.contains(id.slot)
    }

    // MARK: voters

    /// Milliseconds since the node heard from the primary that it is attached to; nil: not at all.
    private func messageAge(at index: Int) -> Int64? {
        let facts = facts(at: index)
        guard let seen = facts.answer, let at = facts.observedAt,
            seen.attachedAs == applicationName(at: index),
            let receiver = seen.receiver, receiver.status == "streaming",
            let age = receiver.messageAgeMs
        else { return nil }
        return age + now.since(at)
    }

    /// A standby of the elect that streams as it was pointed: nothing is to be done about it.
    private func isInPlace(at index: Int) -> Bool {
        guard let name = premises.attachment(at: index) else { return false }
        let facts = facts(at: index)
        guard facts.isSettled, !facts.isSealed, let seen = facts.answer, seen.isInRecovery,
            isStreaming(seen), seen.attachedAs == name
        else { return false }
        return isOurs(seen) && !slotIsLost(ids[index]) && !isDuplicate(name)
            && missedSince(name) == nil
    }

    func isStreaming(_ seen: Answer) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .missesWaiting { return seen.receiver != nil }
        #endif
        return seen.isStreaming
    }

    /// Two connections of the primary carry the name of one node: each counts as a copy (F8).
    func hasDuplicate(_ id: NodeID) -> Bool {
        !duplicateNames.isEmpty && isDuplicate(applicationName(id))
    }

    private func isDuplicate(_ name: String) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .acceptsDuplicates { return false }
        #endif
        return !duplicateNames.isEmpty && duplicateNames.contains(name)
    }

    /// Since when the open primary has had no sender of this name.
    func missedSince(_ name: String) -> Instant? {
        cluster.elect.flatMap { missedSince(name, by: $0) }
    }

    /// Since when this node, open or a standby that feeds others, has had no sender of this name.
    func missedSince(_ name: String, by upstream: NodeID) -> Instant? {
        let facts = facts(upstream)
        guard let reply = facts.replies.first(where: { $0.name == name }) else {
            return upstream == cluster.elect ? facts.openSince : facts.runSeenAt
        }
        return reply.missingSince
    }

    /// "Streaming" proves nothing (F17): the message must be young.
    func isFresh(_ id: NodeID) -> Bool {
        ids.firstIndex(of: id).map(isFresh(at:)) ?? false
    }

    private func isFresh(at index: Int) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .trustsStreaming { return messageAge(at: index) != nil }
        #endif
        return messageAge(at: index).map { $0 <= timers.freshMax } ?? false
    }

    func isVoter(_ id: NodeID) -> Bool { cluster.configs.contains { $0.voters.contains(id) } }

    /// Whether the primary could still acknowledge, by either config: enough voters hear from it.
    var quorumIsFed: Bool {
        if isAsynchronous {
            let count = electables.count
            return count > 0 && electables.count(where: isFresh) >= (count + 1) / 2
        }
        return cluster.configs.indices.contains { index in
            let required = cluster.configs[index].required
            return required > 0 && premises.voters[index].count(where: isFresh(at:)) >= required
        }
    }

    /// Whether enough voters answer to seal a legal set of every config.
    var canSealQuorum: Bool {
        #if TOOLKIT_MUTANTS
            if let isEnough = mutantCanSeal { return isEnough }
        #endif
        if isAsynchronous {
            return electables.count(where: { answer($0) != nil }) >= electablesNeeded
        }
        return cluster.configs.allSatisfy { config in
            guard let needed = config.sealsNeeded else { return false }
            return config.voters.count(where: { answer($0) != nil }) >= needed
        }
    }

    /// Commits wait for nobody, by configuration: a failover loses what no standby has received.
    var isAsynchronous: Bool {
        policy.numberSyncStandbys == 0 && cluster.configs.allSatisfy { $0.required == 0 }
    }

    /// Asynchronous replication: the standbys that may take over.
    var electables: [NodeID] {
        standbys.filter { $0.attach.term != nil && (policy.node($0.id)?.priority ?? 0) > 0 }
            .map(\.id)
    }

    /// n − ⌈n/2⌉ + 1 of n: so many cut off, the rest is no half that a primary could serve by.
    var electablesNeeded: Int { electables.count / 2 + 1 }

    /// No set of seals can prove that a failover loses nothing.
    var lacksProof: Bool {
        !isAsynchronous && cluster.configs.contains { $0.sealsNeeded == nil }
    }

    var everyReachableReceiverIsGone: Bool {
        standbys.allSatisfy { answer($0.id).map { $0.receiver?.status != "streaming" } ?? true }
    }

    /// The row of pg_stat_replication under a node's current attach number.
    func sender(_ id: NodeID) -> NodeObservation.Sender? {
        let name = applicationName(id)
        return openPrimary?.senders.first { $0.applicationName == name && $0.state == "streaming" }
    }

    // MARK: effects

    func attempts(_ id: Effect.ID) -> Observed.Attempts {
        observed.attempts[id] ?? Observed.Attempts()
    }

    func effect(_ action: Effect.Action, on node: NodeID, _ stamp: Stamp) -> Effect {
        Effect(id: Effect.ID(stamp: stamp, node: node, name: action.name), action: action)
    }

    func proof(_ effect: Effect) -> Proof? {
        guard case .done(let proof) = attempts(effect.id).outcome else { return nil }
        return proof
    }

    /// " (last attempt: …)" of an effect that was not done, for the operator.
    func lastFailure(_ effect: Effect) -> String {
        switch attempts(effect.id).outcome {
        case .failed(let why)?, .tryAgain(let why)?, .unknown(let why)?: " (last attempt: \(why))"
        case .stale?: " (last attempt: the node has accepted a higher stamp)"
        case .done?, nil: ""
        }
    }

    /// Whether to ask (again): not under way, not done, and its pause after a failure is over.
    func mayBegin(_ effect: Effect) -> Bool {
        let tries = attempts(effect.id)
        if tries.isInFlight { return false }
        guard let endedAt = tries.endedAt, let outcome = tries.outcome else { return true }
        if case .done = outcome {
            return effect.id.isLook && now.since(endedAt) >= Self.lookIntervalMs
        }
        // 100 ms, doubling: a node that comes back is used at once, a broken one is not hammered.
        let pause = Int64(100) << Int64(min(max(tries.count - 1, 0), 6))
        return now.since(endedAt) >= min(pause, 5_000)
    }

    /// How often a node that gives no SQL answer is looked at.
    static let lookIntervalMs: Int64 = 1_000

    /// Milliseconds since this process first saw the open intent.
    var intentAgeMs: Int64 {
        guard let stamp = cluster.intent?.stamp, let seen = observed.intentSeen,
            seen.stamp == stamp
        else { return 0 }
        return now.since(seen.at)
    }

    /// A cluster changed by `change`, with the revision grown and the stamp that its effects carry.
    func changed(
        raisingTerm: Bool = false, _ change: (inout Cluster, Stamp) -> Void
    ) -> (cluster: Cluster, stamp: Stamp) {
        var next = cluster
        next.revision = cluster.revision.next
        if raisingTerm { next.term = cluster.term.next }
        let stamp = Stamp(term: next.term, step: next.revision)
        change(&next, stamp)
        return (next, stamp)
    }

    func intent(_ kind: Intent.Kind, _ stamp: Stamp) -> Intent {
        Intent(kind: kind, stamp: stamp, sinceWallMs: now.wallMs)
    }
}

extension NodeID {
    /// The physical slot of a member, on whichever node is its upstream.
    public var slot: String { "toolkit_\(rawValue)" }
}
