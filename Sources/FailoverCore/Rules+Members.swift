/// Bringing every other node to the elect: look, cut off, fence, follow, rewind, clone.
extension Rulebook {
    private static let workPhases: Set<Phase> = [.promoting, .opening, .following, .steady]

    static let memberRules: [Rule] = [
        Rule(
            "member.done", in: workPhases, alters: .members,
            "A node's work was seen done."
        ) { view in
            for member in view.membersAtWork {
                guard let work = member.work, work.kind != .seal,
                    let effect = view.effect(of: work, member.id, in: view.cluster),
                    view.proof(effect) != nil
                else { continue }
                let (cluster, _) = view.changed { next, _ in
                    next[member.id]?.work = nil
                    if work.kind.bringsData { next[member.id]?.attach.term = view.cluster.term }
                    if work.kind == .fence, member.id == next.lastPrimary {
                        next.fenceNeed?.isConfirmed = true
                    }
                }
                return .act(
                    because: "\(effect.action.name) of \(member.id) is done", cluster: cluster,
                    effects: [])
            }
            return nil
        },
        Rule(
            "member.rejoin_failed", in: openPhases, alters: .members,
            "Its data can't be used as they are, or pg_rewind can't mend them: go on to a rewind, "
                + "then to a clone; the data is kept aside."
        ) { view in
            for member in view.membersAtWork {
                guard let work = member.work, case .rejoin(let method) = work.kind,
                    let elect = work.upstream,
                    let effect = view.effect(of: work, member.id, in: view.cluster),
                    view.attempts(effect.id).count >= 2, !view.attempts(effect.id).isInFlight,
                    case .failed(let why)? = view.attempts(effect.id).outcome
                else { continue }
                let plan =
                    method == .rewind
                    ? Plan(.clone, "its rewind failed: \(why)")
                    : Plan(.rejoin(.rewind), "its start failed: \(why)")
                return view.assign(plan, to: member.id, upstream: elect)
            }
            return nil
        },
        Rule(
            "member.run", in: workPhases,
            "Go on with a node's work."
        ) { view in
            if view.membersAtWork.isEmpty { return nil }
            let effects = view.memberEffects(of: view.cluster).filter { view.mayBegin($0) }
            return effects.isEmpty
                ? nil : .act(because: "work on nodes is not done", cluster: nil, effects: effects)
        },
        Rule(
            "member.plan", in: openPhases, alters: .members,
            "A node does not follow the primary: bring it back."
        ) { view in
            guard view.openPrimary != nil, let elect = view.cluster.elect else { return nil }
            for member in view.standbysOutOfPlace {
                guard let plan = view.wayBack(member, isOrdered: false) else { continue }
                return view.assign(plan, to: member.id, upstream: elect)
            }
            return nil
        },
        Rule(
            "member.look", in: openPhases,
            "Look at a silent node over SSH."
        ) { view in
            let silent = view.ids.indices.filter { view.facts(at: $0).unreachable != nil }
            let looks = silent.compactMap { index -> Effect? in
                let member = view.cluster.members[index]
                guard member.id != view.cluster.elect, !member.isLeftAlone,
                    member.work == nil || member.work?.kind == .seal
                else { return nil }
                let look = view.lookEffect(member.id)
                return view.mayBegin(look) ? look : nil
            }
            return looks.isEmpty
                ? nil : .act(because: "silent nodes are looked at", cluster: nil, effects: looks)
        },
        Rule(
            "following.done", in: [.following], leadsTo: [.steady],
            "Every node that can be reached follows the primary."
        ) { view in
            guard view.openPrimary != nil, view.cluster.intent == nil,
                view.cluster.configs.count == 1,
                view.cluster.members.allSatisfy({ !view.isPending($0) })
            else { return nil }
            let (cluster, _) = view.changed { next, _ in next.phase = .steady }
            return .act(
                because: "every node that answers follows \(cluster.lastPrimary)",
                cluster: cluster, effects: [])
        },
        // The last ones, for a rule that holds ends the search.
        Rule("promotion.wait", in: [.promoting], "Say what is missing.") { view in
            guard let (candidate, promote) = view.promotion else { return nil }
            if let proof = view.promotionProof(candidate, promote),
                let reason = view.reasonNotToOpen(candidate, proof)
            {
                return .hold(reason)
            }
            return .hold("\(candidate) to leave recovery" + view.lastFailure(promote))
        },
        Rule("opening.wait", in: [.opening], "Say what is missing.") { view in
            view.openIntent.map { .hold("\($0.node) to be seen open" + view.lastFailure($0)) }
        },
    ]
}

/// What brings a node back, and why nothing cheaper does.
struct Plan: Hashable {
    var kind: NodeWork.Kind
    var because: String

    init(_ kind: NodeWork.Kind, _ because: String) {
        self.kind = kind
        self.because = because
    }
}

extension NodeWork.Kind {
    /// The node's data are new or rewritten: what it acknowledged before is forgotten.
    var bringsData: Bool {
        switch self {
        case .rejoin, .clone: true
        case .seal, .fence, .follow, .start: false
        }
    }
}

