/// Opening the elect: after a failover, after it restarted, after an attempt was given up.
extension Rulebook {
    static let openingRules: [Rule] = [
        Rule(
            "opening.done", in: [.opening], leadsTo: [.following],
            "The elect is open, read back in a new session."
        ) { view in
            guard let open = view.openIntent, case .opened(let bootID)? = view.proof(open) else {
                return nil
            }
            let (cluster, _) = view.changed { next, _ in
                next.phase = .following
                next.intent = nil
                next.openedBootID = bootID
                next.outageSinceWallMs = nil
            }
            return .act(because: "\(open.node) accepts writes", cluster: cluster, effects: [])
        },
        Rule(
            "opening.failed", in: [.opening], leadsTo: [.sealing], alters: .quorum,
            "The elect answers and can't be opened: another node has to go on."
        ) { view in
            guard view.openIntent != nil, view.primary != nil,
                view.intentAgeMs >= view.timers.promoteTimeout, view.maySucceedUnopened
            else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(&next, stamp, preferred: nil)
            }
            let reason = view.openIntent.map(view.lastFailure) ?? ""
            return .act(
                because: "\(view.cluster.lastPrimary) was not opened within "
                    + "\(view.timers.promoteTimeout) ms\(reason)",
                cluster: cluster, effects: view.seals(stamp))
        },
        Rule(
            "opening.open", in: [.opening],
            "Write the elect's opening."
        ) { view in
            #if TOOLKIT_MUTANTS
                if let verdict = view.mutantAbort { return verdict }
            #endif
            guard let open = view.openIntent, view.mayBegin(open) else { return nil }
            return .act(because: "\(open.node) is not open yet", cluster: nil, effects: [open])
        },
        Rule(
            "primary.note_boot", in: openPhases,
            "The primary was opened without its machine's boot id being told: read it."
        ) { view in
            guard let elect = view.cluster.elect, view.openPrimary != nil,
                (view.cluster.openedBootID ?? "").isEmpty,
                let since = view.facts(elect).openSince
            else { return nil }
            // Open before and after the look: no reset lies between.
            guard let at = view.facts(elect).inspectedAt, at.since(since) >= 0,
                let seen = view.facts(elect).observedAt, seen.since(at) >= 0,
                let bootID = view.facts(elect).inspection?.bootID
            else {
                let look = view.lookEffect(elect)
                guard view.mayBegin(look) else { return nil }
                return .act(because: "which boot is it?", cluster: nil, effects: [look])
            }
            let (cluster, _) = view.changed { next, _ in
                next.openedBootID = bootID
                next.outageSinceWallMs = nil
            }
            return .act(because: "\(elect) is open", cluster: cluster, effects: [])
        },
        Rule(
            "primary.reopen", in: openPhases, leadsTo: [.opening, .sealing],
            "The primary restarted and came up locked: open it again if it holds everything."
        ) { view in
            guard let elect = view.cluster.elect, let seen = view.primary, !seen.isOpen,
                view.facts(elect).isSettled
            else { return nil }
            switch view.reopening(elect, seen) {
            case .look(let look):
                return look.map {
                    .act(because: "is it the same boot?", cluster: nil, effects: [$0])
                }
                    ?? .hold("a look at \(elect) over SSH: was its machine reset?")
            case .allowed:
                let (cluster, stamp) = view.changed { next, stamp in
                    next.phase = .opening
                    next.quorumIsTampered = view.isTampered
                    next.intent = view.intent(.open(.restart), stamp)
                    next.outageSinceWallMs = next.outageSinceWallMs ?? view.now.wallMs
                }
                return .act(
                    because: "\(elect) restarted and is locked", cluster: cluster,
                    effects: [view.opening(of: cluster, stamp)])
            case .refused(let why):
                guard view.canSealQuorum, !view.isTampered, view.policy.mode == .automatic else {
                    return .hold("\(elect) restarted and can't be opened: \(why)")
                }
                let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                    view.beginSealing(&next, stamp, preferred: nil)
                }
                return .act(because: why, cluster: cluster, effects: view.seals(stamp))
            }
        },
    ]
}

/// Whether a locked primary may be opened again in its lineage (D21).
enum Reopening {
    case allowed
    /// Its boot id must be read first; nil: that look is under way, or has its pause.
    case look(Effect?)
    case refused(String)
}

extension Situation {
    var openIntent: Effect? {
        guard let intent = cluster.intent, case .open = intent.kind, cluster.elect != nil else {
            return nil
        }
        return opening(of: cluster, intent.stamp)
    }

    /// By the configs that the opening was to bring into force, and may have: no older proof counts.
    var maySucceedUnopened: Bool {
        policy.mode == .automatic && !isTampered && !lacksProof && canSealQuorum
    }

