/// Nobody may write: cut off the standbys, read their positions, choose.
extension Rulebook {
    private static let closedPhases: Set<Phase> = [.sealing, .blocked]

    static let sealingRules: [Rule] = [
        Rule(
            "sealing.abort", in: closedPhases, leadsTo: [.opening], alters: .members,
            "The old primary is well again and nothing was promoted: open it in a new term."
        ) { view in
            let id = view.cluster.lastPrimary
            guard let seen = view.answer(id), !seen.isInRecovery, view.isOurs(seen),
                view.isOnTip(seen), view.cluster.phase == .blocked || !view.isSwitchover
            else { return nil }
            return view.openAgain(id, seen, because: "\(id) answers again")
        },
        Rule(
            "sealing.promote", in: closedPhases, leadsTo: [.promoting],
            "Enough standbys are seen cut off: promote the one with the most WAL. From here on "
                + "there is no way back."
        ) { view in
            guard let choice = view.choice else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                view.beginPromotion(&next, stamp, choice)
            }
            let promote = view.promotion(of: choice.candidate, stamp)
            return .act(
                because: choice.because, cluster: cluster,
                effects: [promote] + view.memberEffects(of: cluster))
        },
        Rule(
            "sealing.seal", in: closedPhases,
            "Cut off every standby that answers."
        ) { view in
            guard let stamp = view.cluster.intent?.stamp else { return nil }
            let effects = view.seals(stamp)
            return effects.isEmpty
                ? nil
                : .act(because: "not every standby is seen cut off", cluster: nil, effects: effects)
        },
        Rule(
            "sealing.blocked", in: [.sealing], leadsTo: [.blocked],
            "Something is missing for a promotion without loss: say what, go on trying."
        ) { view in
            guard view.intentAgeMs >= view.timers.sealTimeout else { return nil }
            let (cluster, _) = view.changed { next, _ in next.phase = .blocked }
            return .act(because: view.reasonBlocked, cluster: cluster, effects: [])
        },
        Rule(
            "sealing.restart_primary", in: [.blocked],
            "There is no successor: start the old primary, locked, to open it again."
        ) { view in
            let id = view.cluster.lastPrimary
            guard let intent = view.cluster.intent, let since = view.facts(id).unreachableSince
            else { return nil }
            let start = view.effect(.start(isSealed: false), on: id, intent.stamp)
            let look = view.lookEffect(id)
            if view.isSwitchover || view.isStoppedPrimary(id, since) {
                guard view.mayBegin(start) else { return nil }
                return .act(because: view.reasonBlocked, cluster: nil, effects: [start])
            }
            guard view.mayBegin(look) else { return nil }
            return .act(because: view.reasonBlocked, cluster: nil, effects: [look])
        },
        Rule(
            "sealing.wait", in: closedPhases, "Say what is missing."
        ) { view in .hold(view.reasonBlocked) },
    ]
}

/// Whom to promote, and the proof that it holds every acknowledged commit.
struct Choice: Hashable {
    var candidate: NodeID
    var position: LSN
    var floor: LSN
    /// Every sealed node with its share of the lineage.
    var sealed: [Certificate.Position]
    var because: String
}

extension Situation {
    /// The attempt began by stopping the primary cleanly.
    var isSwitchover: Bool {
        cluster.certificate?.positions.contains { $0.node == cluster.lastPrimary } ?? false
    }

    /// Seen stopped over SSH while it was silent, with its data whole: we may have fenced it before
    /// the attempt failed, and it waits for us.
    func isStoppedPrimary(_ id: NodeID, _ silentSince: Instant) -> Bool {
        guard policy.mode == .automatic, let seen = facts(id).inspection,
            let at = facts(id).inspectedAt, at.since(silentSince) >= 0
        else { return false }
        return !seen.isPostmasterRunning && seen.dataDirectory == .present && seen.marker == .none
            && !seen.hasStandbySignal && seen.systemIdentifier == cluster.systemIdentifier
    }

    /// Seals to ask for: of every member but the last primary that answers and is not sealed.
    func seals(_ stamp: Stamp) -> [Effect] {
        standbys.compactMap { member in
            guard let seen = answer(member.id), isOurs(seen), facts(member.id).seal == nil else {
                return nil
            }
            let seal = effect(.seal, on: member.id, stamp)
            // A seal that was contradicted is asked for again, though it was once done.
            if case .done? = attempts(seal.id).outcome { return seal }
            return mayBegin(seal) ? seal : nil
        }
    }

    /// Shares of the lineage of all sealed members that pass the candidate test.
    var sealedPositions: [NodeID: LSN] {
        var positions: [NodeID: LSN] = [:]
        for member in standbys {
            guard let seal = facts(member.id).seal else { continue }
            positions[member.id] = election.electablePosition(member.id, seal.proof)
            #if TOOLKIT_MUTANTS
                if policy.mutant == .ignoresLineage { positions[member.id] = seal.proof.position }
            #endif
        }
        #if TOOLKIT_MUTANTS
            if policy.mutant == .countsSilentAsSealed {
                for member in standbys where answer(member.id) == nil {
                    positions[member.id] = facts(member.id).observation?.position
                }
            }
        #endif
        return positions
    }

    /// A certificate would allow a promotion before the others are cut off; but who is cut off can
    /// follow at once, and be counted from the first commit on.
    private var someAreBeingSealed: Bool {
        intentAgeMs < timers.sealTimeout / 5
            && standbys.contains { member in
                answer(member.id).map(isOurs) == true && facts(member.id).seal == nil
            }
    }