extension Situation {
    /// The effects of all members' work. A node that the file no longer names can't be reached: its
    /// work waits until it is named again.
    func memberEffects(of next: Cluster) -> [Effect] {
        next.members.compactMap { member in
            guard policy.node(member.id) != nil else { return nil }
            return member.work.flatMap { effect(of: $0, member.id, in: next) }
        }
    }

    func effect(of work: NodeWork, _ id: NodeID, in next: Cluster) -> Effect? {
        let attachment = work.upstream.map {
            Effect.Attachment(
                upstream: $0, applicationName: next.applicationName(id), slot: id.slot)
        }
        switch (work.kind, attachment) {
        case (.seal, _): return effect(.seal, on: id, work.stamp)
        case (.fence, _): return effect(.fence, on: id, work.stamp)
        case (.start(let isSealed), _):
            return effect(.start(isSealed: isSealed), on: id, work.stamp)
        case (.follow, let attachment?): return effect(.follow(attachment), on: id, work.stamp)
        case (.rejoin(let method), let attachment?):
            return effect(
                .rejoin(method, attachment, switchLSN: next.tip.begin), on: id, work.stamp)
        case (.clone, let attachment?): return effect(.clone(attachment), on: id, work.stamp)
        case (.follow, nil), (.rejoin, nil), (.clone, nil): return nil
        }
    }

    /// Why this voter can't come back with the data that it has; nil: it can, or it is not known.
    /// It leaves the quorum before they are touched (D9).
    func needsData(_ member: Member) -> String? {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .clonesVoters { return nil }
        #endif
        // As if an operator asked: whoever has no data at all does not come back by itself either.
        guard let plan = plan(for: member, isOrdered: true), plan.kind.bringsData else {
            return nil
        }
        return plan.because
    }

    /// What to do about a member that is not elect; nil: nothing, or not yet.
    func wayBack(_ member: Member, isOrdered: Bool) -> Plan? {
        guard let plan = plan(for: member, isOrdered: isOrdered) else { return nil }
        #if TOOLKIT_MUTANTS
            if policy.mutant == .clonesVoters { return plan }
        #endif
        if isVoter(member.id), plan.kind.bringsData { return nil }
        // Its name would leave the list that the primary waits for.
        if isVoter(member.id), plan.kind == .follow, needsNewNumber(member) { return nil }
        return plan
    }

    private func plan(for member: Member, isOrdered: Bool) -> Plan? {
        let facts = facts(member.id)
        if let work = member.work {
            // Stopped before it was seen cut off, it is started first.
            guard work.kind == .seal, facts.seal != nil || facts.answer == nil else { return nil }
        } else {
            guard facts.isSettled else { return nil }
        }
        // On its way to the operator it is made harmless, and nothing else.
        if member.maintenance != nil, facts.answer?.isInRecovery ?? true { return nil }
        if let seen = facts.answer { return plan(for: member, seen) }
        guard let silentSince = facts.unreachableSince, let inspection = facts.inspection,
            let at = facts.inspectedAt, at.since(silentSince) >= 0,
            // Work of a kind may have left a marker, or other data.
            at.since(facts.workEndedAt ?? at) >= 0, !inspection.isPostmasterRunning
        else { return nil }
        return plan(for: member, inspection.value, isOrdered: isOrdered)
    }

    private func plan(for member: Member, _ seen: Answer) -> Plan? {
        guard isOurs(seen) else { return nil }
        if !seen.isInRecovery { return Plan(.fence, "it is out of recovery without being elect") }
        // While it is counted, cutting it off would leave its name to the other alone.
        if isVoter(member.id), hasDuplicate(member.id) { return nil }
        // Pointed at this node in an older term, when it was another branch's primary, proves
        // nothing: the rejoin test comes first.
        let isAttached =
            !needsNewNumber(member) && seen.attachedAs == applicationName(member.id)
        // Cut off since, it is not attached, whatever an older answer says.
        if isAttached, facts(member.id).seal == nil {
            // It had more than its new primary when it was pointed there; or somebody started it as a
            // primary between the look and its work.
            if !isStreaming(seen), let why = divergence(member.id, seen) {
                return Plan(.seal, "it can't stream: \(why)")
            }
            if let plan = planForMispointed(member) { return plan }
            guard slotIsLost(member.id) else { return nil }
            return Plan(.clone, "the primary has removed WAL that it needs (slot lost)")
        }
        guard let seal = facts(member.id).seal else {
            return Plan(.seal, "it is not pointed at the primary; where does its WAL end?")
        }
        guard let refusal = election.refusesToFollow(member.id, seal.proof) else {
            return Plan(.follow, "its WAL ends at \(seal.proof.position), on the lineage")
        }
        let proof = seal.proof
        let standing = election.standing(proof.timeline, proof.history, proof.position)
        let canRewind =
            standing.map { election.isProven(member.id, at: $0.index) } == true
            && proof.timeline != cluster.tip.timeline
        return Plan(canRewind ? .rejoin(.rewind) : .clone, refusal)
    }

