import FailoverCore

/// Faults that lie in wait for a change of the stored state, and strike into it: what a schedule by
/// the clock would meet once in a million seeds.
extension Simulation {
    /// The scheduler has stored a change; its effects have not begun.
    func strike(from old: Cluster, to new: Cluster) {
        guard let at = lurking, !isHealed else { return }
        let fault = plan.faults[at]
        guard strike(fault, at, from: old, to: new) else { return }
        lurking = nil
        judge.openOutage?.isStrict = false
        trace.add(.fault, at: now, node: -1, at, 2, "\(fault.kind.rawValue) strikes")
    }

    /// False: it waits on.
    private func strike(_ fault: Fault, _ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        switch fault.kind {
        case .killTarget: killTarget(at, from: old, to: new)
        case .restoreCandidate: restoreCandidate(fault, from: old, to: new)
        case .strikeAtFetch: strikeAtFetch(fault, from: old, to: new)
        case .maintenanceAtWork: wantAtWork(fault, from: old, to: new)
        case .changeOfMind: changeMind(fault, from: old, to: new)
        case .cutVoterAtSealing: cutVoterAtSealing(at, from: old, to: new)
        case .strikeAtClose: strikeAtClose(at, from: old, to: new)
        case .unsealAtWork: unsealAtWork(at, from: old, to: new)
        case .twinAtPromotion: twinAtPromotion(at, from: old, to: new)
        case .spoilOpening: spoilOpening(at, from: old, to: new)
        default: false
        }
    }

    /// The target of a switchover is lost when the old primary has just been stopped.
    private func killTarget(_ at: Int, from old: Cluster, to new: Cluster) -> Bool {
        guard old.phase == .switchover, new.phase == .sealing,
            case .seal(let target?)? = new.intent?.kind
        else { return false }
        crashMachine(index(target))
        last(at, on: index(target))
        return true
    }

    /// Somebody puts an older copy of the data directory in the candidate's place: what it leaves
    /// recovery with is not what it was chosen for.
    private func restoreCandidate(_ fault: Fault, from old: Cluster, to new: Cluster) -> Bool {
        guard old.phase != .promoting, case .promote(let candidate)? = new.intent?.kind else {
            return false
        }
        let node = index(candidate)
        let records = nodes[node].log.records
        let fork = nodes[node].branch.history.ancestors.last?.end.position ?? 0
        let kept = records.count - 3 - fault.other % 40
        guard kept > 0, UInt64(records[kept - 1].end) >= fork, nodes[node].hook == nil else {
            return false
        }
        killServer(node, isMachine: false)
        nodes[node].log.truncate(at: records[kept - 1].end)
        nodes[node].flushed = nodes[node].log.end
        nodes[node].received = nodes[node].log.end
        nodes[node].replayed = nodes[node].log.end
        nodes[node].dataVersion += 1
        startServer(node)
        return true
    }

    /// Into a fetch: the scheduler dies, the old primary comes back, or the line is slow.
    private func strikeAtFetch(_ fault: Fault, from old: Cluster, to new: Cluster) -> Bool {
        guard case .fastForward(let candidate, let source, _)? = new.intent?.kind else {
            return false
        }
        switch fault.other % 4 {
        case 0:
            let scheduler = schedulers.firstIndex { $0.isAlive } ?? 0
            schedulers[scheduler].diesAfterEffects = 1
        case 1: crashBackends(index(candidate))
        default:
            // For longer than it takes the old primary to be seen again.
            nodes[index(candidate)].isHung = true
            nodes[index(source)].slowness = 12
            thaw(judge.lastOpened?.node ?? 0)
            put(.ease(node: index(candidate)), after: 4_000_000)
            put(.ease(node: index(source)), after: 4_000_000)
        }
        return true
    }

    /// A node is being cut off when an operator wants it.
    private func wantAtWork(_ fault: Fault, from old: Cluster, to new: Cluster) -> Bool {
        let begun = new.members.first { $0.work?.kind == .seal && old[$0.id]?.work == nil }
        guard let member = begun else { return false }
        let until = (now + fault.duration) / 1_000
        wishes.append((.maintenance(member.id, untilWallMs: until), now + 3_000_000))
        put(.wish, after: 1_000 + fault.duration % 25_000)
        return true
    }

    /// An order to leave a node alone is taken back at once.
    private func changeMind(_ fault: Fault, from old: Cluster, to new: Cluster) -> Bool {
        let wanted = new.members.first { $0.maintenance != nil && old[$0.id]?.maintenance == nil }
        guard let member = wanted else { return false }
        wishes.append((.endMaintenance(member.id), now + 3_000_000))
        put(.wish, after: 1_000 + fault.duration % 150_000)
        return true
    }

    /// From now on, for the fault's time.
    func last(_ at: Int, on node: Int) {
        targets[at] = node
        activeFaults.append(at)
        queue.put(.faultEnd(at), at: now + plan.faults[at].duration)
    }

    func ease(_ node: Int) {
        nodes[node].isHung = false
        nodes[node].slowness = 1
    }

    // MARK: - By hand

    /// An operator copies the primary to a node that was never set up, and starts the copy: as a
    /// standby of nobody, or, without its signal file, as a primary.
    func copyByHand(_ fault: Fault, _ node: Int) {
        guard let source = judge.lastOpened?.node, source != node, nodes[source].answers,
            !nodes[node].hasData, nodes[node].hook == nil, nodes[node].isUp,
            store.cluster[ids[node]]?.attach.number == 0
        else { return }
        nodes[node].log = nodes[source].log
        nodes[node].log.truncate(at: nodes[source].flushed)
        nodes[node].branch = nodes[source].branch
        nodes[node].highestTimeline = nodes[source].highestTimeline
        nodes[node].flushed = nodes[node].log.end
        nodes[node].received = nodes[node].log.end
        nodes[node].replayed = nodes[node].log.end
        nodes[node].controlState = "in production"
        nodes[node].controlTimeline = nodes[source].controlTimeline
        nodes[node].controlCheckpoint = nodes[source].controlCheckpoint
        nodes[node].hasData = true
        nodes[node].hasStandbySignal = fault.other % 2 == 0
        nodes[node].dataVersion += 1
        startServer(node)
    }

    /// Whoever is left alone, or about to be, is given back.
    func endMaintenanceByHand() {
        for member in store.cluster.members where member.maintenance != nil {
            wishes.append((.endMaintenance(member.id), now + 3_000_000))
        }
        put(.wish, after: 1_000)
    }
}

extension Fault.Kind {
    /// It strikes when its moment comes, not at its time.
    var liesInWait: Bool {
        switch self {
        case .killTarget, .restoreCandidate, .strikeAtFetch, .maintenanceAtWork, .changeOfMind,
            .cutVoterAtSealing, .strikeAtClose, .unsealAtWork, .twinAtPromotion,
            .spoilOpening:
            true
        default: false
        }
    }
}
