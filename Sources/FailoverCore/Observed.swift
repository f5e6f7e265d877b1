/// What was seen since this process began. Never stored: after a restart it is empty, which is why
/// a crash of the scheduler at any moment is harmless.
struct Observed: Hashable, Sendable {
    /// What is known of one node.
    struct Facts: Hashable, Sendable {
        /// The last answer, kept while the node is silent.
        var observation: NodeObservation?
        var observedAt: Instant?
        /// When this run of the server was first seen.
        var runSeenAt: Instant?
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
        var inspection: NodeInspection?
        var inspectedAt: Instant?
        var seal: Seal?
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
        /// Probes in a row that show foreign synchronous_standby_names on the open primary.
        var tamperedSightings = 0
        /// Per application_name: when `reply_time` was last seen to change, or was first missed.
        var replies: [String: Reply] = [:]

        /// A probe that was sampled before the last work ended, and came after it. When the node
        /// goes on to show the smaller stamp, another hand has put old files back.
        func isOutdated(_ observation: NodeObservation) -> Bool {
            outdatedAnswers < 2 && isBehind(observation)
        }

        func isBehind(_ observation: NodeObservation) -> Bool {
            guard let appliedStamp else { return false }
            return observation.stamp.map { $0 < appliedStamp } ?? true
        }

        mutating func absorb(_ proof: Proof, of id: Effect.ID) {
            switch proof {
            case .sealed(let sealProof):
                guard unsealingStamp.map({ $0 <= id.stamp }) ?? true else { return }
                seal = Seal(proof: sealProof, stamp: id.stamp)
                raiseAppliedStamp(to: id.stamp)
            case .promoted, .opened, .rejoined: raiseAppliedStamp(to: id.stamp)
            case .none where id.bringsStamp: raiseAppliedStamp(to: id.stamp)
            case .none, .stopped, .inspected: break
            }
        }

        private mutating func raiseAppliedStamp(to stamp: Stamp) {
            appliedStamp = max(appliedStamp ?? stamp, stamp)
            outdatedAnswers = 0
        }

        /// The seal ends when the work begins, not when it is seen: what is received from then on
        /// is not in its position.
        mutating func begin(_ effect: Effect) {
            guard effect.action.endsSeal else { return }
            seal = nil
            unsealingStamp = max(unsealingStamp ?? effect.stamp, effect.stamp)
        }

        var isAnswering: Bool { observation != nil && unreachable == nil }
        var wasProbed: Bool { observation != nil || unreachable != nil }
    }

    struct Seal: Hashable, Sendable {
        var proof: SealProof
        var stamp: Stamp
        /// Probes in a row that contradict it.
        var contradictions = 0
    }

    struct Reply: Hashable, Sendable {
        var time: String?
        var changedAt: Instant
        var missingSince: Instant?
    }

    /// Attempts of one effect.
    struct Attempts: Hashable, Sendable {
        var count = 0
        var isInFlight = false
        var endedAt: Instant?
        var outcome: Outcome?
    }

    private(set) var nodes: [NodeID: Facts] = [:]
    private(set) var attempts: [Effect.ID: Attempts] = [:]
    /// Since when too few voters have been fresh for the primary to acknowledge.
    private(set) var quorumLostSince: Instant?
    /// When this process first saw the intent of this stamp.
    private(set) var intentSeen: [Stamp: Instant] = [:]
    /// When this process last began a failover that no crash confirmed.
    var unconfirmedFailoverAt: Instant?
    /// How often each node failed as a candidate since the cluster was last open.
    var failedCandidacies: [NodeID: Int] = [:]
    /// What the last step waited for.
    var waitingFor = ""

    subscript(_ id: NodeID) -> Facts { nodes[id] ?? Facts() }

    mutating func absorb(_ event: Event, cluster: Cluster, at now: Instant) {
        switch event {
        case .observed(let id, let observation): absorb(observation, of: id, cluster, at: now)
        case .unreachable(let id, let reason): absorb(reason, of: id, at: now)
        case .effectEnded(let id, let outcome): absorb(outcome, of: id, at: now)
        case .tick, .ordered: break
        }
        if let stamp = cluster.intent?.stamp, intentSeen[stamp] == nil {
            intentSeen = [stamp: now]
        }
    }

    mutating func noteQuorum(isLost: Bool, at now: Instant) {
        quorumLostSince = isLost ? quorumLostSince ?? now : nil
    }

