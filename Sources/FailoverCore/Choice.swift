/// Whom to promote, and what proves that it holds every acknowledged commit.
struct Choice: Hashable {
    var candidate: NodeID
    var position: LSN
    var floor: LSN
    /// Every sealed node with its share of the lineage.
    var sealed: [Certificate.Position]
    var because: String
}

extension Situation {
    /// Shares of the lineage of all sealed members that pass the candidate test.
    var sealedPositions: [NodeID: LSN] {
        var positions: [NodeID: LSN] = [:]
        for member in standbys {
            guard let seal = facts(member.id).seal else { continue }
            positions[member.id] = election.electablePosition(member.id, seal.proof)
        }
        #if TOOLKIT_MUTANTS
            mutate(&positions)
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

    /// No node below this may be promoted; nil: too little is cut off to tell.
    func floorToPromote(_ sealed: [NodeID: LSN]) -> LSN? {
        // The operator took it upon them; the floor falls to where that node ends.
        if let loss = cluster.acceptedLoss { return sealed[loss.candidate] }
        #if TOOLKIT_MUTANTS
            if let floor = mutantFloor(sealed) { return floor }
        #endif
        if cluster.certificate?.term == cluster.term {
            return someAreBeingSealed ? nil : cluster.floor
        }
        if isAsynchronous {
            let count = electables.count { sealed[$0] != nil }
            return count < electablesNeeded || someAreBeingSealed ? nil : cluster.floor
        }
        return election.provenFloor(sealed).map { max(cluster.floor, $0) }
    }

    /// The node that is taken if it can be: a switchover's target, or one that was brought up.
    var preferred: NodeID? {
        if case .seal(let preferred)? = cluster.intent?.kind { preferred } else { nil }
    }

    func isElectable(_ id: NodeID) -> Bool {
        if let loss = cluster.acceptedLoss { return loss.candidate == id && answer(id) != nil }
        return (policy.node(id)?.priority ?? 0) > 0 && answer(id) != nil
    }

    var choice: Choice? {
        let sealed = sealedPositions
        guard let floor = floorToPromote(sealed) else { return nil }
        let preferred = self.preferred
        if let preferred, sealed[preferred] == nil, answer(preferred) != nil,
            intentAgeMs < timers.sealTimeout / 2
        {
            return nil
        }
        let able = sealed.filter { id, position in position >= floor && isElectable(id) }
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
        let positions = Self.sorted(sealed)
        let listed = Self.listed(positions)
        return Choice(
            candidate: best, position: position, floor: floor, sealed: positions,
            because: cluster.acceptedLoss == nil
                ? "\(best) has everything up to \(position), at or above the floor \(floor) "
                    + "(cut off: \(listed))"
                : "the operator accepts what \(best) lacks; it ends at \(position) "
                    + "(cut off: \(listed))")
    }

    static func sorted(_ sealed: [NodeID: LSN]) -> [Certificate.Position] {
        sealed.map { Certificate.Position(node: $0.key, lsn: $0.value) }
            .sorted { $0.node < $1.node }
    }

    static func listed(_ positions: [Certificate.Position]) -> String {
        positions.map { "\($0.node) at \($0.lsn)" }.joined(separator: ", ")
    }
}

// MARK: - The old primary

extension Situation {
    /// Whether nobody may be promoted before the old primary is stopped. After a hand-over it may:
    /// then only the opening waits.
    var isFencedFirst: Bool {
        guard let need = cluster.fenceNeed else { return false }
        return !need.isConfirmed && need.reason != .quiesced
    }

    func fencing(_ stamp: Stamp) -> Effect { effect(.fence, on: cluster.lastPrimary, stamp) }

    /// By the fence of this very attempt, or by a look that began after it.
    var oldPrimaryIsStopped: Bool {
        guard let stamp = cluster.intent?.stamp else { return false }
        if proof(fencing(stamp)) != nil { return true }
        let facts = facts(cluster.lastPrimary)
        guard let seen = facts.inspection, let at = facts.inspectedAt,
            at.since(facts.unreachableSince ?? now) >= 0, !seen.isPostmasterRunning,
            !seen.hasOrphans
        else { return false }
        return facts.unreachable != nil
    }
}

extension FenceNeed.Reason {
    /// As the end of a sentence.
    var words: String {
        switch self {
        case .quiesced: "it was emptied by a switchover and still runs"
        case .stalled: "it answers, but its disk hangs"
        case .asynchronous: "its commits wait for nobody"
        case .acceptedLoss: "no set of standbys proves that it serves nobody"
        }
    }
}
