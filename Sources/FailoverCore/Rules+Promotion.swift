/// Past the point of no return: the candidate leaves recovery, locked, and is opened by one
/// compare-and-swap.
extension Rulebook {
    static let promotionRules: [Rule] = [
        Rule(
            "promotion.lost", in: [.promoting], leadsTo: [.sealing],
            "The candidate is lost or too slow; the certificate lets any sealed node at the floor "
                + "take its place."
        ) { view in
            #if TOOLKIT_MUTANTS
                if view.policy.mutant == .missesLostCandidate { return nil }
            #endif
            guard let (candidate, promote) = view.promotion else { return nil }
            let isSilent = view.facts(candidate).unreachableSince.map {
                view.now.since($0) >= max(view.timers.confirm, 1_000)
            }
            let isLate = view.intentAgeMs >= view.timers.promoteTimeout
            if isLate {
                return view.sealAgain(
                    because: "\(candidate) was not promoted within "
                        + "\(view.timers.promoteTimeout) ms", keepsCertificate: true)
            }
            if isSilent == true {
                return view.sealAgain(
                    because: "\(candidate) \(view.silence(candidate))", keepsCertificate: true)
            }
            guard view.cannotPromote(promote) else { return nil }
            return view.sealAgain(
                because: "\(candidate) can't be promoted\(view.lastFailure(promote))",
                keepsCertificate: true)
        },
        Rule(
            "promotion.unsealed", in: [.promoting], leadsTo: [.sealing], alters: .quorum,
            "A standby that was cut off hears from another node: the proof is gone, seal again."
        ) { view in
            view.unsealedMember.map {
                view.sealAgain(
                    because: "\($0) is no longer as it was sealed", keepsCertificate: false)
            } ?? nil
        },
        Rule(
            "promotion.strayed", in: [.promoting], leadsTo: [.sealing], alters: .quorum,
            "The candidate came out on a timeline that leaves ours below the floor."
        ) { view in
            guard let (candidate, promote) = view.promotion,
                let proof = view.promotionProof(candidate, promote),
                view.leavesLineage(proof).map({ $0 < view.cluster.floor }) ?? true
            else { return nil }
            return view.sealAgain(
                because: "timeline \(proof.timeline) of \(candidate) does not continue the "
                    + "cluster's at \(view.cluster.floor) or later", keepsCertificate: false)
        },
        Rule(
            "promotion.open", in: [.promoting], leadsTo: [.opening],
            "The candidate is out of recovery, locked, on a timeline that continues ours: elect "
                + "and open it."
        ) { view in
            guard let (candidate, promote) = view.promotion,
                let proof = view.promotionProof(candidate, promote),
                view.reasonNotToOpen(candidate, proof) == nil
            else { return nil }
            let config = view.successorConfig(candidate, proof)
            let (cluster, stamp) = view.changed { next, stamp in
                view.beginOpening(&next, stamp, candidate, proof, config)
            }
            return .act(
                because: "\(candidate) is on timeline \(proof.timeline) from "
                    + "\(proof.switchLSN ?? .zero) on; quorum: \(config)",
                cluster: cluster, effects: [view.opening(of: cluster, stamp)])
        },
        Rule(
            "promotion.promote", in: [.promoting],
            "Ask the candidate to end recovery."
        ) { view in
            guard let (candidate, promote) = view.promotion, view.mayBegin(promote) else {
                return nil
            }
            return .act(
                because: "\(candidate) is not out of recovery yet", cluster: nil,
                effects: [promote])
        },
    ]
}

extension Situation {
    var promotion: (candidate: NodeID, effect: Effect)? {
        guard let intent = cluster.intent, case .promote(let candidate) = intent.kind else {
            return nil
        }
        return (candidate, promotion(of: candidate, intent.stamp))
    }

    /// A broken hook does not mend itself: another candidate is asked before the time is over.
    func cannotPromote(_ promote: Effect) -> Bool {
        let tries = attempts(promote.id)
        guard tries.count >= 3, !tries.isInFlight, case .failed? = tries.outcome else {
            return false
        }
        return true
    }

    /// The candidate seen out of recovery: by the effect, or by a probe of this step's stamp.
    func promotionProof(_ candidate: NodeID, _ promote: Effect) -> PromotionProof? {
        if case .promoted(let proof)? = proof(promote) { return proof }
        guard let seen = answer(candidate), !seen.isInRecovery, isOurs(seen), seen.isLocked,
            seen.stamp == promote.stamp, seen.history.timeline == seen.timeline
        else { return nil }
        return PromotionProof(timeline: seen.timeline, history: seen.history)
    }

    /// Where a promoted node's history leaves the lineage's tip; nil: it never was on it.
    func leavesLineage(_ proof: PromotionProof) -> LSN? {
        guard proof.history.history(of: cluster.tip.timeline) == cluster.tip.history else {
            return nil
        }
        return proof.history.end(of: cluster.tip.timeline)
    }

    /// A member of the certificate that answers and is neither sealed as certified nor pointed at
    /// the candidate by us. Who does not answer counts by the certificate.
    var unsealedMember: NodeID? {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .opensUnverified { return nil }
        #endif
        guard let (candidate, _) = promotion else { return nil }
        return cluster.certificate?.positions.map(\.node).first { id in
            guard id != candidate, id != cluster.lastPrimary, let seen = answer(id),
                let attached = seen.attachedAs
            else { return false }
            // An answer from before the last work on it.
            if facts(id).value.isBehind(seen.value) { return false }
            return attached != applicationName(id) || cluster[id]?.upstream != candidate
        }
    }

