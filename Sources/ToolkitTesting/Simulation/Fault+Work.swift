import FailoverCore

/// What each fault does to the world, and what its end undoes.
extension Simulation {
    func apply(_ fault: Fault, _ node: Int) {
        switch fault.kind {
        case .killServer: killServer(node, isMachine: false)
        case .killWithOrphans:
            killServer(node, isMachine: false)
            nodes[node].orphansUntil = now + 4_000_000
        case .crashMachine: crashMachine(node)
        case .resetMachine:
            crashMachine(node)
            forget(node)
        case .unsealAtFailover, .killCandidate: armed = fault
        case .duplicate: duplicate(node, fault.other % nodes.count)
        case .changePolicy: changePolicy(fault)
        case .crashBackends: crashBackends(node)
        case .freezeServer: freeze(node, isMachine: false)
        case .freezeMachine: freeze(node, isMachine: true)
        case .sshDown: nodes[node].hasSSH = false
        case .stuckSSH: nodes[node].sshIsStuckUntil = now + fault.duration
        case .hungDisk: nodes[node].isHung = true
        case .slowDisk: nodes[node].slowness = 12
        case .fullDisk: nodes[node].isDiskFull = true
        case .pauseReplay: nodes[node].isPaused = nodes[node].isInRecovery
        case .conflict: nodes[node].conflictUntil = nodes[node].isInRecovery ? now + 1 : 0
        case .killReceiver:
            if let receiver = nodes[node].receiver { endReceiver(node, receiver, isOrderly: true) }
        case .badLine: nodes[node].hasBadLine = true
        case .loseSlot:
            for slot in nodes[node].slots.indices
            where nodes[node].slots[slot].node == fault.other % nodes.count
                && nodes[node].slots[slot].sender == nil
            {
                nodes[node].slots[slot].isLost = true
            }
        case .killScheduler, .dieAtEffect, .pauseScheduler, .secondScheduler, .storeFails,
            .storeLosesAnswers, .storeRollback:
            applyToScheduler(fault)
        default: applyByHand(fault, node)
        }
    }

    /// The disk of a reset machine has lost the last of what it had reported flushed (A65).
    private func forget(_ node: Int) {
        let records = nodes[node].log.records
        guard node == judge.lastOpened?.node, records.count > 20 else { return }
        nodes[node].hasForgotten = true
        nodes[node].log.truncate(at: records[records.count - 2 - diskRandom.below(8)].end)
        nodes[node].flushed = nodes[node].log.end
        nodes[node].received = nodes[node].log.end
        nodes[node].replayed = min(nodes[node].replayed, nodes[node].log.end)
    }

    private func changePolicy(_ fault: Fault) {
        var changed = plan.policy
        switch fault.other % 3 {
        case 0: changed.numberSyncStandbys = max(changed.numberSyncStandbys - 1, 0)
        case 1:
            changed.numberSyncStandbys = min(
                changed.numberSyncStandbys + 1, max(changed.nodes.count - 1, 0))
        default: if changed.nodes.count > 2 { changed.nodes.removeLast() }
        }
        takePolicy(changed)
    }

    /// A cluster file is read at the scheduler's start.
    private func takePolicy(_ changed: Policy) {
        policy = changed
        let index = schedulers.firstIndex { $0.isAlive } ?? 0
        killScheduler(index, restartsAfter: 300_000)
    }

    /// The phase that an armed fault waits for has come: it strikes within milliseconds.
    func trigger(_ phase: Phase) {
        guard let fault = armed, !isHealed else { return }
        let wanted: Phase =
            fault.kind == .killCandidate || fault.other % 2 == 0 ? .promoting : .sealing
        guard phase == wanted else { return }
        armed = nil
        guard fault.kind == .killCandidate else {
            return put(.unseal(fault.other), after: fault.duration % 40_000)
        }
        guard case .promote(let candidate)? = store.cluster.intent?.kind else { return }
        let node = index(candidate)
        judge.openOutage?.isStrict = false
        trace.add(.fault, at: now, node: node, 0, 1, "is lost as a candidate")
        crashMachine(node)
    }

    private func duplicate(_ node: Int, _ other: Int) {
        guard nodes[node].isWritable, let twin = nodes[node].senders.first(where: { $0.counts })
        else { return }
        nextSender += 1
        var tool = twin
        tool.id = nextSender
        tool.isTool = true
        tool.isSending = false
        nodes[node].senders.append(tool)
        nodes[node].duplicateAt = now
        put(.senderTimer(node: node, sender: nextSender), after: 1_000_000)
        kickSenders(node)
    }

