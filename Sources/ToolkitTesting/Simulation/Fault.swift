import FailoverCore

/// One thing that goes wrong, at its time, with all that it needs drawn beforehand: so it can be
/// taken out of a schedule without shifting another one.
public struct Fault: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        // Processes and machines.
        case killServer, killWithOrphans, crashMachine, resetMachine, crashBackends
        case freezeServer, freezeMachine
        // Links.
        case isolate, cutPair, cutOneWay, cutScheduler, cutSQL, cutReplication, partition
        case delay, loss, sshDown
        // Disks and replay.
        case hungDisk, slowDisk, fullDisk, pauseReplay, conflict, killReceiver
        // The scheduler and its store.
        case killScheduler, dieAtEffect, pauseScheduler, secondScheduler
        case storeFails, storeLosesAnswers, storeRollback
        // Operators.
        case handPromote, handStart, handBareStart, handStop, handRestart, editConninfo
        case tamperNames, badLine, cancelWaits, switchover, rejoin, loseSlot
        /// The data directory of a standby is gone: a lost mount.
        case loseData
        case maintenance, pause, failover, failoverWithLoss
        /// When a failover is under way, a cut-off standby gets its old upstream back.
        case unsealAtFailover
        /// The machine of the next candidate is lost while it is promoted.
        case killCandidate
        /// A tool that receives WAL under a voter's name (F8).
        case duplicate
        /// An operator sets up a copy of the primary by hand.
        case handCopy
        case endMaintenance
        // Those that lie in wait for their moment.
        case killTarget, restoreCandidate, strikeAtFetch, maintenanceAtWork, changeOfMind
        case cutVoterAtSealing, strikeAtClose, unsealAtWork, twinAtPromotion, spoilOpening
        /// A standby is run as a primary for a while, on the timeline that it has, and put back.
        case handStray
        /// sshd takes a command, and nothing comes of it for long.
        case stuckSSH
        /// Another cluster file: fewer copies, more copies, or a node left out.
        case changePolicy
    }

    public var at: Int64
    public var kind: Kind
    /// A node; -1: the primary of that moment; -2: the first of its voters; -3: the last of them.
    public var node: Int
    public var other: Int
    public var duration: Int64

    /// In words, for a report.
    public var says: String {
        let name =
            node == -1
            ? "the primary"
            : node < 0 ? "a voter" : ApplicationName.letters[node % 5]
        return "at \(at / 1_000) ms: \(kind.rawValue) of \(name), other "
            + "\(ApplicationName.letters[other % 5]), for \(duration / 1_000) ms"
    }
}

extension Simulation {
    func begin(fault at: Int) {
        let fault = plan.faults[at]
        guard !isHealed else { return }
        let node = resolve(fault.node)
        trace.add(.fault, at: now, node: node, at, fault.kind.hashNumber, "FAULT \(fault.says)")
        noteOutage(fault.kind, node, fault.duration)
        targets[at] = node
        if fault.kind.liesInWait {
            lurking = at
            return
        }
        if fault.kind.isLasting {
            activeFaults.append(at)
            queue.put(.faultEnd(at), at: now + fault.duration)
        }
        if fault.kind.isOfLinks { return rewire() }
        apply(fault, node)
    }

    private func resolve(_ node: Int) -> Int {
        guard node < 0 else { return node % nodes.count }
        let primary = judge.lastOpened?.node ?? 0
        guard node != -1 else { return primary }
        let voters = store.cluster.configs.last?.voters ?? []
        let voter = node == -2 ? voters.first : voters.last
        return voter.map(index) ?? (primary + 1) % nodes.count
    }

    func end(fault at: Int) {
        guard let position = activeFaults.firstIndex(of: at) else { return }
        activeFaults.remove(at: position)
        let fault = plan.faults[at]
        let node = targets[at] ?? 0
        trace.add(.healed, at: now, node: node, at, 0, "end of \(fault.kind.rawValue)")
        if fault.kind.isOfLinks { return rewire() }
        // Another one of the same kind on the same node may still be on.
        if activeFaults.contains(where: {
            plan.faults[$0].kind == fault.kind && targets[$0] == node
        }) {
            return
        }
        lift(fault.kind, node)
    }

