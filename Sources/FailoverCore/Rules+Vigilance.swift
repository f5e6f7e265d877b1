/// What must not be overlooked in any phase.
extension Rulebook {
    static let vigilanceRules: [Rule] = [
        Rule(
            "vigilance.store_rewound", in: everyPhase,
            "A node has accepted a higher stamp than the store knows: the store is an old copy."
        ) { view in
            #if TOOLKIT_MUTANTS
                if view.policy.mutant == .missesRewoundStore { return nil }
            #endif
            if view.cluster.rewoundSinceWallMs != nil {
                return .hold("the newest copy of the store: this one was rolled back")
            }
            let known = Stamp(term: view.cluster.term, step: view.cluster.revision)
            for index in view.ids.indices {
                let facts = view.facts(at: index)
                // Term 0 is a deployment's, before the cluster's life.
                if let higher = facts.highestStamp, higher > known, higher.term > Term(0) {
                    let (cluster, _) = view.changed { next, _ in
                        next.rewoundSinceWallMs = view.now.wallMs
                    }
                    return .act(
                        because: "\(view.ids[index]) has accepted stamp \(higher), the store knows "
                            + "only \(known): the store was rolled back; nothing is decided on it",
                        cluster: cluster, effects: [])
                }
            }
            return nil
        },
        Rule(
            "vigilance.strayed", in: everyPhase, alters: .members,
            "A node that is left alone was seen out of recovery: what it writes then is its own, "
                + "though its timeline is the cluster's. It comes back only with new data."
        ) { view in
            #if TOOLKIT_MUTANTS
                if view.policy.mutant == .forgetsStrays { return nil }
            #endif
            if view.membersLeftAlone.isEmpty { return nil }
            let stray = view.membersLeftAlone.first { member in
                guard member.attach.term != nil, member.id != view.cluster.lastPrimary,
                    member.id != view.promotion?.candidate,
                    let seen = view.settledAnswer(member.id)
                else { return false }
                return view.isOurs(seen) && !seen.isInRecovery
            }
            guard let id = stray?.id else { return nil }
            let (cluster, _) = view.changed { next, _ in next[id]?.attach.term = nil }
            return .act(
                because: "\(id) is out of recovery", cluster: cluster, effects: [])
        },
        Rule(
            "vigilance.paused", in: everyPhase,
            "An operator paused the cluster: nothing is done on any node."
        ) { view in
            guard view.cluster.pausedSinceWallMs != nil, view.order != .resume else { return nil }
            return .hold("an operator to resume")
        },
        Rule(
            "vigilance.first_look", in: everyPhase,
            "After a start every node is asked once before anything is decided."
        ) { view in
            if view.ids.indices.allSatisfy({ view.facts(at: $0).wasProbed }) { return nil }
            let unasked = view.policy.nodes.filter { !view.facts($0.id).wasProbed }
            if unasked.isEmpty { return nil }
            return .hold(
                "the first answer of \(names(unasked.map(\.id))) after the scheduler's start")
        },
        Rule(
            "vigilance.refused", in: everyPhase,
            "A node refused a command, for it has accepted a higher stamp: read which one."
        ) { view in
            for index in view.ids.indices where view.facts(at: index).hasRefused {
                let look = view.lookEffect(view.ids[index])
                guard view.mayBegin(look) else { continue }
                return .act(
                    because: "\(view.ids[index]) has accepted a higher stamp: which one?",
                    cluster: nil, effects: [look])
            }
            return nil
        },
        Rule(
            "vigilance.quorum_tampered", in: openPhases, alters: .quorum,
            "Another hand changed synchronous_standby_names on the primary: restore and prove them."
        ) { view in
            #if TOOLKIT_MUTANTS
                if view.policy.mutant == .missesTampering { return nil }
            #endif
            guard let elect = view.cluster.elect, view.facts(elect).showsForeignNames,
                view.facts(elect).isSettled, view.openPrimary != nil,
                view.cluster.intent == nil || view.cluster.intent?.kind == .reconfigure,
                !view.cluster.quorumIsTampered
            else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                next.quorumIsTampered = true
                next.intent = view.intent(.reconfigure, stamp)
            }
            let found = view.answer(elect)?.standbyNames ?? ""
            return .act(
                because: "synchronous_standby_names on \(elect) read '\(found)': not ours",
                cluster: cluster, effects: [view.reconfiguration(of: cluster, stamp)])
        },
    ]

    static func names(_ ids: some Sequence<NodeID>) -> String {
        ids.map(\.rawValue).joined(separator: ", ")
    }
}
