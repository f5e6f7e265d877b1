/// Assigned and reported state of each node. Assigned is a function of phase and role alone;
/// reported of what was last seen.
extension Situation {
    func assignedState(_ id: NodeID) -> NodeState {
        if id == cluster.lastPrimary { return primaryState }
        switch cluster.phase {
        case .initializing: return .initializing
        case .sealing, .blocked:
            return maintenanceState(id)
                ?? (id == fastForward?.candidate ? .fastForward : .reportLSN)
        case .promoting: return promotingState(id)
        case .steady, .suspect, .switchover, .opening, .following: return followerState(id)
        }
    }

    private var primaryState: NodeState {
        switch cluster.phase {
        case .initializing: return .initializing
        case .switchover: return .draining
        case .sealing, .blocked, .promoting: return isSwitchover ? .demoted : .demoteTimeout
        case .steady, .suspect, .opening, .following: break
        }
        if cluster.intent?.kind == .reconfigure { return .applySettings }
        guard cluster.configs.allSatisfy({ $0.sealsNeeded != nil }) else {
            return cluster.members.count == 1 ? .single : .waitPrimary
        }
        return .primary
    }

    private func maintenanceState(_ id: NodeID) -> NodeState? {
        cluster[id]?.maintenance.map { $0.isEntered ? .maintenance : .waitMaintenance }
    }

    private func promotingState(_ id: NodeID) -> NodeState {
        // Wanted for maintenance or not: they are needed.
        if id == promotion?.candidate { return .stopReplication }
        if let candidate = promotion?.candidate, let member = cluster[id],
            isPointed(member, at: candidate)
        {
            return .joinSecondary
        }
        if let state = maintenanceState(id) { return state }
        // A hand-over cuts nobody off.
        return cluster.fenceNeed?.reason == .quiesced ? followerState(id) : .reportLSN
    }

    private func followerState(_ id: NodeID) -> NodeState {
        guard let member = cluster[id] else { return .initializing }
        if let state = maintenanceState(id) { return state }
        switch member.work?.kind {
        case .fence: return .demoted
        case .seal: return .reportLSN
        case .follow, .start, .rejoin, .clone: return .catchingUp
        case nil: break
        }
        if member.attach.number == 0 { return .initializing }
        guard let upstream = member.upstream else { return .demoted }
        if upstream != cluster.lastPrimary, upstream != self.upstream(for: id) {
            return .catchingUp
        }
        let counts = policy.numberSyncStandbys > 0 && policy.node(id)?.replicationQuorum == true
        return counts && !isVoter(id) ? .catchingUp : .secondary
    }

    /// Nil: not seen since the start, or not to be understood.
    func reportedState(_ id: NodeID) -> NodeState? {
        let facts = facts(id)
        guard let seen = facts.observation, facts.unreachable == nil else {
            guard let inspection = facts.inspection, let at = facts.inspectedAt,
                at.since(facts.unreachableSince ?? at) >= 0, !inspection.isPostmasterRunning
            else { return nil }
            return inspection.dataDirectory == .present ? .demoted : .initializing
        }
        guard seen.isInRecovery else { return reportedPrimaryState(id, seen) }
        if id == promotion?.candidate { return .preparePromotion }
        guard seen.attachedAs != nil else { return .reportLSN }
        if promotion != nil, cluster[id]?.upstream == promotion?.candidate { return .joinSecondary }
        let counts = policy.numberSyncStandbys > 0 && policy.node(id)?.replicationQuorum == true
        return isFresh(id) && (isVoter(id) || !counts) ? .secondary : .catchingUp
    }

    private func reportedPrimaryState(_ id: NodeID, _ seen: Answer) -> NodeState {
        guard seen.isOpen else {
            if cluster.phase == .switchover, id == cluster.lastPrimary { return .draining }
            let isStray = cluster.elect != nil && id != cluster.elect
            return isStray ? .diverged : .stopReplication
        }
        if seen.standbyNames.isEmpty { return cluster.members.count == 1 ? .single : .waitPrimary }
        return cluster.intent?.kind == .reconfigure ? .applySettings : .primary
    }
}
