import FailoverCore

/// One seed's world: a cluster of fake servers and links, the real core in fake schedulers, clients
/// that write, and faults. One thread, one clock, one queue; nothing here does any I/O.
final class Simulation {
    let plan: Plan
    var policy: Policy
    let ids: [NodeID]
    var now: Int64 = 0
    var queue = EventQueue()
    var trace: Trace
    var nodes: [SimulatedNode]
    var network: SimulatedNetwork
    var schedulers: [SimulatedScheduler]
    var store: SimulatedStore
    var runs: [EffectRun] = []
    var jobs: [RemoteJob] = []
    var clients: [Writer]
    var judge = Judge()
    var coverage = Coverage()

    // One stream per source, so that what one of them draws shifts no other.
    var networkRandom: SimulationRandom
    var diskRandom: SimulationRandom
    var remoteRandom: SimulationRandom
    var serverRandom: SimulationRandom
    var clientRandom: SimulationRandom
    var schedulerRandom: SimulationRandom

    var nextRecord: Int32 = 0
    var nextMaker: Int32 = 0
    var nextConnection = 0
    var nextSender = 0
    var isHealed = false
    var isOver = false
    var activeFaults: [Int] = []
    /// The node that each fault has struck.
    var targets: [Int: Int] = [:]
    var hasReleasedZombies = false
    /// As it was when the cluster had converged.
    var settled: Rest?
    /// Pauses and maintenance that were not ended are ended by their operators.
    var ordersToEnd = false
    var promotingSince: (at: Int64, term: Int)?
    /// A primary that an operator keeps down until a later term is opened.
    var heldDown: (node: Int, term: Int)?
    /// Orders that were refused, and until when they are given again.
    var wishes: [(command: OperatorCommand, until: Int64)] = []
    /// A fault that waits for a phase.
    var armed: Fault?
    /// The place of a fault that lies in wait.
    var lurking: Int?
    /// The seed's events so far, a bound against a loop.
    var eventCount = 0

    init(plan: Plan, isRecording: Bool = false) {
        self.plan = plan
        policy = plan.policy
        ids = plan.policy.nodes.map(\.id)
        trace = Trace(isRecording: isRecording)
        let count = plan.policy.nodes.count
        nodes = Array(repeating: SimulatedNode(), count: count)
        network = SimulatedNetwork(places: count + Plan.schedulers + Plan.clientPlaces)
        let first = LineageEntry(
            timeline: TimelineID(1), begin: .zero, term: Term(0), node: ids[0],
            history: TimelineHistory(timeline: TimelineID(1)))
        let cluster = Cluster(
            name: "shop", systemIdentifier: "42", members: ids.map(Member.init(id:)),
            lineage: [first])
        store = SimulatedStore(cluster: cluster)
        schedulers = (0..<Plan.schedulers).map {
            SimulatedScheduler(
                place: count + $0, machine: FailoverMachine(cluster: cluster, policy: plan.policy),
                nodes: count)
        }
        var seeds = SimulationRandom(seed: plan.seed)
        networkRandom = SimulationRandom(seed: seeds.next())
        diskRandom = SimulationRandom(seed: seeds.next())
        remoteRandom = SimulationRandom(seed: seeds.next())
        serverRandom = SimulationRandom(seed: seeds.next())
        clientRandom = SimulationRandom(seed: seeds.next())
        schedulerRandom = SimulationRandom(seed: seeds.next())
        clients = plan.writers.enumerated().map { index, level in
            Writer(place: count + Plan.schedulers + index % Plan.clientPlaces, level: level)
        }
        for index in nodes.indices { nodes[index].run = index * 1_000 }
    }

    func index(_ id: NodeID) -> Int { ids.firstIndex(of: id) ?? 0 }

    func put(_ happening: Happening, after microseconds: Int64) {
        queue.put(happening, at: now + max(microseconds, 1))
    }

    // MARK: - The loop