    private func plan(
        for member: Member, _ seen: NodeInspection, isOrdered: Bool
    ) -> Plan? {
        let isNew = member.attach.number == 0
        switch seen.dataDirectory {
        case .foreign: return nil
        case .missing, .empty:
            // A lost mount looks like this: an existing member is cloned only on an order.
            guard isNew || isOrdered || seen.marker == .cloning else { return nil }
            return Plan(.clone, "it has no data")
        case .present: break
        }
        guard seen.systemIdentifier == cluster.systemIdentifier else { return nil }
        if seen.marker == .cloning {
            return Plan(.clone, "its clone was interrupted")
        }
        if seen.hasStandbySignal && seen.marker == .none && !election.isPastFork(seen) {
            let isAttached =
                member.upstream == cluster.elect
                && (member.attach.term.map { $0 >= cluster.tip.term } ?? false)
            return Plan(
                .start(isSealed: !isAttached),
                isAttached ? "it is stopped" : "it is stopped; where does its WAL end?")
        }
        let way = election.wayBack(member.id, seen)
        return Plan(way.kind, way.because)
    }

    private func divergence(_ id: NodeID, _ seen: Answer) -> String? {
        election.refusesToFollow(
            id,
            SealProof(
                position: seen.position, timeline: seen.timeline, history: seen.history,
                postmasterStart: seen.postmasterStart))
    }

    /// Its name is right, but its upstream does not hear it: another hand may have changed its
    /// upstream. When it hears from somebody else, nothing tells what it got there: that may have
    /// been a fork with this timeline's number (F20).
    private func planForMispointed(_ member: Member) -> Plan? {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .missesMispointed { return nil }
        #endif
        guard openPrimary != nil, let upstream = member.upstream, answer(upstream) != nil,
            let heard = facts(upstream).observedAt,
            let missing = missedSince(applicationName(member.id), by: upstream),
            heard.since(missing) >= timers.degradeAfter,
            facts(member.id).workEndedAt.map({ now.since($0) >= timers.voterUnreachable }) ?? true,
            isFresh(member.id) || heard.since(missing) >= timers.voterUnreachable
        else { return nil }
        return isFresh(member.id)
            ? Plan(.clone, "it hears from somebody else under the name that \(upstream) waits for")
            : Plan(.follow, "\(upstream) does not hear it, though it is pointed there by name")
    }

    /// The number stays when the node returns to the very upstream that it was attached to, and
    /// nobody else bears it.
    private func needsNewNumber(_ member: Member) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .keepsNumbers, member.attach.number > 0 { return false }
        #endif
        let isPlaced = member.upstream == upstream(for: member.id) && !hasDuplicate(member.id)
        return !isPlaced || !cluster.isProvenOnTip(member)
    }

    /// New data come from the primary, whoever is followed later.
    func assign(_ plan: Plan, to id: NodeID, upstream primary: NodeID) -> Verdict {
        let target = plan.kind == .follow ? upstream(for: id) ?? primary : primary
        let (next, _) = changed { next, stamp in
            guard var member = next[id] else { return }
            let isNumbered = plan.kind == .follow && !needsNewNumber(member)
            switch plan.kind {
            // Its name is no longer its own: the next one is new.
            case .seal where hasDuplicate(id): member.upstream = nil
            case .seal, .start: break
            case .fence:
                member.attach.term = nil
                member.upstream = nil
            case .follow:
                member.attach.number += isNumbered ? 0 : 1
                member.attach.term = next.term
                member.upstream = target
            case .rejoin, .clone:
                member.attach = Member.Attach(number: member.attach.number + 1, term: nil)
                member.upstream = target
                member.quiescedAt = nil
            }
            member.work = NodeWork(
                kind: plan.kind, stamp: stamp, upstream: target, because: plan.because)
            next[id] = member
        }
        let effects = next[id]?.work.flatMap { effect(of: $0, id, in: next) }.map { [$0] } ?? []
        return .act(because: "\(id): \(plan.because)", cluster: next, effects: effects)
    }

    /// Whether a member that can be reached is still on its way.
    func isPending(_ member: Member) -> Bool {
        if member.id == cluster.elect || member.isLeftAlone { return false }
        // Nothing is done to it while the file does not name it.
        if policy.node(member.id) == nil { return false }
        if answer(member.id) != nil { return !isFresh(member.id) || isUncountedVoter(member.id) }
        let facts = facts(member.id)
        let isSeen = facts.inspectedAt.map { now.since($0) < 5 * Self.lookIntervalMs } ?? false
        if isSeen || member.work?.kind.bringsData == true { return true }
        // Silent, and nobody has looked since: it may be on its way back.
        guard member.work == nil, let since = facts.unreachableSince else { return false }
        return attempts(lookEffect(member.id).id).endedAt.map { $0.since(since) < 0 } ?? true
    }

    private func isUncountedVoter(_ id: NodeID) -> Bool {
        policy.numberSyncStandbys > 0 && policy.node(id)?.replicationQuorum == true && !isVoter(id)
    }
}
