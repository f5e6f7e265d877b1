/// Who may follow, and who may be promoted: history and our own record decide, never the pair
/// (timeline number, LSN) alone (PROTOCOL D5, D6).
struct Election {
    let cluster: Cluster
    #if TOOLKIT_MUTANTS
        var mutant: Mutant?
    #endif

    /// Where a node's WAL stands against the lineage.
    struct Standing: Hashable {
        /// Index in the lineage of the last timeline that both share by history.
        var index: Int
        /// End of the node's WAL on it: its position, or where its own history leaves it.
        var end: LSN
        /// Whether the node is still on that timeline.
        var isOnIt: Bool
    }

    func standing(_ timeline: TimelineID, _ history: TimelineHistory, _ position: LSN) -> Standing?
    {
        for index in cluster.lineage.indices.reversed() {
            let entry = cluster.lineage[index]
            guard history.history(of: entry.timeline) == entry.history else { continue }
            let isOnIt = entry.timeline == timeline
            guard let end = isOnIt ? position : history.end(of: entry.timeline) else { continue }
            return Standing(index: index, end: end, isOnIt: isOnIt)
        }
        return nil
    }

    /// Where the lineage leaves the timeline at `index`; nil for its tip.
    func departure(_ index: Int) -> LSN? {
        index + 1 < cluster.lineage.count ? cluster.lineage[index + 1].begin : nil
    }

    /// (iii): we promoted this node onto that timeline, or attached it there.
    func isProven(_ id: NodeID, at index: Int) -> Bool {
        #if TOOLKIT_MUTANTS
            if mutant == .trustsHistory { return true }
        #endif
        let entry = cluster.lineage[index]
        if entry.node == id { return true }
        guard let attached = cluster[id]?.attach.term else { return false }
        return attached >= entry.term
    }

    /// The rejoin test: nil when the node may stream from the elect, else why it may not.
    func refusesToFollow(_ id: NodeID, _ proof: SealProof) -> String? {
        guard let standing = standing(proof.timeline, proof.history, proof.position) else {
            return "its timeline \(proof.timeline) shares no history with the cluster's"
        }
        guard standing.isOnIt else {
            return "it went over to timeline \(proof.timeline) at \(standing.end), "
                + "which the cluster never accepted"
        }
        if let departure = departure(standing.index), standing.end > departure {
            return "its WAL ends at \(standing.end), past \(departure) where the cluster left "
                + "timeline \(proof.timeline)"
        }
        guard isProven(id, at: standing.index) else {
            return "it was not attached to timeline \(proof.timeline) by this cluster"
        }
        return nil
    }

    /// A node that left recovery by itself on a timeline that looks like one of ours, number and
    /// history, but was made by another: two promotions at the same place (F20).
    func isTwin(_ id: NodeID, _ timeline: TimelineID, _ history: TimelineHistory) -> Bool {
        #if TOOLKIT_MUTANTS
            if mutant == .missesTwins { return false }
        #endif
        return cluster.lineage.contains {
            $0.timeline == timeline && $0.history == history && $0.node != id
        }
    }

    /// The candidate test without the floor: where the node's share of the lineage ends; nil when
    /// it may not be promoted at any floor.
    func electablePosition(_ id: NodeID, _ proof: SealProof) -> LSN? {
        guard let standing = standing(proof.timeline, proof.history, proof.position),
            isProven(id, at: standing.index),
            !proof.isOutOfRecovery || !isTwin(id, proof.timeline, proof.history)
        else { return nil }
        if let departure = departure(standing.index), standing.end > departure { return nil }
        return standing.end
    }

    /// max pos(R′): of the legal sets R among the sealed, the one with the lowest maximum. For each
    /// config that is the `sealsNeeded`-th lowest position of its sealed voters; a set that is
    /// legal for every config has at least the highest of these. Nil when no legal set is sealed.
    func provenFloor(_ sealed: [NodeID: LSN]) -> LSN? {
        var floor = LSN.zero
        for config in cluster.configs {
            guard let needed = config.sealsNeeded else { return nil }
            let positions = config.voters.compactMap { sealed[$0] }.sorted()
            guard positions.count >= needed else { return nil }
            floor = max(floor, positions[needed - 1])
        }
        return floor
    }

    /// Whether a stopped standby has replayed more than the lineage has: it can't start on the history
    /// that it has been given since (F35).
    func isPastFork(_ seen: NodeInspection) -> Bool {
        guard let timeline = seen.timeline, let history = seen.history,
            let end = seen.minRecoveryEnd, let standing = standing(timeline, history, end),
            standing.isOnIt, let departure = departure(standing.index)
        else { return false }
        return standing.end > departure
    }

    /// How a stopped node that is no standby of the elect can come back, and why so.
    func wayBack(_ id: NodeID, _ seen: NodeInspection) -> (kind: NodeWork.Kind, because: String) {
        guard let timeline = seen.timeline, let history = seen.history, let end = seen.checkpoint,
            let standing = standing(timeline, history, end)
        else { return (.clone, "its history can't be read or shares nothing with the cluster's") }
        if !seen.hasStandbySignal, isTwin(id, timeline, history) {
            return (
                .clone, "it made a timeline \(timeline) of its own: pg_rewind can't tell them apart"
            )
        }
        guard isProven(id, at: standing.index) else {
            let shared = cluster.lineage[standing.index].timeline
            return (.clone, "it was not attached to timeline \(shared) by this cluster")
        }
        if seen.marker == .none, standing.isOnIt, seen.controlState == "shut down",
            let departure = departure(standing.index), end < departure
        {
            return (
                .rejoin(.start),
                "it was shut down cleanly at \(end), before \(departure) where the cluster left "
                    + "timeline \(timeline)"
            )
        }
        if seen.marker == .none, standing.isOnIt, let quiescedAt = cluster[id]?.quiescedAt,
            let departure = departure(standing.index), quiescedAt <= departure
        {
            return (
                .rejoin(.start),
                "its last record for anybody ends at \(quiescedAt), not past \(departure) where "
                    + "the cluster left timeline \(timeline)"
            )
        }
        guard timeline != cluster.tip.timeline else {
            return (.clone, "it has a timeline \(timeline) too: pg_rewind trusts the number")
        }
        guard seen.canRewind else {
            return (.clone, "pg_rewind needs checksums or wal_log_hints, it has neither")
        }
        return (.rejoin(.rewind), "its WAL may have gone on past the fork of timeline \(timeline)")
    }
}
