import FailoverCore

/// Configuration files, and how each process takes them in its own time (F6, F7, F10).
extension Simulation {
    /// What a new session of a postmaster that has read the files now would see.
    func readFiles(_ index: Int) {
        var conf = LoadedConf()
        conf.upstream = nodes[index].nodeConf.upstream
        conf.stamp = nodes[index].nodeConf.stamp
        if plan.mutant == .promotesUnlocked {
            conf.names = .none
            conf.isReadOnly = false
            conf.openTerm = conf.stamp.term.number
        }
        if plan.mutant == .lockClearsNames { conf.names = .none }
        if let open = nodes[index].openConf {
            conf.names = nodes[index].tamperedNames ?? open.names
            conf.isTampered = nodes[index].tamperedNames != nil
            conf.isReadOnly = false
            conf.stamp = max(conf.stamp, open.stamp)
            conf.openTerm = open.stamp.term.number
        }
        nodes[index].conf = conf
    }

    /// SIGHUP to the postmaster.
    func reload(_ index: Int) {
        guard nodes[index].server != .stopped else { return }
        put(
            .loadConfig(node: index, run: nodes[index].run),
            after: 300 + Int64(serverRandom.below(4_000)))
    }

    func loadConfig(_ index: Int, _ run: Int) {
        guard nodes[index].run == run, nodes[index].server != .stopped else { return }
        wakePromotion(index)
        guard !nodes[index].hasBadLine else { return }
        let names = nodes[index].conf.names.text
        let term = nodes[index].conf.openTerm
        let wasTampered = nodes[index].conf.isTampered
        readFiles(index)
        if wasTampered, !nodes[index].conf.isTampered { nodes[index].untamperedAt = now }
        if term != nil, nodes[index].conf.openTerm == nil {
            nodes[index].lockedAt = now
            nodes[index].formerTerm = term
        }
        if nodes[index].conf.names.text != names {
            trace.add(
                .names, at: now, node: index, nodes[index].conf.names.required,
                nodes[index].conf.names.voters.count,
                "names '\(nodes[index].conf.names.text)'")
        }
        for at in nodes[index].senders.indices {
            nodes[index].senders[at].hasPendingConfig = true
            // It may be reading a reply at this moment, under the old configuration.
            nodes[index].senders[at].isInTurn = serverRandom.chance(50)
            put(
                .senderConfig(node: index, sender: nodes[index].senders[at].id),
                after: signalDelay(index, common: 3_000))
        }
        put(
            .checkpointerConfig(node: index, run: run),
            after: signalDelay(index, common: 8_000))
        if nodes[index].isInRecovery {
            put(.startupConfig(node: index, run: run), after: signalDelay(index, common: 4_000))
        }
        if nodes[index].isInRecovery, nodes[index].nodeConf.upstream != nil,
            nodes[index].openConf != nil
        {
            judge.report("lock", "\(ids[index]) follows, and has an opening")
        }
        noteOpening(index)
    }

    /// Most processes look within milliseconds; one that is busy takes longer.
    private func signalDelay(_ index: Int, common: Int) -> Int64 {
        let slow = plan.slowSignalPercent
        if slow > 0, serverRandom.chance(slow) {
            return Int64(serverRandom.below(3_000_000))
        }
        return 200 + Int64(serverRandom.below(common)) * Int64(nodes[index].slowness)
    }

    func senderConfig(_ index: Int, _ id: Int) {
        guard let at = nodes[index].senders.firstIndex(where: { $0.id == id }) else { return }
        nodes[index].senders[at].hasPendingConfig = false
        let names = nodes[index].conf.names
        nodes[index].senders[at].names = names
        nodes[index].senders[at].counts = names.voters.contains(nodes[index].senders[at].name)
    }

