/// What an operator asked for; `FailoverMachine.refusal` has said no to what can't be done.
extension Rulebook {
    private static let emergencyPhases = everyPhase.subtracting([.initializing, .promoting])
    /// Nobody is open, and nobody is about to be.
    private static let unopenedPhases: Set<Phase> = [.sealing, .blocked, .promoting]

    static let orderRules: [Rule] = [
        Rule(
            "order.bootstrap", in: [.initializing], leadsTo: [.opening],
            "The first node was initialised, locked: elect and open it."
        ) { view in
            guard case .bootstrap(let first)? = view.order else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                next.elect = first
                next[first]?.attach = Member.Attach(number: 1, term: stamp.term)
                next.phase = .opening
                next.intent = view.intent(.open(.bootstrap), stamp)
            }
            let open = view.effect(.open(standbyNames: ""), on: first, stamp)
            return .act(because: "\(first) is the first node", cluster: cluster, effects: [open])
        },
        Rule(
            "order.switchover", in: openPhases, leadsTo: [.switchover],
            "Move the primary by plan: lock it and stop it cleanly first."
        ) { view in
            guard case .switchover(let wanted)? = view.order, let from = view.cluster.elect,
                let to = wanted ?? view.bestSuccessor, view.cluster.intent == nil
            else { return nil }
            return view.beginSwitchover(
                from, to, because: "the operator moves the primary from \(from) to \(to)"
            ) { _ in }
        },
        Rule(
            "order.failover", in: emergencyPhases, leadsTo: [.sealing],
            alters: .quorum,
            "Fail over now: mode, grace and hysteresis do not count, the proofs do."
        ) { view in
            guard case .failover(let to)? = view.order else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                let isProven = next.certificate?.term == view.cluster.term
                let isStalled = view.openPrimary != nil
                view.beginSealing(
                    &next, stamp, preferred: to,
                    need: isStalled ? FenceNeed(.stalled) : view.cluster.fenceNeed)
                if isProven { next.certificate?.term = stamp.term }
            }
            return .act(
                because: "the operator asks for a failover", cluster: cluster,
                effects: view.seals(stamp))
        },
        Rule(
            "order.accept_loss", in: emergencyPhases, leadsTo: [.sealing],
            alters: .quorum,
            "Open the named node with what it has: the operator accepts what it lacks."
        ) { view in
            guard case .failoverWithLoss(let to, let isDown)? = view.order else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(
                    &next, stamp, preferred: to,
                    need: FenceNeed(.acceptedLoss, isConfirmed: isDown))
                next.certificate = nil
                next.acceptedLoss = AcceptedLoss(candidate: to)
            }
            let said = isDown ? ", and says that \(cluster.lastPrimary) is down" : ""
            return .act(
                because: "the operator accepts whatever \(to) lacks" + said, cluster: cluster,
                effects: view.seals(stamp))
        },
        Rule(
            "order.maintenance", in: openPhases, leadsTo: [.switchover],
            alters: .asksForMaintenance,
            "Leave a node to the operator; a primary is moved away first."
        ) { view in
            guard case .maintenance(let id, let until)? = view.order, view.cluster.intent == nil
            else { return nil }
            let wanted = Member.Maintenance(untilWallMs: until, isEntered: false)
            if id == view.cluster.elect {
                guard let to = view.bestSuccessor else { return nil }
                return view.beginSwitchover(
                    id, to, because: "the operator wants \(id) for maintenance"
                ) { $0[id]?.maintenance = wanted }
            }
            let (cluster, _) = view.changed { next, _ in
                next[id]?.maintenance = wanted
                next[id]?.work = nil
            }
            return .act(
                because: "the operator wants \(id) for maintenance", cluster: cluster, effects: [])
        },
        Rule(
            "order.end_maintenance", in: everyPhase, alters: .endsMaintenance,
            "Bring a node back from maintenance."
        ) { view in
            guard case .endMaintenance(let id)? = view.order else { return nil }
            return view.endMaintenance(of: id, because: "the operator gives \(id) back")
        },
        Rule(
            "order.pause", in: everyPhase,
            "Do nothing on any node until the operator resumes."
        ) { view in
            guard view.order == .pause, view.cluster.pausedSinceWallMs == nil else { return nil }
            let (cluster, _) = view.changed { next, _ in
                next.pausedSinceWallMs = view.now.wallMs
            }
            return .act(because: "the operator pauses", cluster: cluster, effects: [])
        },
        Rule(
            "order.resume", in: everyPhase.subtracting(unopenedPhases),
            "Go on where it was."
        ) { view in
            guard view.order == .resume, view.cluster.pausedSinceWallMs != nil else { return nil }
            let (cluster, _) = view.changed { next, _ in next.pausedSinceWallMs = nil }
            return .act(because: "the operator resumes", cluster: cluster, effects: [])
        },
        Rule(
            "order.resume_failover", in: unopenedPhases, leadsTo: [.sealing], alters: .quorum,
            "Go on; what was proven before the pause is proven anew."
        ) { view in
            guard view.order == .resume, view.cluster.pausedSinceWallMs != nil else { return nil }
            let (cluster, _) = view.changed(raisingTerm: true) { next, stamp in
                next.pausedSinceWallMs = nil
                view.beginSealing(&next, stamp, preferred: nil)
                next.certificate = nil
            }
            return .act(because: "the operator resumes", cluster: cluster, effects: [])
        },
        Rule(
            "order.rejoin", in: openPhases, alters: .members,
            "Bring a node back now, whatever its last attempt said."
        ) { view in
            guard case .rejoin(let id)? = view.order, let member = view.cluster[id],
                id != view.cluster.elect, let elect = view.cluster.elect
            else { return nil }
            guard let plan = view.wayBack(member, isOrdered: true) else { return nil }
            return view.assign(plan, to: id, upstream: elect)
        },
    ]
}

extension Situation {
    func beginSwitchover(
        _ from: NodeID, _ to: NodeID, because: String, _ change: (inout Cluster) -> Void
    ) -> Verdict {
        let (next, stamp) = changed(raisingTerm: true) { next, stamp in
            next.elect = nil
            next.phase = .switchover
            next.outageSinceWallMs = now.wallMs
            next.intent = intent(.switchover(from: from, to: to), stamp)
            change(&next)
        }
        return .act(
            because: because, cluster: next, effects: [handOver(from: from, to: to, stamp)])
    }

    func endMaintenance(of id: NodeID, because: String) -> Verdict {
        let (next, _) = changed { next, _ in next[id]?.maintenance = nil }
        return .act(because: because, cluster: next, effects: [])
    }
}
