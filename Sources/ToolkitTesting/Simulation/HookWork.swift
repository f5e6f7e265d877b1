import FailoverCore

/// What each shipped hook does on its node, one stage after the other.
extension Simulation {
    func work(
        _ index: Int, _ hook: Hook, _ stage: Int, _ attachment: Effect.Attachment?,
        _ switchLSN: LSN?
    ) {
        let node = jobs[index].node
        switch hook {
        case .promote: promoteHook(index, node)
        case .follow: endJob(index, .done(rewoundFrom: nil))
        case .fence: fenceHook(index, node)
        case .start: startHook(index, node, stage)
        case .stop: stopHook(index, node, stage)
        case .restart: restartHook(index, node, stage)
        case .disconnect: disconnectHook(index, node)
        case .rejoinStart: rejoinByStart(index, node, stage)
        case .rejoinRewind: rewind(index, node, stage, attachment)
        case .clone: clone(index, node, stage, attachment)
        }
    }

    private func promoteHook(_ index: Int, _ node: Int) {
        guard nodes[node].hasPostmaster else {
            return endJob(index, .failed("PostgreSQL does not run"))
        }
        guard nodes[node].server == .running else {
            return endJob(index, .tryAgain("PostgreSQL is still starting"))
        }
        if nodes[node].isInRecovery, !nodes[node].isFrozen { askPromotion(node) }
        endJob(index, .done(rewoundFrom: nil), after: 5_000)
    }

    private func fenceHook(_ index: Int, _ node: Int) {
        nodes[node].openConf = nil
        killServer(node, isMachine: false)
        nodes[node].orphansUntil = 0
        endJob(index, .done(rewoundFrom: nil), after: 30_000)
    }

    /// Waits until the server answers.
    private func startHook(_ index: Int, _ node: Int, _ stage: Int, after base: Int = 0) {
        switch nodes[node].server {
        case .running: return endJob(index, .done(rewoundFrom: nil))
        case .stopped:
            guard stage == base, startServer(node) else {
                return endJob(index, .failed("it does not start"))
            }
        case .starting, .crashRecovery, .shuttingDown: break
        }
        advance(index, to: base + 1, after: 50_000)
    }

    private func stopHook(_ index: Int, _ node: Int, _ stage: Int) {
        switch nodes[node].server {
        case .stopped: return endJob(index, .done(rewoundFrom: nil))
        case .running, .starting: if stage == 0, !nodes[node].isFrozen { stopServer(node) }
        case .crashRecovery: killServer(node, isMachine: false)
        case .shuttingDown: break
        }
        advance(index, to: nodes[node].isFrozen ? 0 : 1, after: 20_000)
    }

    private func restartHook(_ index: Int, _ node: Int, _ stage: Int) {
        switch (stage, nodes[node].server) {
        case (0, .stopped), (1, .stopped):
            guard startServer(node) else { return endJob(index, .failed("it does not start")) }
            advance(index, to: 2, after: 50_000)
        case (0, _):
            if nodes[node].server == .running, !nodes[node].isFrozen { stopServer(node) }
            advance(index, to: nodes[node].isFrozen ? 0 : 1, after: 20_000)
        case (2, .running): endJob(index, .done(rewoundFrom: nil))
        case (2, .stopped): endJob(index, .failed("it does not start"))
        default: advance(index, to: stage, after: 20_000)
        }
    }

    /// SIGTERM to the receiver, after the reload (F12a).
    private func disconnectHook(_ index: Int, _ node: Int) {
        if let receiver = nodes[node].receiver, !nodes[node].isFrozen {
            endReceiver(node, receiver, isOrderly: true)
        }
        endJob(index, .done(rewoundFrom: nil), after: 5_000)
    }

    // MARK: - Bringing a node back

    private func rejoinByStart(_ index: Int, _ node: Int, _ stage: Int) {
        guard nodes[node].hasData, nodes[node].marker == .none else {
            return endJob(index, .failed("need clone: a marker stands"))
        }
        if stage == 0 {
            if nodes[node].server != .stopped {
                let isThere = nodes[node].server == .running && nodes[node].isInRecovery
                return endJob(
                    index, isThere ? .done(rewoundFrom: nil) : .failed("PostgreSQL runs"))
            }
            nodes[node].hasStandbySignal = true
        }
        startHook(index, node, stage)
    }

