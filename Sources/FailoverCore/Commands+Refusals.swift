/// Why an emergency order, a pause or maintenance is refused.
extension Situation {
    var refusalOnOldCopy: Refusal? {
        cluster.rewoundSinceWallMs == nil
            ? nil
            : Refusal(
                "the order is not taken", because: "the store was rolled back: this is an old copy",
                next: "stop the scheduler, put the newest copy of the store back, start it again")
    }

    var refusalWhilePaused: Refusal? {
        cluster.pausedSinceWallMs == nil
            ? nil
            : Refusal(
                "the order is not taken", because: "the cluster is paused",
                next: "run `toolkit resume` first")
    }

    var refusalToPause: Refusal? {
        cluster.pausedSinceWallMs == nil
            ? nil
            : Refusal("cannot pause", because: "it is paused already", next: "nothing")
    }

    var refusalToResume: Refusal? {
        cluster.pausedSinceWallMs != nil
            ? nil : Refusal("cannot resume", because: "it is not paused", next: "nothing")
    }

    func refusal(ofFailover to: NodeID?) -> Refusal? {
        let what = "cannot fail over" + (to.map { " to \($0)" } ?? "")
        if let refusal = refusalWhilePrimaryIsWell(what) { return refusal }
        if let to, let refusal = refusal(ofCandidate: to, what) { return refusal }
        guard ![.sealing, .blocked].contains(cluster.phase) else { return nil }
        // Of a primary whose disk hangs, or that is locked, the voters hear.
        if primary != nil, !isTampered, !lacksProof, canSealQuorum { return nil }
        return reasonUnproven.map {
            Refusal(
                what, because: $0,
                next: "bring the missing nodes back; or accept a loss with --allow-data-loss")
        }
    }

    func refusal(ofLossTo to: NodeID) -> Refusal? {
        let what = "cannot fail over to \(to)"
        if let refusal = refusalWhilePrimaryIsWell(what) { return refusal }
        return refusal(ofCandidate: to, what)
    }

    private func refusalWhilePrimaryIsWell(_ what: String) -> Refusal? {
        switch cluster.phase {
        case .suspect, .sealing, .blocked: return nil
        case .initializing, .promoting: break
        case .opening:
            // An opening that goes well takes no second attempt.
            if let open = openIntent, primary != nil, attempts(open.id).count >= 2 { return nil }
        case .steady, .following, .switchover:
            if openPrimary == nil || facts(cluster.lastPrimary).isStallConfirmed { return nil }
        }
        if openPrimary != nil {
            return Refusal(
                what, because: "\(cluster.lastPrimary) is open and answers",
                next: "move it by plan: `toolkit switchover`")
        }
        return Refusal(
            what, because: "the cluster is busy (\(cluster.phase.rawValue))",
            next: "wait until `toolkit state` says suspect or blocked")
    }

    private func refusal(ofCandidate id: NodeID, _ what: String) -> Refusal? {
        guard let member = cluster[id], policy.node(id) != nil else {
            return Refusal(
                what, because: "it is no member of \(cluster.name)",
                next: "use one of \(Rulebook.names(cluster.members.map(\.id)))")
        }
        if id == cluster.lastPrimary {
            return Refusal(
                what, because: "it is the lost primary itself",
                next: "start it: it is opened again when nothing is missing")
        }
        if member.isLeftAlone {
            return Refusal(
                what, because: "it is in maintenance",
                next: "run `toolkit maintenance off \(id)` first")
        }
        if answer(id) == nil {
            return Refusal(what, because: "it \(silence(id))", next: "choose a node that answers")
        }
        return nil
    }

    func refusal(ofMaintenance id: NodeID) -> Refusal? {
        let what = "cannot put \(id) into maintenance"
        guard let member = cluster[id], policy.node(id) != nil else {
            return Refusal(
                what, because: "it is no member of \(cluster.name)",
                next: "use one of \(Rulebook.names(cluster.members.map(\.id)))")
        }
        guard member.maintenance == nil else {
            return Refusal(what, because: "it is in maintenance already", next: "nothing")
        }
        guard Rulebook.openPhases.contains(cluster.phase), cluster.intent == nil,
            openPrimary != nil
        else {
            return Refusal(
                what, because: "the cluster is busy (\(cluster.phase.rawValue))",
                next: "wait until `toolkit state` says steady")
        }
        if id == cluster.elect { return refusal(ofSwitchover: nil) }
        if isLastVoter(id), policy.alone == .block {
            return Refusal(
                what, because: "no other standby is counted: every commit would wait",
                next: "bring another standby back first, or write `synchronous.alone: allow`")
        }
        return nil
    }

    private func isLastVoter(_ id: NodeID) -> Bool {
        cluster.configs.contains { $0.voters == [id] }
    }

    func refusal(ofEndOfMaintenance id: NodeID) -> Refusal? {
        cluster[id]?.maintenance != nil
            ? nil
            : Refusal(
                "cannot end the maintenance of \(id)", because: "it is in none",
                next: "look at `toolkit state`")
    }
}
