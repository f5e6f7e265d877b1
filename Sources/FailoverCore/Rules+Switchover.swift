/// A planned move: the primary is stopped so that its last record is known, then the way of a
/// failover is taken, with the target preferred.
extension Rulebook {
    static let switchoverRules: [Rule] = [
        Rule(
            "switchover.stopped", in: [.switchover], leadsTo: [.sealing],
            "The old primary was shut down cleanly: whoever has its last record has everything."
        ) { view in
            guard let (from, to, stop) = view.switchover,
                case .stopped(let proof)? = view.proof(stop)
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
            "switchover.undo", in: [.switchover], leadsTo: [.opening, .sealing],
            "The target is lost, or the old primary can't be stopped in time: open it again, or "
                + "let another follow it when it may not be."
        ) { view in
            guard let (from, to, stop) = view.switchover,
                let seen = view.answer(from), !seen.isInRecovery, view.isOnTip(seen),
                !view.attempts(stop.id).isInFlight
            else { return nil }
            let isLate = view.intentAgeMs >= view.timers.switchoverTimeout
            guard isLate || view.answer(to) == nil else { return nil }
            let why = isLate ? "\(from) was not stopped in time" : "\(to) is lost"
            if let verdict = view.openAgain(from, seen, because: why) { return verdict }
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
            guard let (from, to, stop) = view.switchover,
                let since = view.facts(from).unreachableSince,
                view.now.since(since) >= view.timers.switchoverTimeout / 4,
                !view.attempts(stop.id).isInFlight,
                !view.cluster.configs.contains(where: { $0.sealsNeeded == nil })
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
            "Lock and stop the old primary."
        ) { view in
            guard let (from, _, stop) = view.switchover else { return nil }
            return view.mayBegin(stop)
                ? .act(because: "\(from) is not stopped yet", cluster: nil, effects: [stop])
                : .hold("\(from) to be shut down cleanly")
        },
    ]
}

extension Situation {
    var switchover: (from: NodeID, to: NodeID, stop: Effect)? {
        guard let intent = cluster.intent, case .switchover(let from, let to) = intent.kind else {
            return nil
        }
        return (from, to, effect(.stopForSwitchover, on: from, intent.stamp))
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
        if !isVoter(id) { return "it is no voter of the quorum" }
        if !isFresh(id) { return "it does not stream from the primary" }
        return nil
    }
}
