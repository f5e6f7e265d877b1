/// A planned move: the primary is stopped so that its last record is known, then the way of a
/// failover is taken, with the target preferred.
extension Rulebook {
    static let switchoverRules: [Rule] = [
        Rule(
            "switchover.stopped", in: [.switchover], leadsTo: [.sealing],
            "The old primary was shut down cleanly: whoever has its last record has everything."
        ) { view in
            guard let (from, to, handOver) = view.switchover,
                case .stopped(let proof)? = view.proof(handOver)
            else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                view.beginSealing(&next, stamp, preferred: to)
                // The record *starts* there: one byte more is the least that contains it.
                next.floor = max(next.floor, LSN(proof.checkpoint.position + 1))
                next.certificate = Certificate(
                    term: next.term,
                    positions: [Certificate.Position(node: from, lsn: proof.checkpoint)])
            }
            return .act(
                because: "\(from) is shut down, its last record starts at \(proof.checkpoint)",
                cluster: cluster, effects: view.seals(stamp))
        },
        Rule(
            "switchover.quiesced", in: [.switchover], leadsTo: [.promoting], alters: .members,
            "The old primary is locked and empty, and the target has its last record: promote it "
                + "while the old one is stopped. From here on there is no way back."
        ) { view in
            guard let (from, to, handOver) = view.switchover,
                case .quiesced(let proof)? = view.proof(handOver),
                proof.timeline == view.cluster.tip.timeline, view.answer(to) != nil
            else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                view.beginHandOver(&next, stamp, to: to, proof)
            }
            return .act(
                because: "\(from) is locked and its last record ends at \(proof.end), which \(to) "
                    + "has",
                cluster: cluster,
                effects: [view.promotion(of: to, stamp)] + view.memberEffects(of: cluster))
        },
        Rule(
            "switchover.undo", in: [.switchover], leadsTo: [.opening, .sealing],
            "The target is lost, or the old primary can't be stopped in time: open it again, or "
                + "let another follow it when it may not be."
        ) { view in
            guard let (from, to, handOver) = view.switchover,
                let seen = view.answer(from), !seen.isInRecovery, view.isOnTip(seen),
                !view.attempts(handOver.id).isInFlight
            else { return nil }
            let isTargetLost = view.answer(to) == nil
            let isLate =
                view.hasFailedToEmpty(handOver)
                || view.intentAgeMs >= view.timers.switchoverTimeout
            guard isTargetLost || isLate else { return nil }
            let why =
                isTargetLost
                ? "\(to) is lost"
                : "\(from) was not emptied or stopped in time" + view.lastFailure(handOver)
            if let verdict = view.openAgain(from, seen, because: why) { return verdict }
            if case .look = view.reopening(from, seen) {
                return .hold("a look at \(from) over SSH, to open it again")
            }
            guard isLate, case .refused(let refusal) = view.reopening(from, seen),
                !seen.isOpen, view.canSealQuorum
            else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(&next, stamp, preferred: to)
            }
            return .act(
                because: "\(why), and it can't be opened again: \(refusal)", cluster: cluster,
                effects: view.seals(stamp))
        },
        Rule(
            "switchover.primary_lost", in: [.switchover], leadsTo: [.sealing],
            "The old primary died before it was seen stopped: an ordinary failover."
        ) { view in
            guard let (from, to, handOver) = view.switchover,
                let since = view.facts(from).unreachableSince,
                view.now.since(since) >= view.patienceInSwitchover,
                !view.attempts(handOver.id).isInFlight, !view.lacksProof, !view.isTampered
            else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(&next, stamp, preferred: to)
            }
            return .act(
                because: "\(from) \(view.silence(from)) and was not seen stopped",
                cluster: cluster, effects: view.seals(stamp))
        },
        Rule(
            "switchover.stop", in: [.switchover],
            "Lock the old primary, and empty or stop it."
        ) { view in
            guard let (from, _, handOver) = view.switchover else { return nil }
            return view.mayBegin(handOver)
                ? .act(because: "\(from) still serves", cluster: nil, effects: [handOver])
                : .hold("\(from) to be locked and emptied or stopped")
        },
    ]
}