    /// What keeps a promoted candidate closed; nil: nothing.
    func reasonNotToOpen(_ candidate: NodeID, _ proof: PromotionProof) -> String? {
        if let need = cluster.fenceNeed, !need.isConfirmed, !oldPrimaryIsStopped,
            need.reason != .quiesced || !isQuorumAway(with: candidate)
        {
            return "\(cluster.lastPrimary) to be seen stopped: \(need.reason.words)"
        }
        let isOnItsWay = cluster.members.contains {
            isPointed($0, at: candidate) && isCountable($0) && answer($0.id) != nil
        }
        if isOnItsWay, intentAgeMs < Self.followerPatienceMs,
            successorConfig(candidate, proof).voters.isEmpty, policy.numberSyncStandbys > 0
        {
            return "a standby to follow \(candidate), so that its first commits have a copy"
        }
        return nil
    }

    /// A standby that was pointed at a candidate usually arrives within 100 ms of its promotion.
    private static let followerPatienceMs: Int64 = 1_000

    /// The voters that left the old primary for good, under names that its list does not hold (D20),
    /// are so many that it can't acknowledge any more.
    private func isQuorumAway(with candidate: NodeID) -> Bool {
        cluster.configs.allSatisfy { config in
            guard let needed = config.sealsNeeded else { return false }
            return config.voters.count { id in
                if id == candidate { return true }
                guard cluster[id]?.upstream == candidate, let seen = settledAnswer(id) else {
                    return false
                }
                return seen.attachedAs == cluster.applicationName(id)
                    && !facts(id).value.isBehind(seen.value)
            } >= needed
        }
    }

    /// By this very attempt. Who was left alone since may still bear the name of a time when the
    /// candidate was primary: nothing tells what it got meanwhile.
    func isPointed(_ member: Member, at candidate: NodeID) -> Bool {
        member.upstream == candidate && member.attach.term == cluster.term
    }

    private func isCountable(_ member: Member) -> Bool {
        member.maintenance == nil && policy.node(member.id)?.replicationQuorum == true
    }

    /// It was seen on the candidate's own timeline: whatever it had before is a part of that.
    private func hasArrived(_ member: Member, _ proof: PromotionProof) -> Bool {
        guard let seen = answer(member.id), seen.isInRecovery else { return false }
        return seen.attachedAs == cluster.applicationName(member.id)
            && seen.history == proof.history
    }

    /// The quorum of the new primary: the members that we pointed at it.
    func successorConfig(_ candidate: NodeID, _ proof: PromotionProof) -> QuorumConfig {
        guard policy.numberSyncStandbys > 0, let switchLSN = proof.switchLSN else {
            return QuorumConfig.none
        }
        let positions = cluster.certificate?.positions ?? []
        #if TOOLKIT_MUTANTS
            let countsAhead = policy.mutant == .countsFollowersAhead
        #else
            let countsAhead = false
        #endif
        let followers = cluster.members.filter { member in
            isPointed(member, at: candidate) && isCountable(member)
                && (hasArrived(member, proof)
                    || countsAhead
                    || positions.contains { $0.node == member.id && $0.lsn <= switchLSN })
        }.map(\.id)
        let answering = followers.filter { answer($0) != nil }
        let voters = answering.isEmpty ? followers : answering
        if voters.isEmpty { return policy.alone == .allow ? QuorumConfig.none : .waiting }
        return QuorumConfig(
            required: min(policy.numberSyncStandbys, voters.count), voters: voters)
    }

    func beginOpening(
        _ next: inout Cluster, _ stamp: Stamp, _ candidate: NodeID, _ proof: PromotionProof,
        _ config: QuorumConfig
    ) {
        next.lineage = lineage(of: proof, candidate)
        next.configs = [config]
        next.elect = candidate
        next.floor = max(next.floor, proof.switchLSN ?? .zero)
        next.certificate = nil
        #if TOOLKIT_MUTANTS
            mutateOpening(&next)
        #endif
        next.fenceNeed = nil
        next.acceptedLoss = nil
        next.quorumIsTampered = false
        next.openedBootID = nil
        next.phase = .opening
        next.intent = intent(.open(.failover), stamp)
        next[candidate]?.attach.term = stamp.term
        next[candidate]?.upstream = nil
        next[candidate]?.work = nil
        next[candidate]?.maintenance = nil
    }

    /// The candidate's own history, entry by entry; what was accepted before keeps its record.
    private func lineage(of proof: PromotionProof, _ candidate: NodeID) -> [LineageEntry] {
        let timelines = proof.history.ancestors.map(\.timeline) + [proof.timeline]
        return timelines.indices.compactMap { index in
            guard let history = proof.history.history(of: timelines[index]) else { return nil }
            if let known = cluster.lineage.first(where: { $0.history == history }) { return known }
            return LineageEntry(
                timeline: timelines[index],
                begin: index == 0 ? .zero : proof.history.ancestors[index - 1].end,
                term: cluster.term, node: candidate, history: history)
        }
    }

    func sealAgain(because: String, keepsCertificate: Bool) -> Verdict {
        let (next, _) = changed(raisingTerm: true) { next, stamp in
            let isEmptied = keepsCertificate && cluster.fenceNeed?.reason == .quiesced
            // An order to accept a loss was for that candidate; and what a primary without copies
            // has acknowledged, no cluster file proves that is read later.
            let isFreeToAcknowledge = cluster.fenceNeed?.reason == .asynchronous
            let isUnproven = cluster.acceptedLoss != nil || isFreeToAcknowledge
            let isKept = isEmptied || isFreeToAcknowledge
            beginSealing(
                &next, stamp, preferred: nil, need: isKept ? cluster.fenceNeed : nil)
            // Without copies no single node is known to hold everything.
            if keepsCertificate, !isAsynchronous, !isUnproven {
                next.certificate?.term = stamp.term
            } else {
                next.certificate = nil
            }
        }
        return .act(because: because, cluster: next, effects: [])
    }
}
