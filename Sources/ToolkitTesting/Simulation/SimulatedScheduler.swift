import FailoverCore

/// A scheduler: the real core, with observers, a store and effects that are fakes.
struct SimulatedScheduler {
    struct Observer {
        var token = 0
        var isInFlight = false
        var began: Int64 = 0
        var result: Event?
        var burst = 0
        var isSilent = false
        /// The flushed position that the last probe saw, and what became of the last canary (D17).
        var canaryPosition: LSN?
        var canaryAt: Int64 = -1_000_000_000
        var isCanaryStalled = false
        var isCanaryOut = false
        /// A session is held: its end is heard of at once.
        var holdsSession = false
        var isWoken = false
    }

    let place: Int
    var machine: FailoverMachine
    var isAlive = false
    var epoch = 0
    var pausedUntil: Int64 = 0
    var isUrgent = false
    var inFlight: [Int] = []
    var observers: [Observer]
    var hasTrouble = false
    var lastRecovery: Int64 = -1_000_000
    /// It dies when it has stored its next change and begun so many of its effects.
    var diesAfterEffects: Int?

    init(place: Int, machine: FailoverMachine, nodes: Int) {
        self.place = place
        self.machine = machine
        observers = Array(repeating: Observer(), count: nodes)
    }
}

extension Simulation {
    var instant: Instant { Instant(monotonicMs: now / 1_000, wallMs: now / 1_000) }

    // MARK: - Life

    func startScheduler(_ index: Int, _ epoch: Int) {
        guard schedulers[index].epoch == epoch, !schedulers[index].isAlive else { return }
        guard let stored = store.load() else {
            return put(.schedulerStart(scheduler: index, epoch: epoch), after: 1_000_000)
        }
        var machine = FailoverMachine(cluster: stored, policy: policy)
        machine.takeOver()
        switch store.save(machine.cluster, after: stored.revision) {
        case .stored: break
        case .conflict, .failed:
            return put(.schedulerStart(scheduler: index, epoch: epoch), after: 1_000_000)
        }
        judge.stored(from: stored, to: machine.cluster, rule: nil, in: self)
        trace.add(.scheduler, at: now, node: -1, index, 1, "scheduler \(index) starts")
        schedulers[index].machine = machine
        schedulers[index].isAlive = true
        promotingSince = nil
        schedulers[index].isUrgent = machine.cluster.phase != .steady
        schedulers[index].hasTrouble = false
        schedulers[index].inFlight = []
        for node in nodes.indices {
            schedulers[index].observers[node] = .init(
                token: schedulers[index].observers[node].token)
            probeNow(index, node)
        }
        put(.tick(scheduler: index, epoch: epoch), after: 1_000)
    }

    /// It is killed, and started again by its supervisor.
    func killScheduler(_ index: Int, restartsAfter: Int64?) {
        guard schedulers[index].isAlive else { return }
        trace.add(.scheduler, at: now, node: -1, index, 0, "scheduler \(index) is killed")
        schedulers[index].isAlive = false
        schedulers[index].epoch += 1
        schedulers[index].pausedUntil = 0
        schedulers[index].diesAfterEffects = nil
        for node in nodes.indices { schedulers[index].observers[node].token += 1 }
        if let restartsAfter {
            put(
                .schedulerStart(scheduler: index, epoch: schedulers[index].epoch),
                after: restartsAfter)
        }
    }

    // MARK: - Time

    func tick(_ index: Int, _ epoch: Int) {
        guard schedulers[index].epoch == epoch, schedulers[index].isAlive else { return }
        if isPaused(index, .tick(scheduler: index, epoch: epoch)) { return }
        let isCalm =
            schedulers[index].machine.cluster.phase == .steady && !schedulers[index].hasTrouble
        put(.tick(scheduler: index, epoch: epoch), after: isCalm ? 250_000 : 50_000)
        watchTimes()
        judge.fedSince = isFed() ? judge.fedSince ?? now : nil
        take(index, .tick)
        if schedulers[index].isAlive, schedulers[index].epoch == epoch { order(index) }
    }

    func isPaused(_ index: Int, _ happening: Happening) -> Bool {
        let until = schedulers[index].pausedUntil
        guard until > now else { return false }
        queue.put(happening, at: until)
        return true
    }

    // MARK: - Deciding

    func take(_ index: Int, _ event: Event) {
        if schedulers[index].hasTrouble, !recoverStore(index) { return }
        let phase = schedulers[index].machine.cluster.phase
        step(index, event)
        guard schedulers[index].isAlive else { return }
        let next = schedulers[index].machine.cluster.phase
        guard next != phase else { return }
        let isUrgent = next != .steady
        schedulers[index].isUrgent = isUrgent
        for node in nodes.indices {
            if isUrgent, phase == .steady || phase == .following,
                !schedulers[index].observers[node].isSilent
            {
                schedulers[index].observers[node].burst = 5
                probeNow(index, node)
            } else if isUrgent, !schedulers[index].observers[node].isInFlight {
                probeNow(index, node)
            }
        }
    }

