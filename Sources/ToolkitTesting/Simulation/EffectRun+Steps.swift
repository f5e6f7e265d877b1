import FailoverCore

/// The steps that watch PostgreSQL: the seal, the barrier, the promotion, the clean stop.
extension Simulation {
    // MARK: - Seal (PROTOCOL 4.4)

    func sealWatch(_ run: EffectRun) -> EffectRun.Step {
        if now - run.began >= policy.timers.sealTimeout * 1_000 {
            return .end(.unknown("not seen cut off and drained within the seal timeout"))
        }
        if run.stage == 2 { return restarting(run) }
        if let step = ask(run) { return step }
        if !nodes[run.node].isInRecovery {
            return sealed(run, nodes[run.node].flushed, isOut: true)
        }
        if plan.mutant == .sealsByReload {
            return sealed(run, nodes[run.node].replayed, isOut: false)
        }
        if plan.mutant == .readsPositionEarly, run.goal == 0 { run.goal = nodes[run.node].replayed }
        let node = nodes[run.node]
        let isDrained =
            node.receiver == nil && !node.isReplayBlocked && node.replayed == node.log.end
        if isDrained {
            if let since = run.drained, since.replayed == node.replayed {
                if now - since.at >= 20_000 { return sealed(run, node.replayed, isOut: false) }
            } else {
                run.drained = (now, node.replayed)
            }
            return .wait(5_000)
        }
        run.drained = nil
        return escalate(run)
    }

    private func sealed(_ run: EffectRun, _ found: Int, isOut: Bool) -> EffectRun.Step {
        var position = found
        if !isOut, plan.mutant == .readsPositionEarly, run.goal > 0 { position = run.goal }
        if !isOut, plan.mutant == .readsReceivedPosition {
            let start = found / WriteAheadLog.segment * WriteAheadLog.segment
            position = nodes[run.node].isReceivedKnown ? nodes[run.node].received : start
        }
        let branch = nodes[run.node].branch
        run.proof = .sealed(
            SealProof(
                position: LSN(UInt64(position)), timeline: branch.history.timeline,
                history: branch.history, isOutOfRecovery: isOut,
                postmasterStart: String(nodes[run.node].postmaster)))
        return .next
    }

    private func escalate(_ run: EffectRun) -> EffectRun.Step {
        let age = now - run.began
        if age >= 1_500_000 {
            if run.taken.insert(3).inserted {
                run.stage = 2
                startRemote(
                    .hook(.restart, nil, switchLSN: nil), on: run.node, run, slot: 1,
                    timeout: hookTimeout(.restart))
                return .wait(pace(run, 5_000))
            }
        } else if age >= 500_000 {
            if run.taken.insert(2).inserted {
                startRemote(
                    .hook(.disconnect, nil, switchLSN: nil), on: run.node, run, slot: 1,
                    timeout: hookTimeout(.disconnect))
            }
        } else if age >= 150_000 || nodes[run.node].isPaused {
            if run.taken.insert(1).inserted { unblock(run.node) }
        }
        return .wait(pace(run, 5_000))
    }

    /// After the restart a new session is wanted.
    private func restarting(_ run: EffectRun) -> EffectRun.Step {
        guard run.results[1] != nil else { return .wait(20_000) }
        if case .answers = reach(run.node, from: schedulers[run.scheduler].place) {
            run.session = (run.node, nodes[run.node].run)
            run.stage = 0
        }
        return .wait(20_000)
    }

    // MARK: - Promote

    func promotion(_ run: EffectRun) -> EffectRun.Step {
        if run.stage == 0 {
            if let step = connect(run, to: run.node, within: 1_000_000) { return step }
            run.session = (run.node, nodes[run.node].run)
            run.stage = 1
            nodes[run.node].conflictUntil = 0
            startRemote(
                .hook(.promote, nil, switchLSN: nil), on: run.node, run, slot: 1,
                timeout: hookTimeout(.promote))
            // Both go side by side; the files' answer is waited for at the end.
            let request = NodeRequest(upstream: nil, opening: .removed)
            _ = applyStep(run, request, true)
            return .wait(3_000)
        }
        if run.stage == 3 { return filesOfPromotion(run) }
        if let step = ask(run) { return step }
        if !nodes[run.node].isInRecovery {
            let branch = nodes[run.node].branch
            run.proof = .promoted(
                PromotionProof(timeline: branch.history.timeline, history: branch.history))
            addSlots(for: nodes.indices.filter { $0 != run.node }, on: run.node)
            run.stage = 3
            return filesOfPromotion(run)
        }
        if let result = run.results[1], run.stage == 1 {
            if let step = answerOfHook(run, result) { return step }
            run.stage = 2
        }
        guard now - run.began < policy.timers.promoteTimeout * 1_000 else {
            return .end(.unknown("still in recovery after the promotion"))
        }
        if now - run.nudgedAt >= 30_000, plan.mutant != .doesNotNudge {
            run.nudgedAt = now
            wakePromotion(run.node)
        }
        return .wait(pace(run, 3_000))
    }

