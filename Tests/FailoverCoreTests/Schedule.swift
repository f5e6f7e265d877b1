import FailoverCore

/// One seed's run: the real core over the model, with random faults, then with none.
struct Schedule {
    private struct Probe {
        var event: Event?
        var at: Int64
    }

    let seed: Int
    var random: ModelRandom
    var model: Model
    let policy: Policy
    var machine: FailoverMachine
    private var stored: Cluster
    private var owner = 0
    private var jobs: [ModelJob] = []
    private var probes: [NodeID: Probe] = [:]
    /// The scheduler dies at its next stored change: before its effects, or among them.
    private var diesAtNextStore = false
    private(set) var fired: Set<String> = []
    /// Changes when any decision of this run does.
    private(set) var digest = DecisionDigest()

    init(seed: Int) {
        self.seed = seed
        random = ModelRandom(seed: seed)
        let count = random.pick([2, 3, 3, 3, 4, 4, 5])
        model = Model(count: count)
        let noPriority = random.chance(20) && count > 2 ? random.below(count) : -1
        policy = Policy(
            nodes: model.ids.enumerated().map { index, id in
                Policy.Node(id: id, priority: index == noPriority ? 0 : 50)
            }, numberSyncStandbys: random.chance(70) ? 1 : 2,
            alone: random.chance(50) ? .allow : .block)
        let first = LineageEntry(
            timeline: TimelineID(1), begin: .zero, term: Term(0), node: "a",
            history: TimelineHistory(timeline: TimelineID(1)))
        stored = Cluster(
            name: "shop", systemIdentifier: "42", members: model.ids.map(Member.init(id:)),
            lineage: [first])
        machine = FailoverMachine(cluster: stored, policy: policy)
        model["a"].hasData = true
        model.start("a")
        for id in model.ids { probes[id] = Probe(event: nil, at: model.now) }
    }

    var instant: Instant { Instant(monotonicMs: model.now, wallMs: model.now) }
    var view: ClusterView { machine.view(at: instant) }

    /// Nil when every promise was kept, else what was broken.
    mutating func run() -> String? {
        runUntilProbed()
        step(.ordered(.bootstrap(first: "a")))
        guard runUntilHealthy(ms: 120_000) else { return broken("never came up") }
        let end = model.now + 30_000
        var nextFault = model.now
        while model.now < end {
            if model.now >= nextFault {
                fault()
                nextFault = model.now + Int64(100 + random.below(4_000))
            }
            advance()
            if let violation = model.violations.first { return broken(violation) }
        }
        heal()
        guard runUntilHealthy(ms: 400_000) else {
            return broken(model.violations.first ?? "not healthy again")
        }
        return model.violations.first.map(broken)
    }

    private static func words(_ outcome: Outcome) -> String {
        switch outcome {
        case .done(.sealed(let proof)):
            "sealed \(proof.timeline):\(proof.position)\(proof.isOutOfRecovery ? " out" : "")"
        case .done(.promoted(let proof)): "on \(proof.timeline) from \(proof.switchLSN ?? .zero)"
        case .done: "done"
        case .failed(let why), .tryAgain(let why), .unknown(let why): why
        case .stale: "stale"
        }
    }

    private func broken(_ what: String) -> String {
        "seed \(seed): \(what)\nphase \(view.phase) waits for: \(view.waitingFor) "
            + "alarms: \(view.alarms) configs: \(view.configs)\n"
            + machine.cluster.members.map { "\($0)\n" }.joined()
            + model.ids.map { id in
                let node = model[id]
                return "\(id) runs \(node.isRunning) recovery \(node.isInRecovery) at "
                    + "\(node.history.timeline):\(node.position) up \(node.upstream as Any) "
                    + "streams \(model.streams(id)) opening \(node.opening as Any) "
                    + "stamp \(node.stamp as Any) \(node.marker) \(node.hasData)\n"
            }.joined()
            + model.log.suffix(160).joined(separator: "\n")
    }

    private mutating func runUntilProbed() {
        for _ in 0..<40 { advance() }
    }

    private mutating func runUntilHealthy(ms: Int64) -> Bool {
        let end = model.now + ms
        while model.now < end {
            advance()
            if !model.violations.isEmpty { return false }
            if view.isHealthy { return true }
        }
        return false
    }

    // MARK: time

    private mutating func advance() {
        model.now += 50
        for id in model.ids {
            if let at = model[id].startsAt, at <= model.now { model.start(id) }
        }
        model.write(&random)
        model.flow()
        model.acknowledge()
        runJobs()
        runProbes()
        step(.tick)
    }

    private mutating func runProbes() {
        for id in model.ids {
            guard var probe = probes[id], probe.at <= model.now else { continue }
            if let event = probe.event { step(event) }
            probe = Probe(event: sample(id), at: model.now + Int64(random.below(150)))
            if case .unreachable(_, .timedOut)? = probe.event { probe.at += 700 }
            probes[id] = probe
        }
    }

    private func sample(_ id: NodeID) -> Event {
        let node = model[id]
        if !node.sqlIsUp || node.isFrozen { return .unreachable(id, .timedOut) }
        return node.isRunning
            ? .observed(id, model.observation(id)) : .unreachable(id, .refused)
    }