    // MARK: - Links

    func rewire() {
        network.mend()
        for at in activeFaults where plan.faults[at].kind.isOfLinks {
            cut(plan.faults[at], targets[at] ?? 0)
        }
        for index in nodes.indices { kickAfterMending(index) }
    }

    private func kickAfterMending(_ index: Int) {
        for sender in nodes[index].senders where !sender.isSending {
            put(.resend(node: index, sender: sender.id), after: 200_000)
        }
    }

    private func cut(_ fault: Fault, _ node: Int) {
        let others = network.places
        let other = fault.other % nodes.count
        let scheduler = nodes.count + (fault.other % Plan.schedulers)
        switch fault.kind {
        case .isolate:
            for place in 0..<others where place != node {
                network.cut(.every, from: node, to: place)
                network.cut(.every, from: place, to: node)
            }
        case .cutPair:
            network.cut(.every, from: node, to: other)
            network.cut(.every, from: other, to: node)
        case .cutOneWay: network.cut(.every, from: node, to: other)
        case .cutReplication:
            network.cut(.replication, from: node, to: other)
            network.cut(.replication, from: other, to: node)
        case .cutVoterAtSealing, .unsealAtWork, .twinAtPromotion:
            for scheduler in 0..<Plan.schedulers {
                network.cut(.every, from: node, to: nodes.count + scheduler)
                network.cut(.every, from: nodes.count + scheduler, to: node)
            }
        case .cutScheduler:
            network.cut(.every, from: node, to: scheduler)
            network.cut(.every, from: scheduler, to: node)
        case .cutSQL:
            network.cut(.sql, from: node, to: scheduler)
            network.cut(.sql, from: scheduler, to: node)
        case .partition: partition(fault)
        case .delay:
            for place in 0..<others where place != node {
                network.delay(fault.amount, from: node, to: place)
            }
        case .loss:
            for place in 0..<others where place != node {
                network.lose(30, from: node, to: place)
                network.lose(30, from: place, to: node)
            }
        default: break
        }
    }

    /// Two halves that hear nothing of each other.
    private func partition(_ fault: Fault) {
        let sides = fault.other
        for one in 0..<network.places {
            for other in 0..<network.places
            where (sides >> one) & 1 != (sides >> other) & 1 {
                network.cut(.every, from: one, to: other)
            }
        }
    }
}

extension Fault {
    /// Microseconds of delay, drawn into `duration`'s last digits.
    var amount: Int64 { 5_000 + (duration % 997) * 700 }
}

extension Fault.Kind {
    var isOfLinks: Bool {
        switch self {
        case .isolate, .cutPair, .cutOneWay, .cutScheduler, .cutSQL, .cutReplication, .partition,
            .delay, .loss, .cutVoterAtSealing, .unsealAtWork, .twinAtPromotion:
            true
        default: false
        }
    }

    /// It is on for a time, and then lifted.
    var isLasting: Bool {
        switch self {
        case .killWithOrphans, .crashBackends, .killReceiver, .killScheduler, .dieAtEffect,
            .handPromote, .handStart, .handBareStart, .handStop, .handRestart, .editConninfo,
            .cancelWaits, .switchover, .rejoin, .loseData, .loseSlot, .failover, .failoverWithLoss,
            .tamperNames, .storeRollback,
            .pauseScheduler, .killCandidate, .duplicate, .unsealAtFailover, .handCopy,
            .endMaintenance:
            false
        default: true
        }
    }

    /// What it may break is under "Not guaranteed" (`docs/protocol.md`): drawn only where its way is
    /// watched, or not at all.
    var isUnpromised: Bool { self == .resetMachine || self == .handStray }

    var hashNumber: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