    /// Configuration management puts old files back on every standby that it reaches.
    func unseal(_ old: Int) {
        for index in nodes.indices where nodes[index].answers && nodes[index].isInRecovery {
            guard nodes[index].nodeConf.upstream == nil,
                let upstream = nodes[index].formerUpstream, (old >> (index + 2)) & 1 == 0
            else { continue }
            trace.add(
                .fault, at: now, node: index, upstream.node, 0, "its old upstream is put back")
            nodes[index].nodeConf.upstream = upstream
            reload(index)
        }
    }

    private func applyToScheduler(_ fault: Fault) {
        let index = schedulers.firstIndex { $0.isAlive } ?? 0
        switch fault.kind {
        case .killScheduler: killScheduler(index, restartsAfter: 500_000 + fault.duration / 8)
        case .dieAtEffect: schedulers[index].diesAfterEffects = fault.other % 3
        case .pauseScheduler: schedulers[index].pausedUntil = now + fault.duration
        case .secondScheduler:
            // The first one sleeps, the second takes over; then the first one wakes up.
            schedulers[0].pausedUntil = now + fault.duration
            put(.schedulerStart(scheduler: 1, epoch: schedulers[1].epoch), after: 10_000)
        case .storeFails: store.trouble = .fails
        case .storeLosesAnswers: store.trouble = .losesAnswers
        case .storeRollback: rollBackStore()
        default: break
        }
    }

    /// Only while every node can tell its stamp: what none of them shows can't be known.
    private func rollBackStore() {
        let index = schedulers.firstIndex { $0.isAlive } ?? 0
        let place = schedulers[index].place
        let canTell = nodes.indices.allSatisfy { node in
            if case .answers = reach(node, from: place) { true } else { false }
        }
        guard canTell, activeFaults.isEmpty, let old = store.oldest,
            let shown = nodes.compactMap(\.stamp).max(),
            shown > Stamp(term: old.term, step: Revision(old.revision.number + 20))
        else { return }
        store.rollBack()
        killScheduler(index, restartsAfter: 300_000)
    }

    // MARK: - Operators

    private func applyByHand(_ fault: Fault, _ node: Int) {
        switch fault.kind {
        case .handPromote: if nodes[node].answers { askPromotion(node) }
        case .handStart: startServer(node)
        case .handStray: runAsPrimary(node)
        case .handBareStart: startServer(node, isBare: true)
        case .handStop: if nodes[node].answers { stopServer(node) }
        case .handRestart:
            guard nodes[node].answers else { return }
            killServer(node, isMachine: false)
            startServer(node, isBare: fault.other % 2 == 0)
        case .editConninfo:
            // Another upstream under the name that it has had: mis-pointed by hand.
            // A tool that goes on alone under its name would acknowledge commits: not guaranteed.
            guard nodes[node].answers, let old = nodes[node].nodeConf.upstream,
                !nodes.contains(where: { $0.senders.contains { $0.isTool && $0.standby == node } })
            else { return }
            nodes[node].nodeConf.upstream = Upstream(
                node: fault.other % nodes.count, name: old.name)
            reload(node)
        case .tamperNames:
            guard nodes[node].answers, nodes[node].openConf != nil else { return }
            nodes[node].tamperedNames = fault.other % 2 == 0 ? SyncNames.none : SyncNames.locked
            reload(node)
        case .cancelWaits: if nodes[node].answers { cancelWaits(node) }
        case .switchover:
            let to = fault.other % 2 == 0 ? nil : ids[fault.other % nodes.count]
            order(.switchover(to: to))
        case .rejoin:
            order(.rejoin(ids[node]))
        case .loseData: loseData(node)
        case .maintenance:
            let until = (now + fault.duration) / 1_000
            order(.maintenance(ids[node], untilWallMs: fault.other % 2 == 0 ? until : nil))
        case .handCopy: copyByHand(fault, node)
        case .endMaintenance: endMaintenanceByHand()
        case .pause: order(.pause)
        case .failover: order(.failover(to: fault.other % 2 == 0 ? nil : ids[node]))
        case .failoverWithLoss:
            // By an operator who has looked: the old primary is down, or it is left to the fence.
            let old = judge.lastOpened?.node ?? 0
            let isDown = nodes[old].server == .stopped && old == index(store.cluster.lastPrimary)
            let command = OperatorCommand.failoverWithLoss(
                to: ids[node], oldPrimaryIsDown: isDown)
            guard isDown else { return order(command) }
            // Who says so keeps it down until another one is open.
            if schedulers.indices.contains(where: { give($0, command) }) {
                heldDown = (old, judge.lastOpened?.term ?? 0)
            }
        default: break
        }
    }

