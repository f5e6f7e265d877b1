import FailoverCore

/// A promise that was broken.
public struct Violation: Sendable {
    /// I1…I10, or the name of a check.
    public var invariant: String
    public var says: String
}

/// What was acknowledged, by whom, and what was opened: the truth that no part of the system sees.
struct Judge {
    struct Acknowledged {
        var id: Int32
        var start: Int
        var node: Int
        var term: Int
    }

    private(set) var violation: Violation?
    /// Under configs that all wait for a copy: these are promised.
    var promised: [Acknowledged] = []
    /// Acknowledged while a config waited for nobody: promised once that config is gone.
    var single: [Acknowledged] = []
    /// Which node has acknowledged in a term.
    var acknowledger: [Int: Int] = [:]
    var lastOpened: (node: Int, term: Int)?
    /// The promotion that made each accepted timeline.
    var acceptedMakers: [Int32: Int32] = [:]
    /// Revisions by stored stamp: what effects may carry.
    var storedRevision = 0
    var lastAcknowledgedAt: Int64 = 0
    var acknowledgements = 0
    /// Since when k voters have had fresh data from the primary without a break.
    var fedSince: Int64?
    /// From a fault to the next acknowledgement, by kind of fault.
    var outages: [Outage] = []
    var openOutage: Outage?
    var failovers = 0
    /// Terms in which an operator accepted a loss.
    var losses: Set<Int> = []

    /// What the node lacks was given up by an operator's order.
    mutating func accept(lossOn node: SimulatedNode) {
        promised.removeAll { !node.log.holds(id: $0.id, at: $0.start) }
        single.removeAll { !node.log.holds(id: $0.id, at: $0.start) }
    }

    mutating func report(_ invariant: String, _ says: String) {
        if violation == nil { violation = Violation(invariant: invariant, says: says) }
    }

    // MARK: - I9, intents, data

    /// A file of a node is written, or a hook begins.
    mutating func writes(_ stamp: Stamp, on node: Int, _ ids: [NodeID], _ accepted: Stamp?) {
        guard let accepted, stamp < accepted else { return }
        report("I9", "a command of \(stamp) works on \(ids[node]), which accepted \(accepted)")
    }

    /// No effect before its intent is stored.
    mutating func begins(_ effect: Effect, in world: Simulation) {
        guard effect.stamp.step.number > storedRevision else { return }
        report("intent", "\(effect.action.name) \(effect.stamp) begins before it is stored")
    }

    mutating func replacesData(of node: Int, in world: Simulation) {
        let id = world.ids[node]
        guard world.store.cluster.configs.contains(where: { $0.voters.contains(id) }) else {
            return
        }
        report("I8", "the data of \(id) are replaced while it is counted for commits")
    }

    /// Whether the voters heard from the primary when the present step began.
    var wasFed = false
}

extension Simulation {
    // MARK: - I1, I2, I6 at every acknowledgement

    func acknowledged(_ index: Int, _ waiter: Waiter) {
        let conf = nodes[index].conf
        trace.add(
            .acknowledged, at: now, node: index, Int(waiter.id), conf.openTerm ?? -1,
            "acknowledges commit \(waiter.id) at \(waiter.start) in term \(conf.openTerm ?? -1)")
        judge.acknowledgements += 1
        judge.lastAcknowledgedAt = now
        endOutage()
        // A walsender that has not read of the lock yet goes on for a moment (F7).
        let isLate = now - nodes[index].lockedAt < 4_000_000
        guard let term = conf.openTerm ?? (isLate ? nodes[index].formerTerm : nil) else {
            return judge.report("lock", "\(ids[index]) acknowledges while it is locked")
        }
        let entry = Judge.Acknowledged(
            id: waiter.id, start: waiter.start, node: index, term: term)
        // By a hand that took the names away: nobody promised that.
        // Two names are one node's until the core has given it another one.
        let isDoubled = now - nodes[index].duplicateAt < 20_000_000
        // The checkpointer may still go by them (F6).
        let wasTampered = now - nodes[index].untamperedAt < 4_000_000
        let isTampered =
            isDoubled || conf.isTampered || wasTampered || store.cluster.quorumIsTampered
        // Whoever runs without copies may accept that two nodes acknowledge for a while.
        let hasWindow = policy.acceptsSplitBrainWindow && policy.numberSyncStandbys == 0
        if !hasWindow { checkSingleAcknowledger(entry) }
        let configs = store.isRolledBack || isTampered ? [] : store.cluster.configs
        guard !configs.isEmpty, configs.allSatisfy({ $0.required > 0 }) else {
            judge.single.append(entry)
            return
        }
        let isOlder = judge.lastOpened.map { $0.term > term } ?? false
        let isCovered =
            isOlder
            || configs.contains { config in
                config.voters.count(where: { holds(self.index($0), waiter) }) >= config.required
                    && !config.voters.isEmpty
            }
        if !isCovered {
            judge.report(
                "I6",
                "\(ids[index]) acknowledges commit \(waiter.id) at \(waiter.start) in term "
                    + "\(term), and no set of copies that \(configs) asks for holds it")
        }
        judge.promised.append(entry)
    }

    private func holds(_ voter: Int, _ waiter: Waiter) -> Bool {
        waiter.end <= nodes[voter].flushed
            && nodes[voter].log.holds(id: waiter.id, at: waiter.start)
    }

