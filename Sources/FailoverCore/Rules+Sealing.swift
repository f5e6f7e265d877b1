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
                view.isOnTip(seen),
                view.cluster.phase == .blocked
                    || !view.isSwitchover && !view.observed.failedOpenings.contains(id),
                view.cluster.fenceNeed?.reason != .stalled || view.facts(id).stalledSince == nil
            else { return nil }
            return view.openAgain(id, seen, because: "\(id) answers again")
        },
        Rule(
            "sealing.fast_forwarded", in: closedPhases, alters: .fetches,
            "The candidate has what its peer had, or can't get it: cut it off again and choose."
        ) { view in
            guard let work = view.fastForward, let ending = view.ending(of: work) else {
                return nil
            }
            let (cluster, stamp) = view.changed { next, stamp in
                next.intent = view.intent(
                    .seal(preferred: ending.isDone ? work.candidate : nil), stamp)
                // What it was pointed by is over: should it go on, that is no attachment.
                next[work.candidate]?.attach.number += 1
                next[work.candidate]?.upstream = nil
            }
            return .act(because: ending.because, cluster: cluster, effects: view.seals(stamp))
        },
        Rule(
            "sealing.fenced", in: closedPhases,
            "The old primary was seen stopped: nothing of it can do harm any more."
        ) { view in
            guard let need = view.cluster.fenceNeed, !need.isConfirmed, view.isFencedFirst,
                view.oldPrimaryIsStopped
            else { return nil }
            let (cluster, _) = view.changed { next, _ in next.fenceNeed?.isConfirmed = true }
            return .act(
                because: "\(cluster.lastPrimary) is stopped", cluster: cluster, effects: [])
        },
        Rule(
            "sealing.fence", in: closedPhases,
            "Stop the old primary before anybody is promoted: no seal keeps it from harm."
        ) { view in
            guard view.isFencedFirst, view.choice != nil, let stamp = view.cluster.intent?.stamp
            else { return nil }
            let fence = view.fencing(stamp)
            let look = view.lookEffect(view.cluster.lastPrimary)
            let due = [fence, look].filter(view.mayBegin)
            return due.isEmpty
                ? nil : .act(because: view.reasonBlocked, cluster: nil, effects: due)
        },
        Rule(
            "sealing.fast_forward", in: closedPhases, alters: .fetches,
            "A candidate that is worth it lacks a little: it fetches that from a peer that is cut "
                + "off, too."
        ) { view in
            guard view.fastForward == nil, let wanted = view.fastForwardChoice else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                view.beginFastForward(&next, stamp, wanted)
            }
            return .act(
                because: wanted.because, cluster: cluster,
                effects: view.fastForwardEffect(of: cluster, stamp).map { [$0] } ?? [])
        },
        Rule(
            "sealing.fast_forward_run", in: closedPhases,
            "Go on fetching."
        ) { view in
            guard let work = view.fastForward, view.mayBegin(work.effect) else { return nil }
            return .act(
                because: "\(work.candidate) has not everything yet", cluster: nil,
                effects: [work.effect])
        },
        Rule(
            "sealing.promote", in: closedPhases, leadsTo: [.promoting], alters: .members,
            "Enough standbys are seen cut off: promote the one with the most WAL. From here on "
                + "there is no way back."
        ) { view in
            guard view.fastForward == nil, !view.isFencedFirst, let choice = view.choice else {
                return nil
            }
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
            guard view.fastForward == nil, view.intentAgeMs >= view.timers.sealTimeout else {
                return nil
            }
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

extension Situation {
    /// The attempt began by stopping the primary cleanly.
    var isSwitchover: Bool {
        cluster.fenceNeed?.reason != .quiesced
            && cluster.certificate?.positions.contains { $0.node == cluster.lastPrimary } ?? false
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
            guard let seen = answer(member.id), isOurs(seen), facts(member.id).seal == nil,
                member.id != fastForward?.candidate
            else { return nil }
            let seal = effect(.seal, on: member.id, stamp)
            // A seal that was contradicted is asked for again, though it was once done.
            if case .done? = attempts(seal.id).outcome { return seal }
            return mayBegin(seal) ? seal : nil
        }
    }

    var reasonBlocked: String {
        if let need = cluster.fenceNeed, isFencedFirst, choice != nil {
            let fence = cluster.intent.map { fencing($0.stamp) }
            return "\(cluster.lastPrimary) to be seen stopped: \(need.reason.words)"
                + (fence.map(lastFailure) ?? "")
        }
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
        next.floor = cluster.acceptedLoss == nil ? max(next.floor, choice.floor) : choice.floor
        next.certificate = Certificate(
            term: next.term, positions: (choice.sealed + stopped).sorted { $0.node < $1.node })
        for member in next.members where member.id != choice.candidate {
            guard member.id != next.lastPrimary else {
                if !isSwitchover {
                    fence(&next, member.id, stamp, because: "it was the primary of an older term")
                }
                continue
            }
            guard !member.isLeftAlone, mayFollow(member, choice), answer(member.id) != nil else {
                continue
            }
            point(
                &next, member.id, at: choice.candidate, stamp,
                because: "it is not ahead of \(choice.candidate)")
        }
    }

    /// Under a new attach number, so that no list of the old primary counts it (D20).
    func point(
        _ next: inout Cluster, _ id: NodeID, at upstream: NodeID, _ stamp: Stamp, because: String
    ) {
        guard let number = next[id]?.attach.number else { return }
        next[id]?.attach = Member.Attach(number: number + 1, term: stamp.term)
        next[id]?.upstream = upstream
        next[id]?.work = NodeWork(
            kind: .follow, stamp: stamp, upstream: upstream, because: because)
    }

    /// Whether a sealed member's WAL is a part of the candidate's. One that has followed an earlier
    /// candidate is on a timeline whose number and history another candidate can repeat (D6): it
    /// may only go on behind that very node.
    private func mayFollow(_ member: Member, _ choice: Choice) -> Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .countsFollowersAhead {
                return choice.sealed.contains { $0.node == member.id }
            }
        #endif
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

    func fence(_ next: inout Cluster, _ id: NodeID, _ stamp: Stamp, because: String) {
        next[id]?.attach.term = nil
        next[id]?.upstream = nil
        next[id]?.work = NodeWork(kind: .fence, stamp: stamp, because: because)
    }

    func promotion(of candidate: NodeID, _ stamp: Stamp) -> Effect {
        let others = cluster.members.map(\.id).filter { $0 != candidate }
        return effect(.promote(slots: others.map(\.slot)), on: candidate, stamp)
    }
}