    private func loseData(_ node: Int) {
        // Of a standby: who is elect, or about to be, may hold what nobody else has.
        guard let opened = judge.lastOpened, node != opened.node, nodes[node].hook == nil,
            nodes[node].hasData, store.cluster.elect != ids[node]
        else { return }
        if case .promote(ids[node])? = store.cluster.intent?.kind { return }
        killServer(node, isMachine: false)
        nodes[node].hasData = false
        nodes[node].log = WriteAheadLog()
        nodes[node].branch = Branch()
        nodes[node].flushed = WriteAheadLog.begin
        nodes[node].received = WriteAheadLog.begin
        nodes[node].replayed = WriteAheadLog.begin
        nodes[node].highestTimeline = 1
        nodes[node].hasStandbySignal = false
    }

    private func order(_ command: OperatorCommand) {
        for index in schedulers.indices where give(index, command) { return }
        // An operator asks again for a while.
        wishes.append((command, now + 20_000_000))
    }

    // MARK: - The end of a fault

    func lift(_ kind: Fault.Kind, _ node: Int) {
        switch kind {
        case .killServer: startServer(node)
        case .crashMachine, .resetMachine, .killTarget, .strikeAtClose:
            bootMachine(node, autostarts: true)
        case .freezeServer, .freezeMachine: thaw(node)
        case .sshDown: nodes[node].hasSSH = true
        case .hungDisk: nodes[node].isHung = false
        case .slowDisk: nodes[node].slowness = 1
        case .fullDisk:
            nodes[node].isDiskFull = false
            if nodes[node].server == .running, nodes[node].receiver == nil,
                nodes[node].startupUpstream != nil
            {
                reconnect(node, after: 200_000)
            }
        case .pauseReplay, .conflict: unblock(node)
        case .badLine, .spoilOpening: nodes[node].hasBadLine = false
        case .handStray: putBackAsStandby(node)
        case .secondScheduler: endSecondScheduler()
        case .maintenance: order(.endMaintenance(ids[node]))
        case .pause: order(.resume)
        case .changePolicy: takePolicy(plan.policy)
        case .storeFails, .storeLosesAnswers: store.trouble = .none
        default: break
        }
    }

    private func endSecondScheduler() {
        killScheduler(1, restartsAfter: nil)
        if !schedulers[0].isAlive {
            put(.schedulerStart(scheduler: 0, epoch: schedulers[0].epoch), after: 10_000)
        }
    }

    /// Everything is put right; what was left stopped is started, as its operators would.
    func heal() {
        isHealed = true
        trace.add(.healed, at: now, node: -1, "everything is put right")
        let active = activeFaults
        activeFaults = []
        network.mend()
        for at in active where !plan.faults[at].kind.isOfLinks {
            lift(plan.faults[at].kind, targets[at] ?? 0)
        }
        for index in nodes.indices {
            thaw(index)
            nodes[index].hasSSH = true
            nodes[index].sshIsStuckUntil = 0
            nodes[index].hasBadLine = false
            nodes[index].isHung = false
            nodes[index].isDiskFull = false
            nodes[index].slowness = 1
            bootMachine(index, autostarts: false)
            if nodes[index].isReplayBlocked { unblock(index) }
            kickSenders(index)
            put(.autostart(node: index, boot: nodes[index].boot), after: 2_000_000)
        }
        store.trouble = .none
        ordersToEnd = true
        wishes = []
        if policy.mode == .manual {
            // An operator decides: here, to leave it to the core.
            policy.mode = .automatic
            killScheduler(0, restartsAfter: nil)
        }
        killScheduler(1, restartsAfter: nil)
        schedulers[0].pausedUntil = 0
        if store.isRolledBack {
            killScheduler(0, restartsAfter: nil)
            store.restore()
        }
        if !schedulers[0].isAlive {
            put(.schedulerStart(scheduler: 0, epoch: schedulers[0].epoch), after: 500_000)
        }
    }

    // MARK: - How long writes stood still

    /// Of a single fault on a healthy cluster: what came before would blur it.
    func noteOutage(_ kind: Fault.Kind, _ node: Int, _ duration: Int64) {
        judge.openOutage?.isStrict = false
        guard judge.openOutage == nil, activeFaults.isEmpty, node == judge.lastOpened?.node,
            now - judge.lastAcknowledgedAt < 2_000_000
        else { return }
        switch kind {
        case .killServer, .crashMachine, .isolate, .freezeServer, .freezeMachine, .switchover:
            judge.openOutage = Outage(
                kind: kind, began: now, isStrict: isStrict(kind, duration))
        default: break
        }
    }

    func endOutage() {
        guard var outage = judge.openOutage, now - outage.began > 50_000 else { return }
        outage.lasted = now - outage.began
        judge.openOutage = nil
        judge.outages.append(outage)
    }
}

/// From a fault to the next acknowledgement by any node.
public struct Outage: Sendable {
    public var kind: Fault.Kind
    var began: Int64
    public var lasted: Int64 = 0
    /// It must end within seconds.
    var isStrict = false
}