    func checkpointerConfig(_ index: Int, _ run: Int) {
        guard nodes[index].run == run, nodes[index].server == .running else { return }
        let isDefined = nodes[index].conf.names.isDefined
        guard nodes[index].isSyncDefined != isDefined else { return }
        nodes[index].isSyncDefined = isDefined
        // Who waits is let go at once (F4).
        if !isDefined { releaseWaiters(index, upTo: Int.max) }
    }

    /// The startup process obeys at its wait for WAL only (F10, F11).
    func startupConfig(_ index: Int, _ run: Int) {
        guard nodes[index].run == run, nodes[index].server == .running,
            nodes[index].isInRecovery, !nodes[index].isReplayBlocked
        else { return }
        let wanted = nodes[index].conf.upstream
        guard nodes[index].startupUpstream != wanted else { return }
        nodes[index].startupUpstream = wanted
        if let receiver = nodes[index].receiver { endReceiver(index, receiver, isOrderly: true) }
        if wanted != nil {
            reconnect(index, after: 2_000)
        } else if plan.mutant == .sealLeavesArchive {
            reconnect(index, after: Int64(serverRandom.below(200_000)))
        }
    }

    /// Replay goes on: what waited for the startup process is noticed now.
    func unblock(_ index: Int) {
        nodes[index].isPaused = false
        nodes[index].conflictUntil = 0
        guard nodes[index].server == .running, nodes[index].isInRecovery else { return }
        replay(index)
        put(.startupConfig(node: index, run: nodes[index].run), after: 1_000)
        if nodes[index].receiver == nil, nodes[index].startupUpstream != nil {
            reconnect(index, after: 5_000)
        }
        if nodes[index].isPromotionAsked { wakePromotion(index) }
    }

    // MARK: - Promotion

    /// A request by `pg_ctl promote` or `pg_promote(false)`.
    func askPromotion(_ index: Int) {
        guard nodes[index].server == .running, nodes[index].isInRecovery else { return }
        if !nodes[index].isPromotionAsked {
            nodes[index].promotionAskedAt = now
            nodes[index].isPromotionAsked = true
            // It arrives as the stream ends: the startup process sleeps on (F21a).
            nodes[index].isPromotionAsleep =
                now - nodes[index].streamEndedAt < 5_000 || serverRandom.chance(15)
        }
        nodes[index].isPaused = false
        schedulePromotion(index)
    }

    private func schedulePromotion(_ index: Int) {
        nodes[index].promotionToken += 1
        let sleep =
            nodes[index].isPromotionAsleep ? policy.timers.walRetrieveRetryInterval * 1_000 : 0
        let copy = (8_000 + Int64(serverRandom.below(30_000))) * Int64(nodes[index].slowness)
        put(.promotion(node: index, token: nodes[index].promotionToken), after: sleep + copy)
    }

    func wakePromotion(_ index: Int) {
        guard nodes[index].isPromotionAsked, nodes[index].isPromotionAsleep else { return }
        nodes[index].isPromotionAsleep = false
        schedulePromotion(index)
    }

    func promotionStep(_ index: Int, _ token: Int) {
        guard nodes[index].promotionToken == token, nodes[index].isPromotionAsked,
            nodes[index].server == .running, nodes[index].isInRecovery
        else { return }
        if nodes[index].isReplayBlocked || nodes[index].isHung {
            return put(.promotion(node: index, token: token), after: 100_000)
        }
        if let receiver = nodes[index].receiver { endReceiver(index, receiver, isOrderly: true) }
        let end = nodes[index].log.end
        nodes[index].flushed = end
        nodes[index].received = end
        nodes[index].replayed = end
        nextMaker += 1
        let timeline = max(nodes[index].highestTimeline, nodes[index].branch.timeline) + 1
        nodes[index].branch.fork(to: timeline, at: end, maker: nextMaker)
        nodes[index].highestTimeline = timeline
        nodes[index].isInRecovery = false
        nodes[index].isPromotionAsked = false
        nodes[index].hasStandbySignal = false
        nodes[index].controlState = "in production"
        writeRecord(index, .noise)
        nodes[index].flushed = nodes[index].log.end
        nodes[index].isSyncDefined = nodes[index].conf.names.isDefined
        trace.add(
            .promoted, at: now, node: index, Int(timeline), end,
            "leaves recovery: \(timeline):\(end)")
        if nodes[index].isPromotionAsleep { judgeSleep(index) }
        put(
            .checkpoint(node: index, run: nodes[index].run),
            after: 1_000_000 + Int64(serverRandom.below(15_000_000)))
        noteOpening(index)
        kickSenders(index)
    }