    /// Runs until the cluster has converged after the last fault, or a promise is broken.
    func play() {
        begin()
        while turn() {}
    }

    /// The next event; false when there is none left that matters.
    func turn() -> Bool {
        guard !isOver, judge.violation == nil, let (at, happening) = queue.take() else {
            return false
        }
        now = at
        eventCount += 1
        if eventCount > 4_000_000 { judge.report("loop", "the world does not come to rest") }
        if let node = happening.server, nodes[node].isStopped {
            nodes[node].deferred.append(happening)
        } else if let injection = plan.injections.first(where: { $0.event == eventCount }) {
            inject(injection, at: happening)
        } else {
            happen(happening)
        }
        return true
    }

    func begin() {
        nodes[0].hasData = true
        nodes[0].controlState = "shut down"
        _ = startServer(0)
        put(.schedulerStart(scheduler: 0, epoch: 0), after: 1_000)
        for client in clients.indices {
            put(.client(client, token: 0), after: Int64(client) * 5_000)
        }
        for node in nodes.indices {
            put(.noise(node: node), after: 1_000_000 + Int64(node) * 300_000)
        }
        for (index, fault) in plan.faults.enumerated() { queue.put(.fault(index), at: fault.at) }
        queue.put(.healCheck, at: plan.healAt)
    }

    func happen(_ happening: Happening) {
        switch happening {
        case .tick(let scheduler, let epoch): tick(scheduler, epoch)
        case .probe(let scheduler, let node, let token): probe(scheduler, node, token)
        case .probeSample(let scheduler, let node, let token): sample(scheduler, node, token)
        case .probeAnswer(let scheduler, let node, let token): answer(scheduler, node, token)
        case .schedulerStart(let scheduler, let epoch): startScheduler(scheduler, epoch)
        case .canary(let scheduler, let node, let epoch, let goal):
            canaryEnded(scheduler, node, epoch, goal)
        case .wakeRun(let run, let token): wake(run, token)
        case .remoteArrive(let job): arrive(job)
        case .remoteStage(let job, let token): goOn(job, token)
        case .remoteReturn(let job): giveBack(job)
        case .client(let client, let token): act(client, token)
        case .insert(let node, let client, let token): insert(node, client, token)
        case .localFlush(let node, let run, let upTo): localFlush(node, run, upTo)
        case .walMessage(let node, let connection, let upTo): receive(node, connection, upTo)
        case .standbyFlush(let node, let connection, let upTo):
            standbyFlush(node, connection, upTo)
        case .reply(let node, let sender, let flush): reply(node, sender, flush)
        case .resend(let node, let sender): resend(node, sender)
        case .receiverTimer(let node, let connection): receiverTimer(node, connection)
        case .senderTimer(let node, let sender): senderTimer(node, sender)
        case .connect(let node, let token): connect(node, token)
        case .receiverGone(let node, let connection): receiverGone(node, connection)
        case .loadConfig(let node, let run): loadConfig(node, run)
        case .startupConfig(let node, let run): startupConfig(node, run)
        case .senderConfig(let node, let sender): senderConfig(node, sender)
        case .checkpointerConfig(let node, let run): checkpointerConfig(node, run)
        case .serverStage(let node, let token): serverStage(node, token)
        case .promotion(let node, let token): promotionStep(node, token)
        case .autostart(let node, let boot): autostart(node, boot)
        case .noise(let node): noise(node)
        case .checkpoint(let node, let run): checkpoint(node, run)
        case .fault(let index): begin(fault: index)
        case .faultEnd(let index): end(fault: index)
        case .unseal(let old): unseal(old)
        case .ease(let node): ease(node)
        case .putBack(let node): putBack(node)
        case .strayEnds(let node): strayEnds(node)
        case .wish: for scheduler in schedulers.indices { grantWishes(scheduler) }
        case .healCheck: healCheck()
        }
    }
}
