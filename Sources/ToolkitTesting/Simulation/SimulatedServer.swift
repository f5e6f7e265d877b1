import FailoverCore

/// Starting, stopping and crashing a server; its configuration.
extension Simulation {
    /// By a start path of ours (the opening is removed, a marker is respected), or bare.
    @discardableResult
    func startServer(_ index: Int, isBare: Bool = false) -> Bool {
        guard nodes[index].isUp, nodes[index].hasData, nodes[index].server == .stopped,
            now >= nodes[index].orphansUntil, !nodes[index].isDiskFull
        else { return false }
        nodes[index].startsLocked = !isBare
        if let held = heldDown, held.node == index, judge.lastOpened?.term == held.term {
            return false
        }
        if !isBare {
            guard nodes[index].marker == .none else { return false }
            if plan.mutant != .startKeepsOpening { nodes[index].openConf = nil }
        }
        guard !nodes[index].hasBadLine, !nodes[index].isCorrupt else { return false }
        nodes[index].server = .starting
        nodes[index].run += 1
        nodes[index].postmaster += 1
        nodes[index].stageToken += 1
        nodes[index].hasStartedUp = false
        readFiles(index)
        trace.add(.start, at: now, node: index, isBare ? 1 : 0, "starts\(isBare ? ", bare" : "")")
        let time = 80_000 + Int64(serverRandom.below(300_000)) * Int64(nodes[index].slowness)
        put(.serverStage(node: index, token: nodes[index].stageToken), after: time)
        return true
    }

    func serverStage(_ index: Int, _ token: Int) {
        guard nodes[index].stageToken == token else { return }
        switch nodes[index].server {
        case .starting, .crashRecovery: cameUp(index)
        case .shuttingDown: shutDownStep(index)
        case .stopped, .running: break
        }
    }

    private func cameUp(_ index: Int) {
        let wasRestarted = nodes[index].server == .crashRecovery
        nodes[index].server = .running
        nodes[index].hasStartedUp = true
        nodes[index].isSyncDefined = nodes[index].conf.names.isDefined
        nodes[index].syncReleased = 0
        nodes[index].isFlushing = false
        if wasRestarted ? nodes[index].isInRecovery : nodes[index].hasStandbySignal {
            nodes[index].isInRecovery = true
            nodes[index].controlState = "in archive recovery"
            nodes[index].received = nodes[index].log.end
            nodes[index].isReceivedKnown = false
            nodes[index].replayed = nodes[index].log.end
            nodes[index].isPaused = false
            nodes[index].conflictUntil = 0
            nodes[index].isPromotionAsked = false
            nodes[index].startupUpstream = nodes[index].conf.upstream
            nodes[index].receiver = nil
            if nodes[index].conf.upstream != nil { reconnect(index, after: 5_000) }
        } else {
            nodes[index].isInRecovery = false
            nodes[index].receiver = nil
            writeRecord(index, .noise)
            nodes[index].flushed = nodes[index].log.end
            nodes[index].controlCheckpoint = nodes[index].log.records.last?.start ?? 0
            nodes[index].controlTimeline = nodes[index].branch.timeline
            nodes[index].controlState = "in production"
            put(
                .checkpoint(node: index, run: nodes[index].run),
                after: 5_000_000 + Int64(serverRandom.below(20_000_000)))
        }
        trace.add(
            .running, at: now, node: index, nodes[index].log.end,
            nodes[index].isInRecovery ? 1 : 0,
            "runs\(nodes[index].isInRecovery ? " in recovery" : "") at "
                + "\(nodes[index].branch.timeline):\(nodes[index].log.end)")
        if nodes[index].isWritable, nodes[index].startsLocked, !wasRestarted {
            judge.report("lock", "\(ids[index]) was started by a path of ours and is not locked")
        }
        noteOpening(index)
    }

    @discardableResult
    func writeRecord(_ index: Int, _ kind: WALRecord.Kind) -> Int32 {
        nextRecord += 1
        nodes[index].log.append(
            id: nextRecord, length: kind == .commit ? 180 : 90,
            timeline: nodes[index].branch.timeline, kind: kind)
        return nextRecord
    }

    // MARK: - The end of a server

    /// At once, without a word: SIGKILL or SIGQUIT (`isMachine` false), or the machine's end.
    func killServer(_ index: Int, isMachine: Bool) {
        guard nodes[index].server != .stopped else { return }
        trace.add(.crash, at: now, node: index, isMachine ? 1 : 0, "is killed")
        dropConnections(index, isSilent: isMachine)
        loseUnflushed(index)
        nodes[index].server = .stopped
        nodes[index].controlState =
            nodes[index].isInRecovery ? "in archive recovery" : "in production"
        resetServer(index)
    }

    /// A backend crashes: the postmaster lives on and restarts the rest.
    func crashBackends(_ index: Int) {
        guard nodes[index].server == .running else { return }
        trace.add(.crash, at: now, node: index, 2, "restarts after a crash of a backend")
        dropConnections(index, isSilent: false)
        loseUnflushed(index)
        let isInRecovery = nodes[index].isInRecovery
        resetServer(index)
        nodes[index].isInRecovery = isInRecovery
        nodes[index].server = .crashRecovery
        put(
            .serverStage(node: index, token: nodes[index].stageToken),
            after: 200_000 + Int64(serverRandom.below(2_500_000)))
    }

