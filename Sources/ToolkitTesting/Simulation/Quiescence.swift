import FailoverCore

/// After the last fault: the cluster must converge, and then be as it was promised.
extension Simulation {
    func healCheck() {
        if !isHealed { heal() }
        guard now < plan.healAt + Plan.convergence else {
            return judge.report("I4", "not healthy again within 600 s: \(complaint)")
        }
        guard now > plan.healAt + 3_000_000, complaint.isEmpty else {
            return put(.healCheck, after: 250_000)
        }
        guard hasReleasedZombies else {
            hasReleasedZombies = true
            releaseZombies()
            return put(.healCheck, after: 4_000_000)
        }
        guard let settled else {
            settled = rest
            repeatLastEffects()
            return put(.healCheck, after: 4_000_000)
        }
        checkRest(since: settled)
        checkDurability(judge.lastOpened?.node ?? 0, "the primary at the end")
        for node in nodes.indices { checkCopy(node, of: judge.lastOpened?.node ?? 0) }
        isOver = true
    }

    /// I7: what a standby holds is what the primary has written, timeline by timeline and record by
    /// record; PostgreSQL itself compares numbers only (F20).
    private func checkCopy(_ node: Int, of primary: Int) {
        let (copy, original) = (nodes[node], nodes[primary])
        if copy.branch.makers != original.branch.makers {
            judge.report("I7", "\(ids[node]) follows on timelines that \(ids[primary]) is not on")
        }
        let strange = copy.log.records.first { record in
            record.end <= original.flushed
                && !original.log.holds(id: record.id, at: record.start)
        }
        if let strange {
            judge.report(
                "I7",
                "\(ids[node]) holds another record at \(strange.start) than \(ids[primary])")
        }
        let missing = original.log.records.first { record in
            record.end <= copy.flushed && !copy.log.holds(id: record.id, at: record.start)
        }
        if let missing {
            judge.report(
                "I7", "\(ids[node]) lacks the record at \(missing.start) that \(ids[primary]) has")
        }
    }

    /// I4 by the clock: no promotion may hang, and a single fault may stop writes for so long only.
    func watchTimes() {
        let isAwake = schedulers.contains { $0.isAlive && $0.pausedUntil <= now }
        if store.cluster.phase != .promoting || !isAwake || store.trouble != .none
            || store.cluster.pausedSinceWallMs != nil
        {
            promotingSince = nil
        } else if let since = promotingSince, since.term == store.cluster.term.number {
            if now - since.at > (policy.timers.promoteTimeout + 20_000) * 1_000 {
                judge.report("I4", "a promotion hangs for \((now - since.at) / 1_000) ms")
            }
        } else {
            promotingSince = (now, store.cluster.term.number)
        }
        // Under `alone: block` commits wait as long as there is nobody to count.
        guard let outage = judge.openOutage, outage.isStrict, now - outage.began > 25_000_000,
            !store.cluster.configs.contains(.waiting)
        else { return }
        judge.report(
            "I4",
            "a single fault, \(outage.kind.rawValue), stops writes for "
                + "\((now - outage.began) / 1_000) ms")
    }

    /// Whether nothing but this fault stands between the cluster and a failover.
    func isStrict(_ kind: Fault.Kind, _ duration: Int64) -> Bool {
        let cluster = store.cluster
        guard kind != .switchover, duration > 26_000_000, !isHealed, judge.failovers == 0,
            policy.mode == .automatic, !policy.validatesFailover, wishes.isEmpty,
            policy.timers.monitorInterval <= 500, policy.nodes.allSatisfy({ $0.priority > 0 }),
            cluster.phase == .steady, cluster.intent == nil, cluster.configs.count == 1,
            cluster.pausedSinceWallMs == nil, let config = cluster.configs.first,
            config.required > 0, !config.voters.isEmpty, schedulers[0].isAlive,
            schedulers[0].pausedUntil <= now, plan.zombiePercent == 0, plan.lossPercent == 0
        else { return false }
        return config.voters.allSatisfy { voter in
            let node = nodes[index(voter)]
            return node.answers && node.receiver?.isWaiting == false && !node.isReplayBlocked
        }
    }

    /// Late commands arrive now. One that no later command to its node forbids may cut that node off
    /// for a moment; the cluster has to converge again.
    private func releaseZombies() {
        for index in jobs.indices {
            if case .travelling = jobs[index].stage {
                jobs[index].loses = true
                put(.remoteArrive(job: index), after: 1_000)
            }
        }
    }

    /// Why the cluster is not as it should be; empty when it is.
    var complaint: String {
        guard schedulers[0].isAlive else { return "no scheduler" }
        let machine = schedulers[0].machine
        let cluster = machine.cluster
        guard let elect = cluster.elect else { return "nobody is elect (\(cluster.phase))" }
        let primary = index(elect)
        guard nodes[primary].isWritable else { return "\(elect) is not open" }
        for index in nodes.indices where index != primary {
            guard nodes[index].server == .running, nodes[index].isInRecovery,
                let receiver = nodes[index].receiver, !receiver.isWaiting,
                case let source = receiver.upstream.node,
                source == primary || policy.nodes[index].upstream == ids[source]
            else { return "\(ids[index]) does not follow \(elect)" }
        }
        let view = machine.view(at: instant)
        guard view.isHealthy else {
            return "phase \(view.phase), waits for \(view.waitingFor), alarms \(view.alarms), "
                + "configs \(view.configs)"
        }
        return nodes[primary].conf.names.text == cluster.standbyNames(cluster.configs[0])
            ? "" : "other names are in force"
    }
}