    private var isCertified: Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .keepsCertificate { return cluster.certificate != nil }
        #endif
        return cluster.certificate?.term == cluster.term
    }

    private func provenFloor(_ sealed: [NodeID: LSN]) -> LSN? {
        let proven = election.provenFloor(sealed)
        #if TOOLKIT_MUTANTS
            return proven ?? mutantFloor(sealed)
        #else
            return proven
        #endif
    }

    var choice: Choice? {
        let sealed = sealedPositions
        let proven = provenFloor(sealed)
        guard isCertified || proven != nil, !isCertified || !someAreBeingSealed else { return nil }
        var floor = isCertified ? cluster.floor : max(cluster.floor, proven ?? .zero)
        #if TOOLKIT_MUTANTS
            if policy.mutant == .forgetsFloor, !isCertified { floor = proven ?? .zero }
            if policy.mutant == .choosesByPriority { floor = .zero }
        #endif
        var preferred: NodeID?
        if case .seal(let wanted)? = cluster.intent?.kind { preferred = wanted }
        if let preferred, sealed[preferred] == nil, answer(preferred) != nil,
            intentAgeMs < timers.sealTimeout / 2
        {
            return nil
        }
        let able = sealed.filter { id, position in
            position >= floor && (policy.node(id)?.priority ?? 0) > 0 && answer(id) != nil
        }
        // Who has failed as a candidate is asked again only after the others.
        func rank(_ id: NodeID) -> (Int, Int, LSN, Int) {
            #if TOOLKIT_MUTANTS
                if policy.mutant == .choosesByPriority {
                    return (0, policy.node(id)?.priority ?? 0, .zero, 0)
                }
            #endif
            return (
                -(observed.failedCandidacies[id] ?? 0), id == preferred ? 1 : 0, able[id] ?? .zero,
                policy.node(id)?.priority ?? 0
            )
        }
        guard
            let best = able.keys.sorted().max(by: { rank($0) < rank($1) }),
            let position = able[best]
        else { return nil }
        // Nobody else is able: it is asked again, but not at once.
        let failures = observed.failedCandidacies[best] ?? 0
        if failures > 0, intentAgeMs < min(250 << Int64(min(failures, 6)), 10_000) { return nil }
        let positions = sealed.keys.sorted().map {
            Certificate.Position(node: $0, lsn: sealed[$0] ?? .zero)
        }
        let listed = positions.map { "\($0.node) at \($0.lsn)" }.joined(separator: ", ")
        return Choice(
            candidate: best, position: position, floor: floor, sealed: positions,
            because: "\(best) has everything up to \(position), at or above the floor \(floor) "
                + "(cut off: \(listed))")
    }

    var reasonBlocked: String {
        let sealed = sealedPositions
        let missing = standbys.map(\.id).filter { sealed[$0] == nil }
        let reasons = missing.map { id in
            guard answer(id) != nil else { return "\(id) \(silence(id))" }
            let seal = cluster.intent.map { effect(.seal, on: id, $0.stamp) }
            return facts(id).seal == nil
                ? "\(id) is not seen cut off" + (seal.map(lastFailure) ?? "")
                : "\(id) has no proven place in the lineage"
        }
        if reasons.isEmpty {
            return "no standby that may be promoted has everything up to \(cluster.floor)"
        }
        return "enough standbys to be cut off with known positions: "
            + reasons.joined(separator: "; ")
    }

    /// The point of no return: candidate, floor and certificate are stored, the members that are
    /// not ahead of the candidate are pointed at it, the old primary is fenced.
    func beginPromotion(_ next: inout Cluster, _ stamp: Stamp, _ choice: Choice) {
        let stopped = next.certificate?.positions.filter { $0.node == next.lastPrimary } ?? []
        next.phase = .promoting
        next.intent = intent(.promote(candidate: choice.candidate), stamp)
        next.floor = max(next.floor, choice.floor)
        next.certificate = Certificate(
            term: next.term, positions: (choice.sealed + stopped).sorted { $0.node < $1.node })
        for member in next.members where member.id != choice.candidate {
            guard member.id != next.lastPrimary else {
                if stopped.isEmpty { fence(&next, member.id, stamp) }
                continue
            }
            guard mayFollow(member, choice), answer(member.id) != nil else { continue }
            next[member.id]?.attach = Member.Attach(
                number: member.attach.number + 1, term: stamp.term)
            next[member.id]?.upstream = choice.candidate
            next[member.id]?.work = NodeWork(
                kind: .follow, stamp: stamp, upstream: choice.candidate,
                because: "it is not ahead of \(choice.candidate)")
        }
    }

    /// Whether a sealed member's WAL is a part of the candidate's. One that has followed an earlier
    /// candidate is on a timeline whose number and history another candidate can repeat (D6): it
    /// may only go on behind that very node.
    private func mayFollow(_ member: Member, _ choice: Choice) -> Bool {
        guard choice.sealed.contains(where: { $0.node == member.id }),
            let own = facts(member.id).seal?.proof, !own.isOutOfRecovery,
            let other = facts(choice.candidate).seal?.proof
        else { return false }
        if cluster.lineage.contains(where: { $0.history == own.history }) {
            return own.position <= choice.position
        }
        return member.upstream == choice.candidate && own.history == other.history
            && own.position <= other.position
    }

    private func fence(_ next: inout Cluster, _ id: NodeID, _ stamp: Stamp) {
        next[id]?.attach.term = nil
        next[id]?.upstream = nil
        next[id]?.work = NodeWork(
            kind: .fence, stamp: stamp, because: "it was the primary of an older term")
    }

    func promotion(of candidate: NodeID, _ stamp: Stamp) -> Effect {
        let others = cluster.members.map(\.id).filter { $0 != candidate }
        return effect(.promote(slots: others.map(\.slot)), on: candidate, stamp)
    }
}