    mutating func begin(_ effects: [Effect]) {
        for effect in effects {
            var entry = attempts[effect.id] ?? Attempts()
            entry.count += 1
            entry.isInFlight = true
            entry.outcome = nil
            attempts[effect.id] = entry
            nodes[effect.node, default: Facts()].begin(effect)
        }
    }

    /// Forgets attempts of steps that nothing refers to any more.
    mutating func forgetAttempts(except stamps: Set<Stamp>) {
        attempts = attempts.filter { $0.value.isInFlight || stamps.contains($0.key.stamp) }
    }

    private mutating func absorb(
        _ observation: NodeObservation, of id: NodeID, _ cluster: Cluster, at now: Instant
    ) {
        var facts = self[id]
        guard !facts.isOutdated(observation) else {
            nodes[id]?.outdatedAnswers += 1
            return
        }
        facts.isSettled = true
        // Shown again and again: another hand has put old files back, they are in force.
        if facts.outdatedAnswers > 0, facts.isBehind(observation) { facts.appliedStamp = nil }
        facts.outdatedAnswers = 0
        facts.unreachable = nil
        facts.unreachableSince = nil
        facts.failures = 0
        facts.startingSince = nil
        facts.administratorStopAt = nil
        facts.seal = facts.seal.flatMap { $0.confronted(with: observation) }
        facts.replies = Self.replies(facts.replies, observation.senders, at: now)
        let legal = Set(cluster.configs.map(cluster.standbyNames))
        let isTampered = observation.isOpen && !legal.contains(observation.standbyNames)
        facts.tamperedSightings = isTampered ? facts.tamperedSightings + 1 : 0
        if facts.observation?.postmasterStart != observation.postmasterStart {
            facts.runSeenAt = now
        }
        facts.openSince = observation.isOpen ? facts.openSince ?? now : nil
        facts.observation = observation
        facts.observedAt = now
        nodes[id] = facts
    }

    private mutating func absorb(_ reason: Unreachable, of id: NodeID, at now: Instant) {
        var facts = self[id]
        facts.openSince = nil
        facts.isSettled = true
        facts.unreachable = reason
        facts.unreachableSince = facts.unreachableSince ?? now
        facts.failures += 1
        switch reason {
        case .startingUp, .inRecoveryMode: facts.startingSince = facts.startingSince ?? now
        case .administratorStop, .shuttingDown:
            facts.administratorStopAt = facts.administratorStopAt ?? now
        default: facts.startingSince = nil
        }
        nodes[id] = facts
    }

    private mutating func absorb(_ outcome: Outcome, of id: Effect.ID, at now: Instant) {
        var entry = attempts[id] ?? Attempts()
        entry.isInFlight = false
        entry.endedAt = now
        entry.outcome = outcome
        attempts[id] = entry
        var facts = self[id.node]
        if id.isLook {
            if case .done(.inspected(let inspection)) = outcome {
                facts.inspection = inspection
                facts.inspectedAt = now
            }
        } else if !id.isQuestion {
            facts.isSettled = false
            facts.workEndedAt = now
            if case .done(let proof) = outcome { facts.absorb(proof, of: id) }
        }
        nodes[id.node] = facts
    }

    private static func replies(
        _ old: [String: Reply], _ senders: [NodeObservation.Sender], at now: Instant
    ) -> [String: Reply] {
        var new: [String: Reply] = [:]
        for sender in senders {
            let before = old[sender.applicationName]
            let isUnchanged = before != nil && before?.time == sender.replyTime
            new[sender.applicationName] = Reply(
                time: sender.replyTime,
                changedAt: isUnchanged ? before?.changedAt ?? now : now, missingSince: nil)
        }
        for (name, reply) in old where new[name] == nil {
            var missed = reply
            missed.missingSince = reply.missingSince ?? now
            new[name] = missed
        }
        return new
    }
}

extension Observed.Seal {
    /// The seal after one more probe; nil when it does not hold any more.
    ///
    /// A smaller stamp gets here only when old node files were put back. A receiver alone may have
    /// been sampled while it was going away: only the second one in a row counts.
    func confronted(with observation: NodeObservation) -> Observed.Seal? {
        guard let seen = observation.stamp, seen >= stamp else { return nil }
        if observation.isInRecovery == proof.isOutOfRecovery { return nil }
        if observation.postmasterStart != proof.postmasterStart { return nil }
        if observation.isInRecovery && observation.attachedAs != nil { return nil }
        var seal = self
        seal.contradictions = observation.receiver == nil ? 0 : contradictions + 1
        return seal.contradictions < 2 ? seal : nil
    }
}