    private func resetServer(_ index: Int) {
        nodes[index].run += 1
        nodes[index].stageToken += 1
        nodes[index].promotionToken += 1
        nodes[index].connectToken += 1
        nodes[index].isFrozen = false
        nodes[index].deferred = []
        nodes[index].waiters = []
        nodes[index].receiver = nil
        nodes[index].isFlushing = false
    }

    /// What was written but not flushed survives in part.
    private func loseUnflushed(_ index: Int) {
        var keep = nodes[index].flushed
        let records = nodes[index].log.records
        if let last = records.last, last.end > keep {
            let first = nodes[index].log.index(from: keep)
            let extra = diskRandom.below(records.count - min(first, records.count - 1) + 1)
            if extra > 0, first + extra <= records.count { keep = records[first + extra - 1].end }
        }
        if plan.isFsyncLying { keep = lyingEnd(index) }
        nodes[index].log.truncate(at: keep)
        nodes[index].flushed = nodes[index].log.end
        nodes[index].received = nodes[index].log.end
        nodes[index].replayed = min(nodes[index].replayed, nodes[index].log.end)
    }

    /// A disk that lies has kept less than it said.
    private func lyingEnd(_ index: Int) -> Int {
        let records = nodes[index].log.records
        guard !records.isEmpty else { return nodes[index].flushed }
        return records[max(records.count - 1 - diskRandom.below(30), 0)].end
    }

    /// `pg_ctl stop -m fast`.
    func stopServer(_ index: Int) {
        guard nodes[index].server == .running || nodes[index].server == .starting else { return }
        trace.add(.stop, at: now, node: index, "is being stopped")
        nodes[index].server = .shuttingDown
        nodes[index].stageToken += 1
        nodes[index].promotionToken += 1
        endSessions(index)
        tellObservers(index)
        nodes[index].shutdownDeadline = 0
        put(
            .serverStage(node: index, token: nodes[index].stageToken),
            after: 20_000 + Int64(serverRandom.below(80_000)) * Int64(nodes[index].slowness))
    }

    private func shutDownStep(_ index: Int) {
        if nodes[index].isHung {
            return put(
                .serverStage(node: index, token: nodes[index].stageToken), after: 200_000)
        }
        guard nodes[index].hasStartedUp else {
            return finishStop(index, state: nodes[index].controlState)
        }
        if nodes[index].isInRecovery {
            if let receiver = nodes[index].receiver {
                endReceiver(index, receiver, isOrderly: true)
            }
            nodes[index].flushed = max(nodes[index].flushed, nodes[index].received)
            return finishStop(index, state: "shut down in recovery")
        }
        if nodes[index].shutdownDeadline == 0 {
            writeRecord(index, .shutdown)
            nodes[index].flushed = nodes[index].log.end
            nodes[index].controlCheckpoint = nodes[index].log.records.last?.start ?? 0
            nodes[index].controlTimeline = nodes[index].branch.timeline
            nodes[index].controlState = "shut down"
            nodes[index].shutdownDeadline =
                now + policy.timers.walSenderTimeout * 1_000
            kickSenders(index)
        }
        let end = nodes[index].log.end
        let isDrained = nodes[index].senders.allSatisfy { ($0.flush ?? 0) >= end }
        guard isDrained || now >= nodes[index].shutdownDeadline else {
            return put(.serverStage(node: index, token: nodes[index].stageToken), after: 10_000)
        }
        finishStop(index, state: "shut down")
    }

    private func finishStop(_ index: Int, state: String) {
        dropConnections(index, isSilent: false)
        nodes[index].log.truncate(at: nodes[index].flushed)
        nodes[index].flushed = nodes[index].log.end
        nodes[index].server = .stopped
        nodes[index].controlState = state
        resetServer(index)
        trace.add(.stop, at: now, node: index, 1, "has stopped: \(state)")
    }

    // MARK: - The machine

    func crashMachine(_ index: Int) {
        killServer(index, isMachine: true)
        nodes[index].isUp = false
        nodes[index].isMachineFrozen = false
        nodes[index].openConf = nil
        nodes[index].orphansUntil = 0
        if let hook = nodes[index].hook { endJob(hook, .lost) }
        nodes[index].hook = nil
    }

    func bootMachine(_ index: Int, autostarts: Bool) {
        guard !nodes[index].isUp else { return }
        nodes[index].isUp = true
        nodes[index].boot += 1
        trace.add(.start, at: now, node: index, 2, "boots")
        if autostarts {
            put(
                .autostart(node: index, boot: nodes[index].boot),
                after: 500_000 + Int64(serverRandom.below(3_000_000)))
        }
    }

    func autostart(_ index: Int, _ boot: Int) {
        guard nodes[index].boot == boot, nodes[index].hook == nil else { return }
        startServer(index)
    }

    func freeze(_ index: Int, isMachine: Bool) {
        if isMachine { nodes[index].isMachineFrozen = true } else { nodes[index].isFrozen = true }
    }

    func thaw(_ index: Int) {
        guard nodes[index].isStopped else { return }
        nodes[index].isFrozen = false
        nodes[index].isMachineFrozen = false
        let waiting = nodes[index].deferred
        nodes[index].deferred = []
        for (offset, happening) in waiting.enumerated() {
            put(happening, after: 50 + Int64(offset))
        }
    }
}