    private func answerOfHook(_ run: EffectRun, _ result: RemoteJob.Result) -> EffectRun.Step? {
        switch result {
        case .done: return nil
        case .notStarted:
            // SQL carries no stamp: it comes after a node-apply that was not refused.
            switch filesOfPromotion(run) {
            case .wait(let time): return .wait(time)
            case .end(let outcome): return .end(outcome)
            case .next:
                askPromotion(run.node)
                return nil
            }
        default: return .end(outcome(result))
        }
    }

    private func filesOfPromotion(_ run: EffectRun) -> EffectRun.Step {
        if run.taken.contains(9) { return .next }
        let step = applyStep(run, NodeRequest(upstream: nil, opening: .removed), true)
        if case .next = step { run.taken.insert(9) }
        return step
    }

    func leavesRecovery(_ run: EffectRun) -> EffectRun.Step {
        if let step = ask(run) { return step }
        guard !nodes[run.node].isInRecovery else {
            return .end(.failed("it is in recovery: a standby can't be opened"))
        }
        run.proof = .opened(bootID: run.bootID)
        return .next
    }

    // MARK: - The barrier (PROTOCOL 2.3)

    private static let barrierLimit: Int64 = 10_000_000

    /// A commit of its own session is seen waiting (F6).
    func flagIsUp(_ run: EffectRun, _ change: Effect.Reconfiguration) -> EffectRun.Step {
        if let step = ask(run) { return step }
        guard now - run.began < Self.barrierLimit else {
            return .end(.tryAgain("commits do not wait for the standbys yet"))
        }
        if run.stage == 0 {
            guard push(run.node) else { return .wait(pace(run, 4_000)) }
            run.goal = nodes[run.node].log.end
            run.stage = 1
            return .wait(4_000)
        }
        guard nodes[run.node].flushed >= run.goal else { return .wait(pace(run, 4_000)) }
        // Seen waiting; the larger the record, the longer it waits for its copies.
        let isSeenWaiting = covered(run.node, change) < run.goal || run.taken.contains(7)
        if nodes[run.node].isSyncDefined, isSeenWaiting { return .next }
        if plan.mutant == .trustsReturnedCanary, !isSeenWaiting { return .next }
        run.taken.insert(7)
        run.stage = 0
        return .wait(pace(run, 4_000))
    }

    /// `pg_logical_emit_message(true, …)`: a record that every standby has to answer.
    private func push(_ node: Int) -> Bool {
        guard !nodes[node].isHung, !nodes[node].isDiskFull, !nodes[node].isInRecovery else {
            return false
        }
        writeRecord(node, .noise)
        flushLocally(node)
        return true
    }

    /// Each walsender has taken the value: two new replies since (F7).
    func everySenderAnswered(_ run: EffectRun, _ change: Effect.Reconfiguration) -> EffectRun.Step {
        if let step = ask(run) { return step }
        let names = change.everyVoter.map { ApplicationName.number($0) }
        if run.stage == 0 {
            run.stage = 1
            for sender in nodes[run.node].senders where names.contains(sender.name) {
                run.seen.append((sender.id, sender.replies, 0))
            }
        } else {
            let senders = nodes[run.node].senders
            run.seen.removeAll { entry in !senders.contains { $0.id == entry.sender } }
            for sender in senders where names.contains(sender.name) {
                for at in run.seen.indices
                where run.seen[at].sender == sender.id && run.seen[at].replies != sender.replies {
                    run.seen[at].replies = sender.replies
                    run.seen[at].changes += 1
                }
            }
            if run.seen.allSatisfy({ $0.changes >= 2 }) { return .next }
        }
        guard now - run.began < Self.barrierLimit else {
            return .end(.tryAgain("a walsender's standby does not answer"))
        }
        _ = push(run.node)
        return .wait(pace(run, 4_000))
    }