extension Situation {
    var switchover: (from: NodeID, to: NodeID, handOver: Effect)? {
        guard let intent = cluster.intent, case .switchover(let from, let to) = intent.kind else {
            return nil
        }
        return (from, to, handOver(from: from, to: to, intent.stamp))
    }

    func handOver(from: NodeID, to: NodeID, _ stamp: Stamp) -> Effect {
        switch policy.handOver {
        case .quiesce: effect(.quiesce(target: cluster.applicationName(to)), on: from, stamp)
        case .stop: effect(.stopForSwitchover, on: from, stamp)
        }
    }

    /// Locked, it serves nobody: another attempt costs more than the switchover is worth.
    func hasFailedToEmpty(_ handOver: Effect) -> Bool {
        guard policy.handOver == .quiesce else { return false }
        let tries = attempts(handOver.id)
        switch tries.outcome {
        case .failed?, .unknown?: return true
        case .done?, .tryAgain?, .stale?, nil: return tries.count >= 2
        }
    }

    /// A server that is being stopped is silent for a while; one that is only emptied is not.
    var patienceInSwitchover: Int64 {
        policy.handOver == .stop ? timers.switchoverTimeout / 4 : timers.confirm
    }

    /// The point of no return of a hand-over: the old primary, locked and without a session, is
    /// itself the certificate. The target streams from it until it is promoted; so do the others,
    /// which may be ahead: they count only when they are seen on the new timeline.
    func beginHandOver(
        _ next: inout Cluster, _ stamp: Stamp, to candidate: NodeID, _ proof: QuiesceProof
    ) {
        let from = next.lastPrimary
        next.phase = .promoting
        next.intent = intent(.promote(candidate: candidate), stamp)
        next.floor = max(next.floor, proof.end)
        next.certificate = Certificate(
            term: next.term, positions: [Certificate.Position(node: from, lsn: proof.end)])
        next.fenceNeed = FenceNeed(.quiesced)
        for index in next.members.indices { next.members[index].work = nil }
        fence(&next, from, stamp, because: "it is locked and empty, and has a successor")
        next[from]?.quiescedAt = proof.end
        for member in standbys where member.id != candidate {
            guard let seen = settledAnswer(member.id), seen.isInRecovery,
                seen.attachedAs == cluster.applicationName(member.id),
                member.upstream == from, seen.history == cluster.tip.history
            else { continue }
            point(&next, member.id, at: candidate, stamp, because: "the primary moves")
        }
    }

    /// The secondary that a switchover without `--to` chooses: priority, then the most WAL.
    var bestSuccessor: NodeID? {
        let ready = standbys.filter { refusalAsSuccessor($0.id) == nil }
        return ready.max { left, right in
            let (one, other) = (rank(left.id), rank(right.id))
            return one == other ? left.id > right.id : one < other
        }?.id
    }

    private func rank(_ id: NodeID) -> (Int, LSN) {
        (policy.node(id)?.priority ?? 0, answer(id)?.position ?? .zero)
    }

    /// Why this node can't be the target of a switchover now.
    func refusalAsSuccessor(_ id: NodeID) -> String? {
        guard let node = policy.node(id), cluster[id] != nil else { return "it is no member" }
        if id == cluster.elect { return "it is the primary" }
        if node.priority == 0 { return "its priority is 0: it is never promoted" }
        guard let seen = answer(id) else { return "it \(silence(id))" }
        if seen.isReplayPaused { return "its replay is paused" }
        if cluster[id]?.maintenance != nil { return "it is in maintenance" }
        if !isVoter(id), !isAsynchronous { return "it is no voter of the quorum" }
        if !isFresh(id) { return "it does not stream from the primary" }
        if let work = cluster[id]?.work {
            return "its \(work.kind.name) is under way (\(work.because))"
        }
        if isAsynchronous, (cluster[id]?.attach.term).map({ $0 < cluster.tip.term }) ?? true {
            return "it was not attached to this timeline by the cluster"
        }
        return nil
    }
}
