/// How one node's facts change with what is told about it.
extension Observed.Facts {
    mutating func absorb(_ observation: NodeObservation, legal: [String], at now: Instant) {
        guard !isOutdated(observation) else {
            outdatedAnswers += 1
            return
        }
        isSettled = true
        // Shown again and again: another hand has put old files back, they are in force.
        if outdatedAnswers > 0, isBehind(observation) { appliedStamp = nil }
        outdatedAnswers = 0
        unreachable = nil
        unreachableSince = nil
        failures = 0
        startingSince = nil
        administratorStopAt = nil
        if let held = seal {
            seal = held.value.confronted(with: observation).map { Shared($0) }
        }
        absorb(observation.senders, at: now)
        if observation.isOpen { showsForeignNames = !legal.contains(observation.standbyNames) }
        if self.observation?.postmasterStart != observation.postmasterStart {
            runSeenAt = now
            stalledSince = nil
        }
        openSince = observation.isOpen ? openSince ?? now : nil
        if observation.isOpen { openRun = observation.postmasterStart }
        if self.observation?.isEqual(to: observation) != true {
            self.observation = Answer(observation)
        }
        observedAt = now
    }

    mutating func absorb(_ reason: Unreachable, at now: Instant) {
        openSince = nil
        isStallConfirmed = false
        isSettled = true
        unreachable = reason
        unreachableSince = unreachableSince ?? now
        failures += 1
        switch reason {
        case .startingUp, .inRecoveryMode: startingSince = startingSince ?? now
        case .administratorStop, .shuttingDown: administratorStopAt = administratorStopAt ?? now
        default: startingSince = nil
        }
    }

    mutating func absorb(_ canary: Canary, at now: Instant) {
        switch canary {
        case .written: stalledSince = nil
        case .stalled(let wait):
            stalledSince = stalledSince ?? now
            isStallConfirmed = true
            stalledOn = wait
        }
    }

    mutating func absorb(
        _ outcome: Outcome, of id: Effect.ID, begunAt: Instant, at now: Instant
    ) {
        if id.isLook {
            if case .done(.inspected(let inspection)) = outcome {
                self.inspection = Shared(inspection)
                inspectedAt = begunAt
                hasRefused = false
            }
        } else if !id.isQuestion {
            isSettled = false
            workEndedAt = now
            if case .stale = outcome { hasRefused = true }
            if case .done(let proof) = outcome { absorb(proof, of: id) }
        }
    }

    private mutating func absorb(_ senders: [NodeObservation.Sender], at now: Instant) {
        let isUnchanged =
            replies.count == senders.count
            && replies.indices.allSatisfy {
                replies[$0].name == senders[$0].applicationName
                    && replies[$0].time == senders[$0].replyTime && replies[$0].missingSince == nil
            }
        if isUnchanged { return }
        let old = replies
        replies = []
        for sender in senders {
            let before = old.first { $0.name == sender.applicationName }
            let changedAt = before.flatMap { $0.time == sender.replyTime ? $0.changedAt : nil }
            replies.removeAll { $0.name == sender.applicationName }
            replies.append(
                Observed.Reply(
                    name: sender.applicationName, time: sender.replyTime,
                    changedAt: changedAt ?? now, missingSince: nil))
        }
        for var missed in old where !replies.contains(where: { $0.name == missed.name }) {
            missed.missingSince = missed.missingSince ?? now
            replies.append(missed)
        }
    }

    /// A probe that was sampled before the last work ended, and came after it. When the node
    /// goes on to show the smaller stamp, another hand has put old files back.
    func isOutdated(_ observation: NodeObservation) -> Bool {
        outdatedAnswers < 2 && isBehind(observation)
    }

    func isBehind(_ observation: NodeObservation) -> Bool {
        guard let appliedStamp else { return false }
        return observation.stamp.map { $0 < appliedStamp } ?? true
    }

    private mutating func absorb(_ proof: Proof, of id: Effect.ID) {
        switch proof {
        case .sealed(let sealProof):
            guard unsealingStamp.map({ $0 <= id.stamp }) ?? true else { return }
            seal = Shared(Observed.Seal(proof: sealProof, stamp: id.stamp))
            raiseAppliedStamp(to: id.stamp)
        case .promoted, .opened, .rejoined, .quiesced: raiseAppliedStamp(to: id.stamp)
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
}

extension [Observed.Reply] {
    /// Since when nothing new was heard of this standby; nil when it was never heard of.
    func silentSince(_ name: String) -> Instant? {
        firstIndex { $0.name == name }.map { self[$0].missingSince ?? self[$0].changedAt }
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
