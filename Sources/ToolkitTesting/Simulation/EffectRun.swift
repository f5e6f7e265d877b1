import FailoverCore

/// One attempt of one effect, step by step as the real executor takes it. It dies with its
/// scheduler; the commands that it sent do not.
final class EffectRun {
    /// One step of an executor's function.
    enum Operation {
        case slots(upstream: Int)
        case apply(upstream: Upstream?, opening: NodeRequest.Opening, overSQL: Bool)
        case readBackSealed
        case readBackNames(String)
        case sealWatch
        case promotion
        case leavesRecovery
        case hook(Hook, Effect.Attachment?, switchLSN: LSN?)
        case stopIfRunning
        case checkpoint(Int, isNeeded: Bool)
        case flag(Effect.Reconfiguration)
        case senders(Effect.Reconfiguration)
        case catchUp(Effect.Reconfiguration)
        case fence
        case stopProof
        case lockSeen
        case handOver(target: Int)
        case readBackUpstream
        case replayed(Int)
        case dropSlots([Int])
        case inspect
        case validate
    }

    enum Step {
        case next
        case wait(Int64)
        case end(Outcome)
    }

    let index: Int
    let effect: Effect
    let node: Int
    let scheduler: Int
    let epoch: Int
    /// Begun once more by nobody: what comes of it is not told.
    let isRepeated: Bool
    var program: [Operation] = []
    var token = 0
    var isOver = false
    /// Results of commands: of node-apply, and of a hook beside it.
    var results: [RemoteJob.Result?] = [nil, nil]
    var slotTokens = [0, 0]

    // Of the present operation.
    var counter = 0
    var stage = 0
    var began: Int64 = 0
    var silentSince: Int64?
    var applying = 0
    var applyBegan: Int64 = 0
    var taken: Set<Int> = []
    var drained: (at: Int64, replayed: Int)?
    var seen: [(sender: Int, replies: Int, changes: Int)] = []
    var goal = 0
    var nudgedAt: Int64 = 0

    /// A session that is held over operations.
    var session: (node: Int, run: Int)?
    var bootID = ""
    var proof: Proof = .none

    init(
        index: Int, effect: Effect, node: Int, scheduler: Int, epoch: Int, isRepeated: Bool = false
    ) {
        self.index = index
        self.effect = effect
        self.node = node
        self.scheduler = scheduler
        self.epoch = epoch
        self.isRepeated = isRepeated
    }

    func startOperation(at now: Int64) {
        stage = 0
        began = now
        silentSince = nil
        applying = 0
        taken = []
        drained = nil
        seen = []
        nudgedAt = now
    }
}

extension Simulation {
    func begin(_ effect: Effect, by scheduler: Int) {
        let node = index(effect.node)
        let run = EffectRun(
            index: runs.count, effect: effect, node: node, scheduler: scheduler,
            epoch: schedulers[scheduler].epoch)
        run.program = program(effect, node)
        run.startOperation(at: now)
        runs.append(run)
        schedulers[scheduler].inFlight.append(run.index)
        judge.begins(effect, in: self)
        trace.add(
            .effect, at: now, node: node, effect.stamp.step.number, effect.stamp.term.number,
            "\(effect.action.name) \(effect.stamp) begins")
        put(.wakeRun(run: run.index, token: run.token), after: 300)
    }

    func wake(_ index: Int, _ token: Int) {
        let run = runs[index]
        guard run.token == token, !run.isOver, schedulers[run.scheduler].isAlive,
            schedulers[run.scheduler].epoch == run.epoch
        else { return }
        if schedulers[run.scheduler].pausedUntil > now {
            run.token += 1
            return queue.put(
                .wakeRun(run: index, token: run.token), at: schedulers[run.scheduler].pausedUntil)
        }
        while true {
            guard run.counter < run.program.count else { return end(run, .done(run.proof)) }
            switch perform(run, run.program[run.counter]) {
            case .next:
                run.counter += 1
                run.startOperation(at: now)
            case .wait(let time):
                run.token += 1
                return put(.wakeRun(run: index, token: run.token), after: time)
            case .end(let outcome): return end(run, outcome)
            }
        }
    }

    private func end(_ run: EffectRun, _ outcome: Outcome) {
        run.isOver = true
        trace.add(
            .outcome, at: now, node: run.node, run.effect.stamp.step.number, outcome.number,
            "\(run.effect.action.name) \(run.effect.stamp): \(outcome.words)")
        if !run.isRepeated { effectEnded(run, outcome) }
    }

