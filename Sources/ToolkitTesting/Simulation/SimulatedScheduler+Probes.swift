import FailoverCore

/// The observers of a scheduler: one probe of a node at a time, canaries, the held sessions.
extension Simulation {
    func probeNow(_ index: Int, _ node: Int) {
        if schedulers[index].observers[node].isInFlight {
            schedulers[index].observers[node].isWoken = true
            return
        }
        schedulers[index].observers[node].token += 1
        put(
            .probe(
                scheduler: index, node: node,
                token: schedulers[index].observers[node].token), after: 200)
    }

    func probe(_ index: Int, _ node: Int, _ token: Int) {
        guard schedulers[index].isAlive, schedulers[index].observers[node].token == token else {
            return
        }
        if isPaused(index, .probe(scheduler: index, node: node, token: token)) { return }
        schedulers[index].observers[node].isInFlight = true
        schedulers[index].observers[node].isWoken = false
        schedulers[index].observers[node].began = now
        schedulers[index].observers[node].result = nil
        let place = schedulers[index].place
        if case .silent = reach(node, from: place) {
            return timeOut(index, node, token)
        }
        put(
            .probeSample(scheduler: index, node: node, token: token),
            after: network.latency(place, node, &schedulerRandom) + 500)
    }

    func timeOut(_ index: Int, _ node: Int, _ token: Int) {
        schedulers[index].observers[node].result = .unreachable(ids[node], .timedOut)
        let end = schedulers[index].observers[node].began + policy.timers.probeTimeout * 1_000
        put(
            .probeAnswer(scheduler: index, node: node, token: token),
            after: max(end - now, 1))
    }

    func sample(_ index: Int, _ node: Int, _ token: Int) {
        guard schedulers[index].isAlive, schedulers[index].observers[node].token == token else {
            return
        }
        let place = schedulers[index].place
        switch reach(node, from: place) {
        case .silent: return timeOut(index, node, token)
        case .refuses(let reason):
            schedulers[index].observers[node].result = .unreachable(ids[node], reason)
        case .answers:
            schedulers[index].observers[node].result = .observed(ids[node], observation(node))
        }
        put(
            .probeAnswer(scheduler: index, node: node, token: token),
            after: network.latency(node, place, &schedulerRandom))
    }

    func answer(_ index: Int, _ node: Int, _ token: Int) {
        guard schedulers[index].isAlive, schedulers[index].observers[node].token == token else {
            return
        }
        if isPaused(index, .probeAnswer(scheduler: index, node: node, token: token)) { return }
        guard let event = schedulers[index].observers[node].result else { return }
        schedulers[index].observers[node].isInFlight = false
        schedulers[index].observers[node].result = nil
        if case .observed = event {
            schedulers[index].observers[node].holdsSession = true
            schedulers[index].observers[node].isSilent = false
        } else {
            schedulers[index].observers[node].holdsSession = false
            schedulers[index].observers[node].isSilent = true
        }
        scheduleProbe(index, node)
        take(index, event)
        if case .observed(_, let seen) = event, schedulers[index].isAlive {
            canary(index, node, seen)
        }
    }

    /// A write of our own, when the flushed position stands still.
    private func canary(_ index: Int, _ node: Int, _ seen: NodeObservation) {
        guard seen.isOpen else {
            schedulers[index].observers[node].canaryPosition = nil
            schedulers[index].observers[node].isCanaryStalled = false
            return
        }
        let observer = schedulers[index].observers[node]
        let hasMoved = observer.canaryPosition.map { $0 != seen.position } ?? false
        schedulers[index].observers[node].canaryPosition = seen.position
        if hasMoved {
            guard observer.isCanaryStalled else { return }
            schedulers[index].observers[node].isCanaryStalled = false
            return take(index, .canary(ids[node], .written))
        }
        let isDue = now - observer.canaryAt >= policy.timers.canaryInterval * 1_000
        guard isDue || schedulers[index].isUrgent || observer.isCanaryStalled,
            !observer.isCanaryOut, nodes[node].answers,
            // Asked of a standby, by a scheduler that slept, the server refuses it.
            !nodes[node].isInRecovery
        else { return }
        schedulers[index].observers[node].isCanaryOut = true
        writeRecord(node, .noise)
        flushLocally(node)
        put(
            .canary(
                scheduler: index, node: node, epoch: schedulers[index].epoch,
                goal: nodes[node].log.end),
            after: policy.timers.probeTimeout * 1_000)
    }

    func canaryEnded(_ index: Int, _ node: Int, _ epoch: Int, _ goal: Int) {
        guard schedulers[index].isAlive, schedulers[index].epoch == epoch else { return }
        schedulers[index].observers[node].isCanaryOut = false
        guard nodes[node].answers, !nodes[node].isInRecovery,
            network.isOpenBothWays(.sql, schedulers[index].place, node)
        else { return }
        let isStalled = nodes[node].flushed < goal
        schedulers[index].observers[node].canaryAt = now
        schedulers[index].observers[node].isCanaryStalled = isStalled
        take(index, .canary(ids[node], isStalled ? .stalled("IO WALSync") : .written))
    }

    private func scheduleProbe(_ index: Int, _ node: Int) {
        let observer = schedulers[index].observers[node]
        let interval: Int64
        if observer.isWoken {
            interval = 0
        } else if observer.burst > 0 {
            schedulers[index].observers[node].burst -= 1
            interval = min(25, policy.timers.monitorInterval / 4)
        } else {
            interval =
                schedulers[index].isUrgent
                ? policy.timers.monitorInterval / 4 : policy.timers.monitorInterval
        }
        schedulers[index].observers[node].token += 1
        put(
            .probe(
                scheduler: index, node: node,
                token: schedulers[index].observers[node].token),
            after: max(observer.began + interval * 1_000 - now, 1))
    }

    /// A held session ends: a server that is stopped says so, one that dies just closes.
    func tellObservers(_ node: Int) {
        for index in schedulers.indices
        where schedulers[index].isAlive && schedulers[index].observers[node].holdsSession {
            schedulers[index].observers[node].holdsSession = false
            guard network.isOpen(.sql, node, schedulers[index].place), nodes[node].isUp else {
                continue
            }
            if nodes[node].server == .shuttingDown, schedulers[index].pausedUntil <= now {
                take(index, .unreachable(ids[node], .administratorStop))
            }
            probeNow(index, node)
        }
    }
}