    /// What the old quorum acknowledged alone is held by the new one.
    func caughtUp(_ run: EffectRun, _ change: Effect.Reconfiguration) -> EffectRun.Step {
        if let step = ask(run) { return step }
        if run.stage == 0 {
            run.stage = 1
            run.goal = nodes[run.node].log.end
        }
        if covered(run.node, change) >= run.goal { return .next }
        guard now - run.began < Self.barrierLimit else {
            return .end(.tryAgain("the new quorum has not caught up"))
        }
        _ = push(run.node)
        return .wait(pace(run, 4_000))
    }

    /// The k-th largest position of the new voters; of two rows of one name the lower.
    private func covered(_ node: Int, _ change: Effect.Reconfiguration) -> Int {
        var flushes: [Int] = []
        for voter in change.voters {
            let name = ApplicationName.number(voter)
            let rows = nodes[node].senders.filter { $0.name == name }
            if let least = rows.map({ $0.flush ?? 0 }).min() { flushes.append(least) }
        }
        flushes.sort(by: >)
        return flushes.count >= change.required ? flushes[change.required - 1] : 0
    }

    // MARK: - Stop, fence, checkpoint

    func checkpointStep(_ run: EffectRun, _ source: Int, _ isNeeded: Bool) -> EffectRun.Step {
        if !isNeeded, !isOwnCheckpoint(run, source) { return .next }
        switch reach(source, from: schedulers[run.scheduler].place) {
        case .answers: break
        case .refuses(let reason): return isNeeded ? .end(.tryAgain(reason.rawValue)) : .next
        case .silent:
            if run.stage < 2 {
                run.stage = 2
                return .wait(2_000_000)
            }
            return isNeeded ? .end(.unknown("timed out")) : .next
        }
        if isNeeded, nodes[source].controlTimeline == nodes[source].branch.timeline {
            return .next
        }
        if run.stage == 0 {
            run.stage = 1
            return .wait(50_000 * Int64(nodes[source].slowness))
        }
        if !nodes[source].isInRecovery, plan.mutant != .trustsNoRewindRequired {
            checkpointNow(source)
        }
        return .next
    }

    private func isOwnCheckpoint(_ run: EffectRun, _ source: Int) -> Bool {
        switch run.effect.action {
        case .stopForSwitchover, .quiesce: source == run.node
        default: false
        }
    }

    func fence(_ run: EffectRun) -> EffectRun.Step {
        if run.stage < 2 {
            let step = hookStep(run, .fence, nil, nil)
            guard case .notStarted? = run.results[1] else { return step }
            run.stage = 2
        }
        // Without a runner it can only be locked.
        let step = applyStep(run, NodeRequest(upstream: nil, opening: .removed), true)
        if case .wait = step { return step }
        if case .next = step, nodes[run.node].answers { endSessions(run.node) }
        return .end(.failed("it was not stopped"))
    }

    /// pg_control says `shut down`, and no postmaster is left.
    func stopProof(_ run: EffectRun) -> EffectRun.Step {
        if run.stage == 0 {
            run.stage = 1
            startRemote(
                .hook(.stop, nil, switchLSN: nil), on: run.node, run, slot: 1,
                timeout: hookTimeout(.stop))
        }
        guard now - run.began < policy.timers.switchoverTimeout * 1_000 else {
            return .end(.unknown("not stopped within the switchover timeout"))
        }
        if run.stage == 1, run.applying == 0, run.results[1] != nil { run.stage = 2 }
        switch inspected(run) {
        case .step(let step): return step
        case .seen(let seen):
            if seen.controlState == "shut down", !seen.isPostmasterRunning,
                let checkpoint = seen.checkpoint, let timeline = seen.timeline
            {
                run.proof = .stopped(StopProof(checkpoint: checkpoint, timeline: timeline))
                return .next
            }
            if run.stage == 2, let result = run.results[1] {
                guard case .done = result else { return .end(outcome(result)) }
                return .end(.unknown("stopped, but pg_control says otherwise"))
            }
            return .wait(10_000)
        }
    }
}