    /// The opening of the elect, with the names of the newest config.
    func opening(of next: Cluster, _ stamp: Stamp) -> Effect {
        let config = next.configs[next.configs.count - 1]
        return effect(
            .open(standbyNames: next.standbyNames(config)), on: next.lastPrimary, stamp)
    }

    /// A restarted primary may have lost WAL that it had reported flushed, if its machine was
    /// reset. The same boot proves that it was not.
    func reopening(_ id: NodeID, _ seen: Answer) -> Reopening {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .reopensBlindly { return .allowed }
        #endif
        if seen.timeline != cluster.tip.timeline || seen.history != cluster.tip.history {
            return .refused("\(id) is on another timeline than the cluster's")
        }
        if seen.position < cluster.floor {
            return .refused("\(id) is at \(seen.position), below the floor \(cluster.floor)")
        }
        if cluster.configs.contains(where: { $0.sealsNeeded == nil }) { return .allowed }
        // Never seen open, it has acknowledged nothing beyond the floor.
        guard let openedBootID = cluster.openedBootID else { return .allowed }
        let facts = facts(id)
        // The very run that was open: locked since, it has not restarted and has lost nothing.
        if facts.openRun == seen.postmasterStart { return .allowed }
        guard let run = facts.runSeenAt else { return .look(nil) }
        if isLastResort(seen, since: run) { return .allowed }
        guard let inspection = facts.inspection, let at = facts.inspectedAt, at.since(run) >= 0
        else {
            let look = lookEffect(id)
            let tries = attempts(look.id)
            let hasTried = tries.endedAt.map { $0.since(run) >= 0 } ?? false
            if now.since(run) >= timers.crashRestartGrace, hasTried, !tries.isInFlight {
                return .refused("whether the machine of \(id) was reset can't be read over SSH")
            }
            return .look(mayBegin(look) ? look : nil)
        }
        if inspection.bootID == openedBootID { return .allowed }
        return .refused(
            openedBootID.isEmpty
                ? "\(id) was opened over SQL: whether its machine was reset since is not known"
                : "the machine of \(id) was reset: WAL that it had reported may be lost")
    }

    /// No set of voters that could prove it answers or may be promoted, and none comes: then the
    /// voters that do answer suffice, as flushed WAL is trusted anywhere else, too (D21).
    private func isLastResort(_ seen: Answer, since run: Instant) -> Bool {
        let mayAnotherFollow = policy.mode == .automatic && !isTampered && canSealQuorum
        guard now.since(run) >= timers.voterUnreachable,
            cluster.phase == .blocked || !mayAnotherFollow
        else { return false }
        return cluster.configs.flatMap(\.voters).allSatisfy { voter in
            answer(voter).map { endOfOurs($0) <= seen.position } ?? true
        }
    }

    /// How far its WAL can be the primary's. One that left recovery by itself had replayed all of that
    /// before, and goes on writing its own.
    private func endOfOurs(_ answer: Answer) -> LSN {
        let tip = cluster.tip
        if !answer.isInRecovery, answer.history.history(of: tip.timeline) == tip.history,
            let fork = answer.history.end(of: tip.timeline)
        {
            return fork
        }
        return max(answer.position, answer.received ?? .zero)
    }

    /// A read-only look; its id does not change while the term stays.
    func lookEffect(_ id: NodeID) -> Effect {
        effect(.inspect, on: id, Stamp(term: cluster.term, step: Revision(0)))
    }

    /// Gives the running attempt up: the last primary is elected in a new term and opened.
    func openAgain(_ id: NodeID, _ seen: Answer, because: String) -> Verdict? {
        if !seen.isOpen {
            switch reopening(id, seen) {
            case .allowed: break
            case .look(let look):
                return look.map {
                    .act(because: "is it the same boot?", cluster: nil, effects: [$0])
                }
            case .refused: return nil
            }
        }
        let (next, stamp) = changed(raisingTerm: true) { next, stamp in
            next.elect = id
            next.phase = .opening
            next.quorumIsTampered = isTampered
            next.certificate = nil
            next.fenceNeed = nil
            next.acceptedLoss = nil
            next.intent = intent(.open(.abort), stamp)
            for member in next.members where member.id != id {
                next[member.id]?.work = nil
                // Pointed at a candidate meanwhile, it carries a number of no use here. The new
                // one is in the opening's names; the rejoin test still stands before its use.
                guard let upstream = member.upstream, upstream != id else { continue }
                next[member.id]?.attach.number += 1
                next[member.id]?.upstream = id
            }
            next[id]?.work = nil
            // It writes again, and it is needed.
            next[id]?.quiescedAt = nil
            next[id]?.maintenance = nil
        }
        return .act(because: because, cluster: next, effects: [opening(of: next, stamp)])
    }
}
