extension FailoverMachine {
    /// The cluster as it is decided and as it was last seen.
    public func view(at now: Instant) -> ClusterView {
        let view = situation(at: now)
        let nodes = cluster.members.map { node($0, view) }
        return ClusterView(
            name: cluster.name, phase: cluster.phase, term: cluster.term,
            revision: cluster.revision, primary: cluster.elect, configs: cluster.configs,
            floor: cluster.floor, timeline: cluster.tip.timeline,
            waitingFor: observed.waitingFor, alarms: view.alarms, nodes: nodes,
            isHealthy: view.isHealthy)
    }

    private func node(_ member: Member, _ view: Situation) -> ClusterView.Node {
        let facts = view.facts(member.id)
        let lag: UInt64? = view.openPrimary.flatMap { primary in
            guard let seen = facts.observation, facts.isAnswering, member.id != cluster.elect else {
                return nil
            }
            let end = primary.position.position
            return end > seen.position.position ? end - seen.position.position : 0
        }
        return ClusterView.Node(
            id: member.id, assigned: view.assignedState(member.id),
            reported: view.reportedState(member.id), unreachable: facts.unreachable,
            seenAgoMs: facts.observedAt.map { view.now.since($0) },
            timeline: facts.observation?.timeline, position: facts.observation?.position,
            lagBytes: lag, isVoter: view.isVoter(member.id),
            priority: policy.node(member.id)?.priority ?? 0,
            work: member.work.map { "\($0.kind.name): \($0.because)" })
    }

    /// Why an operator's command is refused; nil when `step(.ordered(command))` acts on it.
    public func refusal(of command: OperatorCommand, at now: Instant) -> Refusal? {
        let view = situation(at: now)
        switch command {
        case .bootstrap(let first): return view.refusal(ofBootstrap: first)
        case .switchover(let to): return view.refusal(ofSwitchover: to)
        case .rejoin(let id): return view.refusal(ofRejoin: id)
        }
    }

    /// What a switchover would do, step by step; nil when it would be refused.
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
            let from = cluster.lastPrimary
            guard let to = wanted ?? view.bestSuccessor else { return nil }
            let others = cluster.members.map(\.id).filter { $0 != from && $0 != to }
            return [
                "lock \(from): no new commit is acknowledged",
                "stop \(from) cleanly; its shutdown record is its last",
                "cut off \(Rulebook.names([to] + others)) and read their positions",
                "promote \(to), locked",
            ] + others.map { "point \($0) at \(to)" } + [
                "open \(to)", "start \(from) as a standby of \(to)",
            ]
        }
    }
}

extension Situation {
    /// Everything is as it should be, with every node counted.
    var isHealthy: Bool {
        guard cluster.phase == .steady, openPrimary != nil, cluster.configs.count == 1,
            cluster.intent == nil, alarms.isEmpty
        else { return false }
        let voters = policy.nodes.filter { $0.replicationQuorum && $0.id != cluster.elect }
        let wanted = min(policy.numberSyncStandbys, voters.count)
        return cluster.configs[0].required == wanted
            && (wanted == 0 || voters.allSatisfy { isVoter($0.id) })
            && standbys.allSatisfy { isFresh($0.id) }
    }

    var alarms: [String] {
        var alarms: [String] = []
        if cluster.quorumIsTampered {
            alarms.append("synchronous_standby_names were changed by another hand")
        }
        if cluster.phase == .blocked { alarms.append("failover is blocked: \(reasonBlocked)") }
        for member in cluster.members {
            guard policy.node(member.id) != nil else {
                alarms.append("\(member.id) is not in cluster.yaml any more: it is left alone")
                continue
            }
            let facts = facts(member.id)
            if let seen = facts.observation, facts.isAnswering, !isOurs(seen) {
                alarms.append("\(member.id) is another database system: it is left alone")
            }
            alarms += standbyAlarms(member)
        }
        if cluster.elect != nil, cluster.configs.last == .waiting {
            alarms.append("commits wait: no standby is counted, and synchronous.alone is block")
        } else if cluster.elect != nil, cluster.configs.contains(where: { $0.required == 0 }),
            policy.numberSyncStandbys > 0
        {
            alarms.append("commits are in one place only: no standby is counted")
        }
        return alarms
    }

    private func standbyAlarms(_ member: Member) -> [String] {
        guard member.id != cluster.lastPrimary else { return [] }
        let facts = facts(member.id)
        if let reason = facts.unreachable, member.work == nil {
            return ["\(member.id) does not answer (\(reason.rawValue))"]
        }
        if let work = member.work, let effect = effect(of: work, member.id, in: cluster),
            case .failed(let why)? = attempts(effect.id).outcome
        {
            return ["\(work.kind.name) of \(member.id) failed: \(why)"]
        }
        // Its disk is full, its slot is gone, or the line between the two is cut.
        if let elect = cluster.elect, Rulebook.openPhases.contains(cluster.phase),
            member.work == nil, facts.isAnswering, !isVoter(member.id), !isFresh(member.id)
        {
            return ["\(member.id) answers, but receives nothing from \(elect)"]
        }
        return []
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

extension NodeWork.Kind {
    /// The word in events and tables.
    public var name: String {
        switch self {
        case .seal: "cut off"
        case .fence: "fence"
        case .follow: "follow"
        case .start: "start"
        case .rejoin(.start): "rejoin"
        case .rejoin(.rewind): "rewind"
        case .clone: "clone"
        }
    }
}
