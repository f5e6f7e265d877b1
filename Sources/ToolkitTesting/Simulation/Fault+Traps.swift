import FailoverCore

/// Traps for single rules: each strikes into the one moment in which nothing but that rule keeps a
/// promise.
extension Simulation {
    /// A failover has just begun: the voter that holds most is cut off from the schedulers.
    func cutVoterAtSealing(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        guard new.phase == .sealing, old.phase != .sealing, old.phase != .blocked,
            let voter = new.configs.last?.voters.map(index).max(by: {
                nodes[$0].log.end < nodes[$1].log.end
            })
        else { return false }
        last(at, on: voter)
        rewire()
        return true
    }

    /// A voter was dropped, and the new quorum is told to be proven: now the primary is lost, and the
    /// others lose what they had not flushed.
    func strikeAtClose(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        guard old.configs.count > 1, new.configs.count == 1, new.elect == old.elect,
            let config = new.configs.last, !config.voters.isEmpty,
            old.configs.contains(where: { !Set($0.voters).isSubset(of: config.voters) })
        else { return false }
        let primary = index(new.lastPrimary)
        crashMachine(primary)
        last(at, on: primary)
        for voter in config.voters.map(index) {
            killServer(voter, isMachine: false)
            startServer(voter)
        }
        return true
    }

    /// The old primary wakes up where no scheduler reaches it, while a candidate takes long to be
    /// promoted; and configuration management puts the old files back on the standbys.
    func unsealAtWork(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        guard old.phase != .promoting, case .promote(let candidate)? = new.intent?.kind else {
            return false
        }
        let node = index(candidate)
        let primary = index(new.lastPrimary)
        nodes[node].isHung = true
        put(.ease(node: node), after: 2_500_000)
        last(at, on: primary)
        rewire()
        thaw(primary)
        for other in nodes.indices where other != node && other != primary {
            put(.putBack(node: other), after: 200_000 + plan.faults[at].duration % 100_000)
        }
        return true
    }

    func putBack(_ node: Int) {
        guard nodes[node].answers, nodes[node].isInRecovery,
            let upstream = nodes[node].formerUpstream
        else { return }
        trace.add(.fault, at: now, node: node, upstream.node, 0, "its old upstream is put back")
        nodes[node].nodeConf.upstream = upstream
        reload(node)
    }

    /// Somebody promotes a standby by hand in the very moment of the failover, at the place where
    /// the candidate is promoted: two timelines of one number and one history (F20).
    func twinAtPromotion(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        let fault = plan.faults[at]
        let isEarly = fault.other % 3 == 2
        let wanted: Phase = isEarly ? .sealing : .promoting
        guard new.phase == wanted, old.phase != wanted, old.phase != .blocked,
            let twin = findTwin(new)
        else { return false }
        last(at, on: twin)
        rewire()
        switch fault.other % 3 {
        // It ends before anybody has seen it.
        case 0: put(.strayEnds(node: twin), after: 70_000)
        case 1: pointAtTwin(twin, new)
        default: break
        }
        askPromotion(twin)
        return true
    }

    /// A standby with as much WAL as whoever is promoted, or will be.
    private func findTwin(_ cluster: Cluster) -> Int? {
        var candidate: Int?
        if case .promote(let id)? = cluster.intent?.kind { candidate = index(id) }
        let standbys = nodes.indices.filter {
            nodes[$0].answers && nodes[$0].isInRecovery && $0 != candidate
                && $0 != index(cluster.lastPrimary)
        }
        guard let candidate else { return standbys.first }
        return standbys.first { twin in
            nodes[twin].log.end == nodes[candidate].log.end
                && nodes[twin].branch.history == nodes[candidate].branch.history
        }
    }

    /// Whom the scheduler does not reach is pointed at the stray, by the same hand.
    private func pointAtTwin(_ twin: Int, _ cluster: Cluster) {
        for node in nodes.indices where node != twin && nodes[node].answers {
            guard nodes[node].isInRecovery, let former = nodes[node].nodeConf.upstream,
                cluster[ids[node]]?.attach.term != cluster.term
            else { continue }
            nodes[node].nodeConf.upstream = Upstream(
                node: twin, name: former.name, hasSlot: false)
            reload(node)
        }
    }

    /// The elect's configuration can't be read any more when it is to be opened.
    func spoilOpening(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        guard old.phase == .promoting, new.phase == .opening, let elect = new.elect else {
            return false
        }
        nodes[index(elect)].hasBadLine = true
        last(at, on: index(elect))
        return true
    }

    /// Without its signal file a standby starts as a primary, and makes no timeline of its own.
    func runAsPrimary(_ node: Int) {
        guard nodes[node].answers, nodes[node].isInRecovery, nodes[node].hook == nil else { return }
        killServer(node, isMachine: false)
        nodes[node].hasStandbySignal = false
        startServer(node)
    }

    func putBackAsStandby(_ node: Int) {
        guard nodes[node].hook == nil, nodes[node].hasData, node != judge.lastOpened?.node,
            nodes[node].branch.history == nodes[judge.lastOpened?.node ?? 0].branch.history
        else { return }
        killServer(node, isMachine: false)
        nodes[node].hasStandbySignal = true
        startServer(node)
    }

    func strayEnds(_ node: Int) {
        guard !nodes[node].isInRecovery else { return }
        killServer(node, isMachine: false)
    }
}