    private func rewind(
        _ index: Int, _ node: Int, _ stage: Int, _ attachment: Effect.Attachment?
    ) {
        guard let attachment else { return endJob(index, .failed("no upstream")) }
        let source = self.index(attachment.upstream)
        if stage >= 2 { return startHook(index, node, stage, after: 2) }
        guard nodes[node].server == .stopped else {
            return endJob(index, .failed("PostgreSQL runs"))
        }
        guard nodes[node].hasData else {
            return endJob(index, .failed("need clone: there is no data directory"))
        }
        guard nodes[source].answers, !nodes[source].isInRecovery,
            network.isOpenBothWays(.replication, node, source), !nodes[node].isDiskFull
        else { return endJob(index, .failed("need clone: pg_rewind failed")) }
        if stage == 0 {
            guard nodes[node].marker == .none else {
                return endJob(index, .failed("need clone: a marker stands"))
            }
            nodes[node].marker = .rewinding
            nodes[node].hasStandbySignal = false
            if nodes[node].controlState == "in production" {
                nodes[node].controlState = "shut down"
                writeRecord(node, .noise)
                nodes[node].flushed = nodes[node].log.end
                nodes[node].controlTimeline = nodes[node].branch.timeline
            }
            // It compares numbers, and reads the source's in its control file (F22a).
            guard nodes[source].controlTimeline != nodes[node].controlTimeline else {
                if plan.mutant == .trustsNoRewindRequired {
                    nodes[node].marker = .none
                    nodes[node].hasStandbySignal = true
                    return advance(index, to: 2, after: 20_000)
                }
                return endJob(index, .failed("need clone: no rewind required"))
            }
            return advance(index, to: 1, after: 300_000 + Int64(remoteRandom.below(1_500_000)))
        }
        copyData(from: source, to: node, keepsCommonPart: true)
        nodes[node].marker = .none
        nodes[node].hasStandbySignal = true
        advance(index, to: 2, after: 20_000)
    }

    private func clone(
        _ index: Int, _ node: Int, _ stage: Int, _ attachment: Effect.Attachment?
    ) {
        guard let attachment else { return endJob(index, .failed("no upstream")) }
        let source = self.index(attachment.upstream)
        if stage >= 2 { return startHook(index, node, stage, after: 2) }
        guard nodes[node].server == .stopped else {
            return endJob(index, .failed("PostgreSQL runs"))
        }
        guard nodes[source].answers, network.isOpenBothWays(.replication, node, source),
            !nodes[node].isDiskFull
        else { return endJob(index, .tryAgain("pg_basebackup failed")) }
        if stage == 0 {
            nodes[node].marker = .cloning
            jobs[index].sourceVersion = nodes[source].run
            return advance(index, to: 1, after: 500_000 + Int64(remoteRandom.below(4_000_000)))
        }
        guard jobs[index].sourceVersion == nodes[source].run else {
            return endJob(index, .tryAgain("pg_basebackup failed"))
        }
        copyData(from: source, to: node, keepsCommonPart: false)
        nodes[node].marker = .none
        advance(index, to: 2, after: 20_000)
    }

    /// The data of `node` become those of `source`. pg_rewind keeps what it takes for common: up to
    /// where the histories differ by text.
    private func copyData(from source: Int, to node: Int, keepsCommonPart: Bool) {
        judge.replacesData(of: node, in: self)
        if nodes[node].hasData {
            nodes[node].setAside.append((nodes[node].log, nodes[node].branch))
        }
        var log = nodes[source].log
        log.truncate(at: nodes[source].flushed)
        var makers = nodes[source].branch.makers
        // pg_wal is copied whole; what a lying disk has lost before the fork is out of its sight.
        if keepsCommonPart, !nodes[node].hasForgotten {
            let common = commonEnd(nodes[node].branch.history, nodes[source].branch.history)
            let own = nodes[node].log.records.prefix { $0.end <= common.end }
            log.records = own + log.records.filter { $0.start >= (own.last?.end ?? 0) }
            for at in 0..<min(common.timelines, nodes[node].branch.makers.count, makers.count) {
                makers[at] = nodes[node].branch.makers[at]
            }
        }
        nodes[node].log = log
        nodes[node].branch = Branch(history: nodes[source].branch.history, makers: makers)
        nodes[node].highestTimeline = nodes[source].highestTimeline
        nodes[node].flushed = log.end
        nodes[node].received = log.end
        nodes[node].replayed = log.end
        nodes[node].controlState = "in archive recovery"
        nodes[node].controlTimeline = nodes[source].controlTimeline
        nodes[node].controlCheckpoint = nodes[source].controlCheckpoint
        nodes[node].hasData = true
        nodes[node].hasStandbySignal = true
        nodes[node].isCorrupt = false
        nodes[node].hasForgotten = false
        nodes[node].dataVersion += 1
        trace.add(
            .applied, at: now, node: node, source, log.end,
            "has data of \(ids[source]) up to \(log.end)")
    }

    private func commonEnd(
        _ one: TimelineHistory, _ other: TimelineHistory
    ) -> (timelines: Int, end: Int) {
        let left = one.ancestors
        let right = other.ancestors
        var shared = 0
        while shared < left.count, shared < right.count, left[shared] == right[shared] {
            shared += 1
        }
        // The timeline after the last common departure is common in number up to the earlier end.
        let ends = [
            shared < left.count ? left[shared].end.position : UInt64(Int.max),
            shared < right.count ? right[shared].end.position : UInt64(Int.max),
        ]
        return (shared + 1, Int(ends.min() ?? 0))
    }
}