    private mutating func runJobs() {
        for index in jobs.indices {
            guard jobs[index].stage != .over, jobs[index].at <= model.now else { continue }
            var job = jobs[index]
            if let outcome = model.act(&job) {
                job.stage = .over
                model.note("\(job.effect.id): \(Self.words(outcome))")
                if job.owner == owner, job.deadline > model.now + job.resultDelay {
                    results.append(
                        (job.effect.id, outcome, model.now + job.resultDelay, owner))
                }
            } else {
                job.at = model.now + 100
            }
            jobs[index] = job
        }
        let late = jobs.filter { $0.owner == owner && $0.deadline <= model.now }
        for job in late where !results.contains(where: { $0.id == job.effect.id }) {
            results.append((job.effect.id, .unknown("no answer in time"), model.now, owner))
        }
        for index in jobs.indices where jobs[index].deadline <= model.now {
            jobs[index].owner = -1
        }
        jobs.removeAll { $0.stage == .over && $0.owner != owner }
        jobs.removeAll { $0.stage == .over && $0.deadline > model.now + 60_000 }
        let due = results.filter { $0.at <= model.now }
        results.removeAll { $0.at <= model.now }
        for result in due where result.owner == owner {
            jobs.removeAll { $0.effect.id == result.id && $0.stage == .over }
            for index in jobs.indices where jobs[index].effect.id == result.id {
                jobs[index].owner = -1
            }
            step(.effectEnded(result.id, result.outcome))
        }
    }

    private var results: [(id: Effect.ID, outcome: Outcome, at: Int64, owner: Int)] = []

    // MARK: the scheduler

    private mutating func step(_ event: Event) {
        var event = event
        for _ in 0..<100 {
            let decision = machine.step(event, at: instant)
            digest.take(decision)
            guard case .act(let rule, _, let effects, let isStored) = decision else { return }
            event = .tick
            fired.insert(rule.rawValue)
            model.note("\(rule) \(machine.cluster.phase) \(machine.cluster.term)")
            if isStored { stored = machine.cluster }
            let begun = isStored && diesAtNextStore ? random.below(effects.count + 1) : nil
            for effect in effects.prefix(begun ?? effects.count) { begin(effect) }
            if begun != nil { return restart() }
        }
        model.violations.append("the core does not come to rest")
    }

    private mutating func begin(_ effect: Effect) {
        let isSlow = random.chance(isCalm ? 0 : 4)
        let delay = Int64(isSlow ? random.below(8_000) : random.below(120))
        let limit: Int64
        switch effect.action {
        case .reconfigure: limit = 10_000
        case .clone, .rejoin, .stopForSwitchover: limit = 20_000
        default: limit = 5_000
        }
        jobs.append(
            ModelJob(
                effect: effect, at: model.now + delay, deadline: model.now + limit,
                resultDelay: Int64(random.below(isSlow ? 3_000 : 60)), owner: owner))
    }

    private mutating func restart() {
        model.note("the scheduler restarts")
        diesAtNextStore = false
        owner += 1
        results = []
        machine = FailoverMachine(cluster: stored, policy: policy)
        machine.takeOver()
        stored = machine.cluster
        for id in model.ids { probes[id] = Probe(event: nil, at: model.now) }
    }

    // MARK: faults

    private var isCalm = false

    private mutating func heal() {
        isCalm = true
        model.note("healed")
        model.cuts = []
        for id in model.ids {
            model[id].sqlIsUp = true
            model[id].sshIsUp = true
            model[id].isFrozen = false
            model[id].isLagging = false
            if !model[id].isRunning, model[id].hasData { model[id].startsAt = model.now + 2_000 }
        }
    }

    private mutating func fault() {
        let id = random.pick(model.ids)
        let kind = random.below(16)
        let other = random.pick(model.ids)
        model.note("fault \(kind) of \(id), \(other)")
        switch kind {
        case 0, 1, 2:
            model.stop(id)
            model[id].startsAt =
                random.chance(60) ? model.now + Int64(random.below(15_000)) : nil
        case 3:
            model.stop(id)
            model[id].boot += 1
            model[id].opening = nil
            model[id].startsAt = model.now + Int64(1_000 + random.below(10_000))
        case 4: model[id].isFrozen = model[id].isRunning
        case 5, 6: for id in model.ids { model[id].isFrozen = false }
        case 7: model[id].sqlIsUp.toggle()
        case 8: model[id].sshIsUp.toggle()
        case 9: if id != other { model.cuts.insert([id, other].sorted()) }
        case 10:
            model.cuts = []
            for id in model.ids {
                model[id].sqlIsUp = true
                model[id].sshIsUp = true
            }
        case 11: model[id].isLagging.toggle()
        case 12: restart()
        case 13: diesAtNextStore = true
        case 14:
            if machine.refusal(of: .switchover(to: nil), at: instant) == nil {
                step(.ordered(.switchover(to: nil)))
            }
        default: if random.chance(30) { model.promote(id) } else { model.start(id) }
        }
    }
}