    private func checkSingleAcknowledger(_ entry: Judge.Acknowledged) {
        if let other = judge.acknowledger[entry.term], other != entry.node {
            judge.report(
                "I2", "\(ids[other]) and \(ids[entry.node]) both acknowledge in term \(entry.term)")
        }
        judge.acknowledger[entry.term] = entry.node
        // What was reported before the seals may still be told late: the opened node has it.
        if let last = judge.lastOpened, last.term > entry.term,
            !nodes[last.node].log.holds(id: entry.id, at: entry.start)
        {
            judge.report(
                "I2",
                "\(ids[entry.node]) acknowledges for term \(entry.term) after \(ids[last.node]) "
                    + "was opened in term \(last.term)")
        }
    }

    // MARK: - I1, I2, I7 at every opening

    /// A server has read an opening: when it is out of recovery, clients may write.
    func noteOpening(_ index: Int) {
        guard nodes[index].isWritable, let term = nodes[index].conf.openTerm else { return }
        if let last = judge.lastOpened {
            // A server of an older term that kept its opening: its acknowledgements are watched.
            if term < last.term || (term == last.term && last.node == index) { return }
            if term == last.term {
                judge.report(
                    "I2", "\(ids[last.node]) and \(ids[index]) are both opened in term \(term)")
            }
        }
        if !store.isRolledBack, store.elects[term] != ids[index] {
            judge.report("I2", "\(ids[index]) is opened in term \(term) without being elect")
        }
        judge.lastOpened = (index, term)
        trace.add(
            .opened, at: now, node: index, term, nodes[index].log.end, "is opened in term \(term)")
        if store.cluster.term.number == term, judge.losses.contains(term) {
            judge.accept(lossOn: nodes[index])
        }
        checkDurability(index, "opened in term \(term)")
        checkLineage(index)
    }

    func checkDurability(_ index: Int, _ what: String) {
        for entry in judge.promised
        where !nodes[index].log.holds(id: entry.id, at: entry.start) {
            return judge.report(
                "I1",
                "\(ids[index]) is \(what) without commit \(entry.id) at \(entry.start), which "
                    + "\(ids[entry.node]) acknowledged in term \(entry.term)")
        }
    }

    private func checkLineage(_ index: Int) {
        let branch = nodes[index].branch
        let timelines = branch.history.ancestors.map(\.timeline) + [branch.history.timeline]
        for (at, timeline) in timelines.enumerated() where at < branch.makers.count {
            let number = Int32(timeline.number)
            if let accepted = judge.acceptedMakers[number], accepted != branch.makers[at] {
                return judge.report(
                    "I7",
                    "\(ids[index]) is opened with a timeline \(number) that is not the "
                        + "accepted one of that number")
            }
            judge.acceptedMakers[number] = branch.makers[at]
        }
        let cluster = store.cluster
        if !store.isRolledBack, cluster.lastPrimary == ids[index],
            cluster.tip.history != branch.history
        {
            judge.report("I7", "\(ids[index]) is opened on another history than the stored one")
        }
    }

    // MARK: - I5

    /// What no scheduler can reach, none can take into account.
    private func isSeen(_ node: Int) -> Bool {
        schedulers.contains { scheduler in
            guard scheduler.isAlive, case .answers = reach(node, from: scheduler.place) else {
                return false
            }
            return true
        }
    }

    /// Whether k voters of a config have fresh data from the primary, as the world has it.
    func isFed() -> Bool {
        let cluster = store.cluster
        guard let elect = cluster.elect else { return false }
        let primary = index(elect)
        guard nodes[primary].isWritable, !nodes[primary].isStopped, !nodes[primary].isHung else {
            return false
        }
        let limit = policy.timers.freshMax * 1_000 / 2
        return cluster.configs.contains { config in
            config.required > 0
                && config.voters.count { voter in
                    guard let receiver = nodes[index(voter)].receiver,
                        receiver.upstream.node == primary, !nodes[index(voter)].isStopped,
                        isSeen(index(voter))
                    else { return false }
                    return now - receiver.heardAt <= limit
                } >= config.required
        }
    }
}

extension Judge {
    /// The store has a new state.
    mutating func stored(
        from old: Cluster, to new: Cluster, rule: RuleID?, in world: Simulation
    ) {
        if new.acceptedLoss != nil { losses.insert(new.term.number) }
        if new.elect != nil, old.acceptedLoss != nil { losses.insert(new.term.number) }
        storedRevision = max(storedRevision, new.revision.number)
        if new.configs.allSatisfy({ $0.required > 0 }), !new.quorumIsTampered, !single.isEmpty {
            // What stands on the accepted branch is promised from now on.
            let primary = world.index(new.lastPrimary)
            promised += single.filter { world.nodes[primary].log.holds(id: $0.id, at: $0.start) }
            single = []
        }
        if world.policy.alone == .block, world.policy.numberSyncStandbys > 0,
            new.configs.last == QuorumConfig.none, old.configs.last?.voters.isEmpty == false
        {
            report("alone", "commits wait for nobody although synchronous.alone is block")
        }
        if new.phase == .sealing, old.phase != .sealing, old.phase != .blocked { failovers += 1 }
        if rule?.rawValue == "suspect.confirmed", wasFed, let since = fedSince,
            world.now - since > Self.patience(world.policy.timers)
        {
            report(
                "I5",
                "a failover begins although enough voters have heard from the primary for "
                    + "\((world.now - since) / 1_000) ms")
        }
    }

    /// How old what the scheduler knows may be.
    private static func patience(_ timers: Timers) -> Int64 {
        (timers.freshMax + timers.confirm + 2 * timers.probeTimeout + 2 * timers.monitorInterval
            + 2_000) * 1_000
    }
}