    /// It slept through the wait for WAL although a scheduler that asked for it could wake it.
    private func judgeSleep(_ index: Int) {
        let isWatched = schedulers.contains { scheduler in
            guard scheduler.isAlive, scheduler.pausedUntil <= now else { return false }
            return scheduler.inFlight.contains { run in
                guard case .promote = runs[run].effect.action, runs[run].node == index,
                    runs[run].stage > 0, now - runs[run].began > 100_000,
                    case .answers = reach(index, from: scheduler.place)
                else { return false }
                return runs[run].began <= nodes[index].promotionAskedAt
            }
        }
        // An injected delay may hold up the nudges themselves.
        guard isWatched, nodes[index].slowness == 1, plan.injections.isEmpty else { return }
        judge.report("I4", "\(ids[index]) slept through its promotion")
    }

    // MARK: - Beside the clients

    /// Autovacuum and the background writer: they wait for nobody and ask no lock (F33).
    func noise(_ index: Int) {
        put(.noise(node: index), after: 1_500_000 + Int64(serverRandom.below(6_000_000)))
        guard nodes[index].server == .running, !nodes[index].isInRecovery,
            !nodes[index].isHung, !nodes[index].isDiskFull
        else { return }
        // Now and then a whole table is vacuumed.
        for _ in 0..<(now / 1_000 % 4 == 0 ? 300 : 1) { writeRecord(index, .noise) }
        flushLocally(index)
    }

    /// A standby without an upstream takes what a stray has archived (F13a).
    func followArchive(_ index: Int) {
        guard nodes[index].server == .running, nodes[index].isInRecovery,
            nodes[index].conf.upstream == nil, nodes[index].receiver == nil
        else { return }
        let strays = nodes.indices.filter { other in
            nodes[other].hasData && !nodes[other].isInRecovery
                && nodes[other].branch.timeline > nodes[index].branch.timeline
                && (nodes[other].branch.history.end(of: nodes[index].branch.history.timeline)
                    .map { $0.position >= UInt64(nodes[index].log.end) } ?? false)
        }
        guard let stray = strays.first else { return }
        let end = nodes[index].log.end
        nodes[index].log.records += nodes[stray].log.records.filter {
            $0.start >= end && $0.end <= nodes[stray].flushed
        }
        nodes[index].branch = nodes[stray].branch
        nodes[index].highestTimeline = nodes[stray].branch.timeline
        nodes[index].flushed = nodes[index].log.end
        nodes[index].received = nodes[index].log.end
        nodes[index].replayed = nodes[index].log.end
    }

    func checkpoint(_ index: Int, _ run: Int) {
        guard nodes[index].run == run, nodes[index].server == .running,
            !nodes[index].isInRecovery
        else { return }
        put(
            .checkpoint(node: index, run: run),
            after: 15_000_000 + Int64(serverRandom.below(15_000_000)))
        checkpointNow(index)
    }

    func checkpointNow(_ index: Int) {
        guard !nodes[index].isHung, !nodes[index].isDiskFull else { return }
        writeRecord(index, .noise)
        nodes[index].flushed = nodes[index].log.end
        nodes[index].controlCheckpoint = nodes[index].log.records.last?.start ?? 0
        nodes[index].controlTimeline = nodes[index].branch.timeline
        kickSenders(index)
    }
}