    private func perform(_ run: EffectRun, _ operation: EffectRun.Operation) -> EffectRun.Step {
        switch operation {
        case .slots(let upstream): makeSlots(run, on: upstream)
        case .apply(let upstream, let opening, let overSQL):
            applyStep(run, NodeRequest(upstream: upstream, opening: opening), overSQL)
        case .readBackSealed:
            readBack(run) { $0.upstream == nil && $0.stamp == run.effect.stamp }
        case .readBackNames(let names):
            readBack(run) {
                $0.names.text == names && !$0.isReadOnly && $0.stamp == run.effect.stamp
            }
        case .sealWatch: sealWatch(run)
        case .promotion: promotion(run)
        case .leavesRecovery: leavesRecovery(run)
        case .hook(let hook, let attachment, let lsn): hookStep(run, hook, attachment, lsn)
        case .stopIfRunning: stopIfRunning(run)
        case .checkpoint(let source, let isNeeded): checkpointStep(run, source, isNeeded)
        case .flag(let change): flagIsUp(run, change)
        case .senders(let change): everySenderAnswered(run, change)
        case .catchUp(let change): caughtUp(run, change)
        case .fence: fence(run)
        case .stopProof: stopProof(run)
        case .lockSeen:
            readBack(run) {
                $0.isReadOnly && $0.openTerm == nil && $0.stamp == run.effect.stamp
            }
        case .handOver(let target): handOver(run, target)
        case .readBackUpstream:
            readBack(run) { $0.upstream != nil && $0.stamp == run.effect.stamp }
        case .replayed(let end): replayedUpTo(run, end)
        case .dropSlots(let slots): dropSlots(run, slots)
        case .inspect: inspectStep(run)
        case .validate: validateStep(run)
        }
    }

    // MARK: - Sessions

    func rtt(_ run: EffectRun) -> Int64 {
        2 * network.latency(schedulers[run.scheduler].place, run.node, &schedulerRandom)
    }

    /// Nil when a new session can be had; else what comes of the attempt.
    func connect(_ run: EffectRun, to node: Int, within limit: Int64) -> EffectRun.Step? {
        switch reach(node, from: schedulers[run.scheduler].place) {
        case .answers:
            run.silentSince = nil
            return nil
        case .refuses(let reason): return .end(.tryAgain(reason.rawValue))
        case .silent:
            let since = run.silentSince ?? now
            run.silentSince = since
            return now - since >= limit ? .end(.unknown("timed out")) : .wait(limit)
        }
    }

    /// Nil when the held session answers.
    func ask(_ run: EffectRun) -> EffectRun.Step? {
        guard let session = run.session else { return .end(.tryAgain("no session")) }
        let isReachable: Bool
        if case .silent = reach(session.node, from: schedulers[run.scheduler].place) {
            isReachable = false
        } else {
            isReachable = true
        }
        if isReachable {
            run.silentSince = nil
            guard nodes[session.node].run == session.run, nodes[session.node].server == .running
            else { return .end(.tryAgain("closed")) }
            return nil
        }
        let since = run.silentSince ?? now
        run.silentSince = since
        return now - since >= 1_000_000 ? .end(.unknown("timed out")) : .wait(250_000)
    }

    func pace(_ run: EffectRun, _ shortest: Int64) -> Int64 {
        let age = now - run.began
        return age < 100_000 ? shortest : age < 1_000_000 ? shortest * 4 : shortest * 12
    }

    private func makeSlots(_ run: EffectRun, on upstream: Int) -> EffectRun.Step {
        if let step = connect(run, to: upstream, within: 2_000_000) { return step }
        if run.stage == 0 {
            run.stage = 1
            return .wait(rtt(run) + 2_000)
        }
        addSlots(for: [run.node], on: upstream)
        return .next
    }

    func addSlots(for members: [Int], on node: Int) {
        // A slot that was invalidated is made anew.
        if plan.mutant != .keepsLostSlots {
            nodes[node].slots.removeAll {
                $0.isLost && $0.sender == nil && members.contains($0.node)
            }
        }
        for member in members where !nodes[node].slots.contains(where: { $0.node == member }) {
            nodes[node].slots.append(ReplicationSlot(node: member))
        }
    }

    private func readBack(
        _ run: EffectRun, until isRight: (LoadedConf) -> Bool
    ) -> EffectRun.Step {
        if let step = connect(run, to: run.node, within: 2_000_000) { return step }
        let isRead = isRight(nodes[run.node].conf) && !nodes[run.node].hasBadLine
        if isRead || plan.mutant == .skipsReadBack {
            run.session = (run.node, nodes[run.node].run)
            return .next
        }
        guard now - run.began < 2_000_000 else {
            return .end(.unknown("a new session does not show what was written"))
        }
        return .wait(pace(run, 3_000))
    }
}

extension Outcome {
    var number: Int {
        switch self {
        case .done: 0
        case .failed: 1
        case .tryAgain: 2
        case .stale: 3
        case .unknown: 4
        }
    }

    var words: String {
        switch self {
        case .done(.sealed(let proof)):
            "sealed \(proof.timeline):\(proof.position.position)"
                + (proof.isOutOfRecovery ? ", out of recovery" : "")
        case .done(.promoted(let proof)):
            "on timeline \(proof.timeline) from \((proof.switchLSN ?? .zero).position)"
        case .done: "done"
        case .failed(let why): "failed: \(why)"
        case .tryAgain(let why): "try again: \(why)"
        case .stale: "stale"
        case .unknown(let why): "unknown: \(why)"
        }
    }
}
