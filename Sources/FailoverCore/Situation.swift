/// One moment as the rules see it: named questions about the cluster and what was observed.
struct Situation {
    let cluster: Cluster
    let observed: Observed
    let policy: Policy
    let now: Instant
    /// The operator's command of this very step.
    let order: OperatorCommand?

    var timers: Timers { policy.timers }

    var election: Election {
        #if TOOLKIT_MUTANTS
            return Election(cluster: cluster, mutant: policy.mutant)
        #else
            return Election(cluster: cluster)
        #endif
    }

    // MARK: nodes

    func facts(_ id: NodeID) -> Observed.Facts { observed[id] }

    /// The last answer of a node whose last probe was answered.
    func answer(_ id: NodeID) -> NodeObservation? {
        let facts = observed[id]
        return facts.isAnswering ? facts.observation : nil
    }

    /// The same, given after the last work on the node ended.
    func settledAnswer(_ id: NodeID) -> NodeObservation? {
        observed[id].isSettled ? answer(id) : nil
    }

    var standbys: [Member] { cluster.members.filter { $0.id != cluster.lastPrimary } }

    func isOurs(_ observation: NodeObservation) -> Bool {
        observation.systemIdentifier == cluster.systemIdentifier
    }

    // MARK: the primary

    /// The elect's answer when it is out of recovery; it may still be locked.
    var primary: NodeObservation? {
        guard let elect = cluster.elect, let seen = answer(elect), !seen.isInRecovery,
            isOurs(seen)
        else { return nil }
        return seen
    }

    /// The elect's answer when clients may write to it.
    var openPrimary: NodeObservation? { primary.flatMap { $0.isOpen ? $0 : nil } }

    /// On the newest accepted timeline, at the floor or above.
    func isOnTip(_ seen: NodeObservation) -> Bool {
        seen.timeline == cluster.tip.timeline && seen.history == cluster.tip.history
            && seen.position >= cluster.floor
    }

    // MARK: voters

    /// Milliseconds since the node heard from the primary that it is attached to; nil: not at all.
    func messageAge(_ id: NodeID) -> Int64? {
        guard let seen = answer(id), let at = observed[id].observedAt,
            seen.attachedAs == cluster.applicationName(id),
            let receiver = seen.receiver, receiver.status == "streaming",
            let age = receiver.messageAgeMs
        else { return nil }
        return age + now.since(at)
    }

    /// "Streaming" proves nothing (F17): the message must be young.
    func isFresh(_ id: NodeID) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .trustsStreaming { return messageAge(id) != nil }
        #endif
        return messageAge(id).map { $0 <= timers.freshMax } ?? false
    }

    func isVoter(_ id: NodeID) -> Bool { cluster.configs.contains { $0.voters.contains(id) } }

    /// Whether the primary could still acknowledge, by either config: enough voters hear from it.
    var quorumIsFed: Bool {
        cluster.configs.contains { config in
            config.required > 0
                && config.voters.count(where: isFresh) >= config.required
        }
    }

    /// Whether enough voters answer to seal a legal set of every config.
    var canSealQuorum: Bool {
        #if TOOLKIT_MUTANTS
            if let isEnough = mutantCanSeal { return isEnough }
        #endif
        return cluster.configs.allSatisfy { config in
            guard let needed = config.sealsNeeded else { return false }
            return config.voters.count(where: { answer($0) != nil }) >= needed
        }
    }

    var everyReachableReceiverIsGone: Bool {
        standbys.allSatisfy { answer($0.id).map { $0.receiver?.status != "streaming" } ?? true }
    }

    /// The row of pg_stat_replication under a node's current attach number.
    func sender(_ id: NodeID) -> NodeObservation.Sender? {
        let name = cluster.applicationName(id)
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
        guard let stamp = cluster.intent?.stamp, let seen = observed.intentSeen[stamp] else {
            return 0
        }
        return now.since(seen)
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
