/// What an operator asked for; `FailoverMachine.refusal` has said no to what can't be done.
extension Rulebook {
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
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                next.elect = nil
                next.phase = .switchover
                next.outageSinceWallMs = view.now.wallMs
                next.intent = view.intent(.switchover(from: from, to: to), stamp)
            }
            let stop = view.effect(.stopForSwitchover, on: from, stamp)
            return .act(
                because: "the operator moves the primary from \(from) to \(to)",
                cluster: cluster, effects: [stop])
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
