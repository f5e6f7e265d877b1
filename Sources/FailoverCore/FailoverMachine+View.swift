extension FailoverMachine {
    /// The cluster as it is decided and as it was last seen.
    public func view(at now: Instant) -> ClusterView {
        let view = situation(at: now)
        let nodes = cluster.members.filter(view.isShown).map { node($0, view) }
        return ClusterView(
            name: cluster.name, phase: cluster.phase, term: cluster.term,
            revision: cluster.revision, primary: cluster.elect, lastPrimary: cluster.lastPrimary,
            configs: cluster.configs, floor: cluster.floor, timeline: cluster.tip.timeline,
            waitingFor: waitingFor, alarms: view.alarms,
            pausedSinceWallMs: cluster.pausedSinceWallMs, nodes: nodes,
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
            work: member.work.map { "\($0.kind.name): \($0.because)" },
            maintenance: member.maintenance,
            upstream: member.upstream.flatMap { $0 == cluster.lastPrimary ? nil : $0 })
    }
}

extension Situation {
    /// Everything is as it should be, with every node counted.
    var isHealthy: Bool {
        guard cluster.phase == .steady, openPrimary != nil, cluster.configs.count == 1,
            cluster.intent == nil, membersAtWork.allSatisfy({ policy.node($0.id) == nil }),
            alarms.isEmpty
        else { return false }
        let voters = policy.nodes.filter {
            $0.replicationQuorum && $0.id != cluster.elect && cluster[$0.id]?.maintenance == nil
        }
        let wanted = min(policy.numberSyncStandbys, voters.count)
        return cluster.configs[0].required == wanted
            && (wanted == 0 || voters.allSatisfy { isVoter($0.id) })
            && standbys.allSatisfy { policy.node($0.id) == nil || isFresh($0.id) }
    }

    /// A node that the file no longer names is shown while something still depends on it: the
    /// primary waits for it, or keeps WAL for its slot.
    func isShown(_ member: Member) -> Bool {
        if policy.node(member.id) != nil || isVoter(member.id) { return true }
        return openPrimary?.slots.contains { $0.name == member.id.slot } ?? true
    }

    var alarms: [String] {
        var alarms: [String] = []
        if cluster.quorumIsTampered {
            alarms.append("synchronous_standby_names were changed by another hand")
        }
        if cluster.rewoundSinceWallMs != nil {
            alarms.append("the store was rolled back: nothing is decided on this copy")
        }
        if cluster.pausedSinceWallMs != nil { alarms.append("paused by an operator") }
        if cluster.phase == .blocked { alarms.append("failover is blocked: \(reasonBlocked)") }
        if let elect = cluster.elect, facts(elect).stalledSince != nil {
            alarms.append("writes hang on \(elect) (\(facts(elect).stalledOn))")
        }
        for member in cluster.members {
            guard policy.node(member.id) != nil else {
                if isShown(member) {
                    alarms.append("\(member.id) is not in cluster.yaml any more: it is left alone")
                }
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
        guard member.id != cluster.lastPrimary, member.maintenance == nil else { return [] }
        let facts = facts(member.id)
        if hasDuplicate(member.id) {
            return ["two connections carry the name of \(member.id): one of them counts for it"]
        }
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