    /// As the real scheduler: store before any effect, then tick until it holds.
    func step(_ index: Int, _ first: Event) {
        var event = first
        for _ in 0..<50 {
            let before = schedulers[index].machine.cluster
            let decision = schedulers[index].machine.step(event, at: instant)
            event = .tick
            guard case .act(let rule, let because, let effects, let isStored) = decision else {
                if case .hold(let rule?, _) = decision {
                    coverage.held(rule)
                    if rule == Self.rewound { readStoreAgain(index) }
                }
                return
            }
            let after = schedulers[index].machine.cluster
            coverage.fired(rule)
            if rule == Self.confirmed { judge.wasFed = isFed() }
            trace.add(
                .decision, at: now, node: -1, after.revision.number, after.term.number,
                "scheduler \(index): \(rule) \(after.phase) term \(after.term): \(because)")
            if isStored {
                if plan.mutant == .promotesBeforeStoring
                    || plan.mutant == .reconfiguresBeforeStoring
                {
                    startEarly(effects, by: index)
                }
                switch store.save(after, after: before.revision) {
                case .stored:
                    coverage.changed(from: before, to: after, policy)
                    judge.stored(from: before, to: after, rule: rule, in: self)
                    trigger(after.phase)
                    strike(from: before, to: after)
                case .conflict, .failed:
                    if store.cluster == after {
                        judge.stored(from: before, to: after, rule: rule, in: self)
                    }
                    schedulers[index].hasTrouble = true
                    _ = recoverStore(index)
                    return
                }
            }
            for (position, effect) in effects.enumerated() {
                if isStored, schedulers[index].diesAfterEffects == position {
                    return killScheduler(index, restartsAfter: 700_000)
                }
                start(effect, by: index)
            }
            if isStored, schedulers[index].diesAfterEffects != nil {
                return killScheduler(index, restartsAfter: 700_000)
            }
        }
        judge.report("rules", "more than 50 rules fired for one event")
    }

    private static let confirmed: RuleID = "suspect.confirmed"
    private static let rewound: RuleID = "vigilance.store_rewound"

    /// Somebody else may have stored more meanwhile.
    private func readStoreAgain(_ index: Int) {
        guard now - schedulers[index].lastRecovery >= 500_000, let stored = store.load(),
            stored.revision > schedulers[index].machine.cluster.revision
        else { return }
        _ = recoverStore(index)
    }

    private func start(_ effect: Effect, by index: Int) {
        guard !schedulers[index].inFlight.contains(where: { runs[$0].effect.id == effect.id })
        else { return }
        begin(effect, by: index)
    }

    private func startEarly(_ effects: [Effect], by index: Int) {
        for effect in effects {
            switch (effect.action, plan.mutant) {
            case (.promote, .promotesBeforeStoring),
                (.reconfigure, .reconfiguresBeforeStoring):
                start(effect, by: index)
            default: break
            }
        }
    }

    func effectEnded(_ run: EffectRun, _ outcome: Outcome) {
        let index = run.scheduler
        schedulers[index].inFlight.removeAll { $0 == run.index }
        coverage.ended(run.effect, outcome)
        var told = outcome
        if plan.mutant == .timeoutIsSuccess, case .unknown = outcome,
            case .fence = run.effect.action
        {
            told = .done(.none)
        }
        take(index, .effectEnded(run.effect.id, told))
        if schedulers[index].isAlive { probeNow(index, run.node) }
    }

    /// Begins anew from what is stored, at most twice a second.
    private func recoverStore(_ index: Int) -> Bool {
        guard now - schedulers[index].lastRecovery >= 500_000 else { return false }
        schedulers[index].lastRecovery = now
        guard let cluster = store.load() else { return false }
        schedulers[index].machine = FailoverMachine(cluster: cluster, policy: policy)
        schedulers[index].hasTrouble = false
        trace.add(.scheduler, at: now, node: -1, index, 2, "scheduler \(index) reads the store")
        for node in nodes.indices { probeNow(index, node) }
        return true
    }

    // MARK: - Orders

    /// The first node is opened as soon as it was seen; later, what the plan's operator asks for.
    private func order(_ index: Int) {
        let cluster = schedulers[index].machine.cluster
        if cluster.phase == .initializing, nodes[0].answers {
            give(index, .bootstrap(first: ids[0]))
        }
        grantWishes(index)
        guard ordersToEnd else { return }
        if cluster.pausedSinceWallMs != nil { give(index, .resume) }
        for member in cluster.members {
            if member.maintenance != nil { give(index, .endMaintenance(member.id)) }
            if member.attach.number > 0, !nodes[self.index(member.id)].hasData {
                give(index, .rejoin(member.id))
            }
        }
    }

    /// One of the orders that were refused before.
    func grantWishes(_ index: Int) {
        wishes.removeAll { $0.until < now }
        if let at = wishes.indices.first(where: { give(index, wishes[$0].command) }) {
            wishes.remove(at: at)
        }
    }

    @discardableResult
    func give(_ index: Int, _ command: OperatorCommand) -> Bool {
        guard schedulers[index].isAlive, schedulers[index].pausedUntil <= now,
            !schedulers[index].hasTrouble,
            schedulers[index].machine.refusal(of: command, at: instant) == nil
        else { return false }
        trace.add(.order, at: now, node: -1, index, 0, "the operator orders \(command)")
        take(index, .ordered(command))
        return true
    }
}
