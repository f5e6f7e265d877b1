/// A candidate that lacks a little fetches it from a peer before it is promoted. Both are cut off
/// from the old primary: whatever the candidate gets was there when the positions were read.
struct FastForward: Hashable {
    var candidate: NodeID
    var source: NodeID
    var target: LSN
    var effect: Effect
}

struct FastForwardChoice: Hashable {
    var candidate: NodeID
    var source: NodeID
    var target: LSN
    var floor: LSN
    var sealed: [Certificate.Position]
    var because: String
}

extension Situation {
    /// The one under way.
    var fastForward: FastForward? {
        guard let intent = cluster.intent,
            case .fastForward(let candidate, let source, let target) = intent.kind,
            let effect = fastForwardEffect(of: cluster, intent.stamp)
        else { return nil }
        return FastForward(
            candidate: candidate, source: source, target: target, effect: effect)
    }

    func fastForwardEffect(of next: Cluster, _ stamp: Stamp) -> Effect? {
        guard case .fastForward(let candidate, let source, let target)? = next.intent?.kind else {
            return nil
        }
        let attachment = Effect.Attachment(
            upstream: source, applicationName: next.applicationName(candidate),
            slot: candidate.slot)
        return effect(.fastForward(attachment, to: target), on: candidate, stamp)
    }

    /// How it ended, if it did.
    func ending(of work: FastForward) -> (isDone: Bool, because: String)? {
        if proof(work.effect) != nil {
            return (true, "\(work.candidate) has everything up to \(work.target)")
        }
        if let because = whyNotToWait(for: work) { return (false, because) }
        if attempts(work.effect.id).isInFlight, intentAgeMs < 2 * timers.fastForwardTimeout {
            return nil
        }
        if answer(work.candidate) == nil { return (false, "\(work.candidate) is lost") }
        if answer(work.source) == nil { return (false, "its source \(work.source) is lost") }
        guard intentAgeMs >= timers.fastForwardTimeout else { return nil }
        return (
            false,
            "\(work.candidate) did not reach \(work.target) within \(timers.fastForwardTimeout) ms"
                + lastFailure(work.effect)
        )
    }

    /// Everybody waits for this fetch while another node is ready: not for one that can't be seen to
    /// get there in time.
    private func whyNotToWait(for work: FastForward) -> String? {
        guard let other = choice?.candidate, other != work.candidate else { return nil }
        let facts = facts(work.candidate)
        if facts.failures >= timers.reconnectAttempts {
            return "\(work.candidate) \(silence(work.candidate)), and \(other) is ready"
        }
        guard let start = observed.fetchSeen, start.stamp == cluster.intent?.stamp,
            let seen = facts.answer, let at = facts.observedAt
        else { return nil }
        let elapsed = at.since(start.at)
        let left = timers.fastForwardTimeout - intentAgeMs
        // Two probes at least, and a fifth of the time that it may take.
        guard elapsed >= timers.fastForwardTimeout / 5, left >= 0, seen.position < work.target
        else { return nil }
        let gained =
            seen.position > start.position ? seen.position.position - start.position.position : 0
        let lacking = work.target.position - seen.position.position
        guard gained * UInt64(left) < lacking * UInt64(elapsed) else { return nil }
        return "\(work.candidate) got \(gained) bytes in \(elapsed) ms and lacks \(lacking); "
            + "\(other) is ready"
    }

    /// A node that is preferred by a switchover or by its priority, or the only electable one, and
    /// is behind a peer by no more than the policy allows.
    var fastForwardChoice: FastForwardChoice? {
        let sealed = sealedPositions
        guard cluster.acceptedLoss == nil, let floor = floorToPromote(sealed),
            let source = mostAdvanced(of: sealed), let end = sealed[source]
        else { return nil }
        let able = choice?.candidate
        // Who lacks much, or has had its turn, is not worth the wait of somebody who is able.
        let behind = sealed.filter { id, position in
            guard position < end, isElectable(id), mayFetch(id, again: able == nil) else {
                return false
            }
            return able == nil || end.position - position.position <= policy.fastForwardBytesMax
        }
        func rank(_ id: NodeID) -> (Int, Int, Int, LSN) {
            (
                -(observed.failedCandidacies[id] ?? 0), id == preferred ? 1 : 0,
                policy.node(id)?.priority ?? 0, sealed[id] ?? .zero
            )
        }
        guard let best = behind.keys.sorted().max(by: { rank($0) < rank($1) }),
            let position = behind[best]
        else { return nil }
        if let able {
            let (one, other) = (rank(best), rank(able))
            guard able == best || (one.0, one.1, one.2) > (other.0, other.1, other.2) else {
                return nil
            }
        }
        let positions = Self.sorted(sealed)
        return FastForwardChoice(
            candidate: best, source: source, target: end, floor: max(floor, cluster.floor),
            sealed: positions,
            because: "\(best) is preferred; at \(position) it lacks what \(source) has up to "
                + "\(end) (cut off: \(Self.listed(positions)))")
    }

    /// The source must be in recovery on the newest timeline itself: a node that left recovery
    /// streams to nobody that may be promoted.
    private func mostAdvanced(of sealed: [NodeID: LSN]) -> NodeID? {
        sealed.keys.sorted().filter { id in
            guard let proof = facts(id).seal?.proof, answer(id) != nil else { return false }
            return !proof.isOutOfRecovery && proof.history == cluster.tip.history
        }.max { (sealed[$0] ?? .zero) < (sealed[$1] ?? .zero) }
    }

    /// Passes the rejoin test, so that nothing but a prefix of the source's WAL is in it. Each turn
    /// brings it further: with nobody else to go on, it has another one after a pause.
    private func mayFetch(_ id: NodeID, again: Bool) -> Bool {
        guard let proof = facts(id).seal?.proof, !proof.isOutOfRecovery else { return false }
        if let turns = observed.fetches[id] {
            guard again, intentAgeMs >= min(250 << Int64(min(turns, 6)), 10_000) else {
                return false
            }
        }
        return election.refusesToFollow(id, proof) == nil
    }

    /// Floor and certificate come first: should the source be lost, any sealed node at the floor
    /// will do.
    func beginFastForward(_ next: inout Cluster, _ stamp: Stamp, _ wanted: FastForwardChoice) {
        next.floor = wanted.floor
        if !isAsynchronous {
            let stopped =
                cluster.certificate?.positions.filter { $0.node == cluster.lastPrimary } ?? []
            next.certificate = Certificate(
                term: next.term,
                positions: (wanted.sealed + stopped).sorted { $0.node < $1.node })
        }
        next.intent = intent(
            .fastForward(candidate: wanted.candidate, source: wanted.source, to: wanted.target),
            stamp)
        point(&next, wanted.candidate, at: wanted.source, stamp, because: "")
        next[wanted.candidate]?.work = nil
    }
}
