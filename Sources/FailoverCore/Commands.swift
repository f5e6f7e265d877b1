/// What an operator may ask for, why it is refused, and what it would do.
extension FailoverMachine {
    /// Why an operator's command is refused; nil when `step(.ordered(command))` acts on it.
    public func refusal(of command: OperatorCommand, at now: Instant) -> Refusal? {
        let view = situation(at: now)
        if let refusal = view.refusalOnOldCopy { return refusal }
        if command != .resume, command != .pause, let refusal = view.refusalWhilePaused {
            return refusal
        }
        switch command {
        case .bootstrap(let first): return view.refusal(ofBootstrap: first)
        case .switchover(let to): return view.refusal(ofSwitchover: to)
        case .rejoin(let id): return view.refusal(ofRejoin: id)
        case .failover(let to): return view.refusal(ofFailover: to)
        case .failoverWithLoss(let to, _): return view.refusal(ofLossTo: to)
        case .maintenance(let id, _): return view.refusal(ofMaintenance: id)
        case .endMaintenance(let id): return view.refusal(ofEndOfMaintenance: id)
        case .pause: return view.refusalToPause
        case .resume: return view.refusalToResume
        }
    }

    /// What a command would do, step by step; nil when it would be refused.
    public func plan(of command: OperatorCommand, at now: Instant) -> [String]? {
        guard refusal(of: command, at: now) == nil else { return nil }
        let view = situation(at: now)
        switch command {
        case .bootstrap(let first): return ["open \(first)"]
        case .rejoin(let id):
            guard let member = cluster[id], let plan = view.wayBack(member, isOrdered: true) else {
                return []
            }
            return ["\(plan.kind.name) \(id): \(plan.because)"]
        case .switchover(let wanted):
            return (wanted ?? view.bestSuccessor).map(view.plan(ofMoveTo:))
        case .failover, .failoverWithLoss: return view.plan(of: command)
        case .maintenance(let id, _):
            guard id == cluster.elect else {
                return ["take \(id) out of the quorum, cut it off and leave it alone"]
            }
            return view.bestSuccessor.map {
                view.plan(ofMoveTo: $0).dropLast() + ["leave \(id) alone"]
            }
        case .endMaintenance(let id): return ["bring \(id) back, by what its WAL demands"]
        case .pause: return ["do nothing on any node until `resume`"]
        case .resume: return ["go on where it was; what is not opened yet is proven anew"]
        }
    }
}

extension Situation {
    /// The steps of a planned move to `to`.
    func plan(ofMoveTo to: NodeID) -> [String] {
        let from = cluster.lastPrimary
        let others = standbys.map(\.id).filter { $0 != to }
        let pointed = others.map { "point \($0) at \(to)" }
        switch policy.handOver {
        case .quiesce:
            return [
                "lock \(from): no new commit is acknowledged",
                "end the sessions of its clients and write a last record",
                "promote \(to) when it has that record; stop \(from) beside it",
            ] + pointed + ["open \(to)", "start \(from) as a standby of \(to)"]
        case .stop:
            return [
                "lock \(from): no new commit is acknowledged",
                "stop \(from) cleanly; its shutdown record is its last",
                "cut off \(Rulebook.names([to] + others)) and read their positions",
                "promote \(to), locked",
            ] + pointed + ["open \(to)", "start \(from) as a standby of \(to)"]
        }
    }

    /// The steps of a failover that an operator asks for.
    func plan(of command: OperatorCommand) -> [String] {
        let lost = cluster.lastPrimary
        let cutOff = "cut off \(Rulebook.names(standbys.map(\.id))) and read their positions"
        guard case .failoverWithLoss(let to, let isDown) = command else {
            return [
                cutOff, "promote the best of them, open it", "bring \(lost) back when it answers",
            ]
        }
        let lag = facts(lost).observation.flatMap { last in
            answer(to).map { last.position.position &- $0.position.position }
        }
        let behind = lag.map { "at least \($0) bytes of WAL behind what was seen of \(lost)" }
        return [
            cutOff,
            isDown ? "take \(lost) for stopped: you say so" : "stop \(lost), and see it stopped",
            "open \(to) with what it has (\(behind ?? "\(lost) was not seen: what is lost is unknown"))",
        ]
    }

    func refusal(ofBootstrap first: NodeID) -> Refusal? {
        if cluster.phase != .initializing {
            return Refusal(
                "cannot open \(first) as the first node", because: "the cluster has one already",
                next: "look at `toolkit state`")
        }
        return cluster.lastPrimary == first
            ? nil
            : Refusal(
                "cannot open \(first) as the first node",
                because: "\(cluster.lastPrimary) was initialised first",
                next: "open \(cluster.lastPrimary)")
    }

    func refusal(ofSwitchover to: NodeID?) -> Refusal? {
        let what = "cannot switch over" + (to.map { " to \($0)" } ?? "")
        guard Rulebook.openPhases.contains(cluster.phase), cluster.intent == nil,
            openPrimary != nil
        else {
            return Refusal(
                what, because: "the cluster is busy (\(cluster.phase.rawValue))",
                next: "wait until `toolkit state` says steady")
        }
        if cluster.configs.count > 1 {
            return Refusal(
                what, because: "the quorum is being changed",
                next: "wait until `toolkit state` says steady")
        }
        if isTampered {
            return Refusal(
                what, because: "synchronous_standby_names were changed by another hand",
                next: "find out by whom; wait until the alarm is gone")
        }
        if let to {
            return refusalAsSuccessor(to).map {
                Refusal(what, because: $0, next: "choose another node with --to")
            }
        }
        if bestSuccessor != nil { return nil }
        let reasons = standbys.map { "\($0.id): \(refusalAsSuccessor($0.id) ?? "able")" }
        return Refusal(
            what, because: "no node can take over (\(reasons.joined(separator: "; ")))",
            next: "bring one back; `toolkit state` says what is missing")
    }

    func refusal(ofRejoin id: NodeID) -> Refusal? {
        let what = "cannot rejoin \(id)"
        if cluster[id]?.maintenance != nil {
            return Refusal(
                what, because: "it is in maintenance", next: "run `toolkit maintenance off \(id)`")
        }
        guard let member = cluster[id] else {
            return Refusal(
                what, because: "it is no member of \(cluster.name)",
                next: "use one of \(Rulebook.names(cluster.members.map(\.id)))")
        }
        if id == cluster.elect {
            return Refusal(what, because: "it is the primary", next: "nothing: it is in place")
        }
        guard Rulebook.openPhases.contains(cluster.phase), openPrimary != nil else {
            return Refusal(
                what, because: "there is no open primary (\(cluster.phase.rawValue))",
                next: "wait until `toolkit state` shows one")
        }
        if isFresh(id), member.work == nil {
            return Refusal(
                what, because: "it streams from \(cluster.lastPrimary) already",
                next: "nothing: it is in place")
        }
        if let work = member.work {
            return Refusal(
                what, because: "its \(work.kind.name) is under way (\(work.because))",
                next: "follow it with `toolkit state --watch`")
        }
        guard wayBack(member, isOrdered: true) != nil else {
            return Refusal(
                what,
                because: "it could be looked at neither by SQL nor over SSH, or it is "
                    + "still counted as a voter",
                next: "look at `toolkit check`, then try again")
        }
        return nil
    }
}
