import FailoverCore

/// Three obedient nodes: every effect is done at once, every node is probed each tick. Faults are
/// switched by the test. It proves the way of the machine, not PostgreSQL's.
struct World {
    struct Node {
        var isRunning = false
        var hasData = false
        var isInRecovery = false
        var isOpen = false
        var names = ""
        var history = TimelineHistory(timeline: TimelineID(1))
        var position = LSN(100)
        var attachedAs: String?
        var upstream: NodeID?
        var stamp: Stamp?
        var run = 0
        var sshIsUp = true
        var sqlIsUp = true
        var bootID = "boot"
        var hasStandbySignal = false
        /// Its server is there but answers nobody, and its WAL moves nowhere.
        var isFrozen = false
        var slots: Set<String> = []
        /// A backend has outlived its postmaster.
        var hasOrphans = false
        /// It hears nothing from its upstream.
        var isCutOff = false
    }

    var machine: FailoverMachine
    var nodes: [NodeID: Node] = [:]
    let policy: Policy
    var now: Int64 = 1_000
    /// Rules in the order in which they fired.
    var fired: [String] = []
    /// Effects that were carried out, `node.name`.
    var done: [String] = []
    /// Effects that were asked for and are not to be carried out.
    var refused: Set<String> = []
    /// `node.effect` that are carried out, and told as failed.
    var halfDone: Set<String> = []
    /// Effects that take long: begun, and ended by `finish`.
    var slow: Set<String> = []
    private var inFlight: [Effect] = []
    /// The machine is made anew from what was stored after each stored change.
    var restartsAfterEveryChange = false
    private var replyCount = 0
    private var waiting: [Event] = []

    static let ids: [NodeID] = ["a", "b", "c"]
    /// Who is asked: the nodes of the file.
    var probed = World.ids
    /// What pg_control says of a stopped node.
    var controlState = "in production"

    /// What failover_validation_command says.
    var validationAgrees = true

    /// Bytes that an emptied primary goes on to write: autovacuum, or a snapshot of what runs (F33).
    var writtenAfterQuiesce: UInt64 = 0

    /// Standbys past the fork are seen just while they stream the older timeline to its end.
    var flickers = false

    init(
        numberSyncStandbys: Int = 1, alone: Policy.Alone = .allow, validatesFailover: Bool = false,
        _ change: (inout Policy) -> Void = { _ in }
    ) {
        var policy = Policy(
            nodes: Self.ids.map { Policy.Node(id: $0) }, numberSyncStandbys: numberSyncStandbys,
            alone: alone, validatesFailover: validatesFailover)
        change(&policy)
        self.policy = policy
        let lineage = LineageEntry(
            timeline: TimelineID(1), begin: .zero, term: Term(0), node: "a",
            history: TimelineHistory(timeline: TimelineID(1)))
        let cluster = Cluster(
            name: "shop", systemIdentifier: "42", members: Self.ids.map(Member.init(id:)),
            lineage: [lineage])
        machine = FailoverMachine(cluster: cluster, policy: policy)
        for id in Self.ids { nodes[id] = Node() }
        nodes["a"]?.isRunning = true
        nodes["a"]?.hasData = true
    }

    /// A cluster that has come up: a primary, b and c counted secondaries.
    static func steady(
        numberSyncStandbys: Int = 1, alone: Policy.Alone = .allow, validatesFailover: Bool = false,
        _ change: (inout Policy) -> Void = { _ in }
    ) -> World {
        var world = World(
            numberSyncStandbys: numberSyncStandbys, alone: alone,
            validatesFailover: validatesFailover, change)
        world.probeAll()
        world.send(.ordered(.bootstrap(first: "a")))
        world.run(untilHealthy: 20_000)
        world.fired = []
        return world
    }

    var cluster: Cluster { machine.cluster }
    var instant: Instant { Instant(monotonicMs: now, wallMs: now) }
    var view: ClusterView { machine.view(at: instant) }
    var openNodes: [NodeID] {
        Self.ids.filter { nodes[$0].map { $0.isRunning && $0.isOpen && !$0.isInRecovery } ?? false }
    }

    mutating func run(ms: Int64) {
        let end = now + ms
        while now < end { tick() }
    }

    mutating func run(untilHealthy limit: Int64) {
        let end = now + limit
        // A fault is noticed first.
        run(ms: 300)
        while now < end, !view.isHealthy { tick() }
    }

    mutating func tick() {
        now += 50
        flow()
        probeAll()
        send(.tick)
    }

    /// The server is killed; its WAL stays.
    mutating func crash(_ id: NodeID) { nodes[id]?.isRunning = false }

    /// An init system starts it: its opening is taken away first.
    mutating func start(_ id: NodeID) {
        guard var node = nodes[id], node.hasData else { return }
        node.isRunning = true
        node.isOpen = false
        node.isInRecovery = node.hasStandbySignal
        node.run += 1
        if !node.isInRecovery { node.position = LSN(node.position.position + 5) }
        nodes[id] = node
    }

    // MARK: the machine

    /// The machine must come to rest after each event: a rule that fires for ever is a defect.
    mutating func send(_ event: Event) {
        waiting.append(event)
        guard waiting.count == 1 else { return }
        var steps = 0
        while let next = waiting.first {
            var decision = machine.step(next, at: instant)
            while case .act = decision {
                handle(decision)
                steps += 1
                precondition(steps < 200, "no rest: \(fired.suffix(12)) \(view)")
                decision = machine.step(.tick, at: instant)
            }
            waiting.removeFirst()
        }
    }

    private mutating func handle(_ decision: Decision) {
        guard case .act(let rule, _, let effects, let isStored) = decision else { return }
        fired.append(rule.rawValue)
        if isStored && restartsAfterEveryChange {
            // Killed after the store, before its effects.
            machine = FailoverMachine(cluster: machine.cluster, policy: policy)
            machine.takeOver()
            return
        }
        for effect in effects {
            guard !refused.contains("\(effect.node).\(effect.action.name)") else {
                waiting.append(.effectEnded(effect.id, .unknown("refused")))
                continue
            }
            if halfDone.contains("\(effect.node).\(effect.action.name)") {
                _ = carryOut(effect)
                waiting.append(.effectEnded(effect.id, .failed("half done")))
                continue
            }
            guard !slow.contains("\(effect.node).\(effect.action.name)") else {
                inFlight.append(effect)
                continue
            }
            waiting.append(.effectEnded(effect.id, carryOut(effect)))
        }
    }

    /// Ends the slow effects.
    mutating func finish() {
        slow = []
        for effect in inFlight { send(.effectEnded(effect.id, carryOut(effect))) }
        inFlight = []
    }

    // MARK: the nodes

    private mutating func carryOut(_ effect: Effect) -> Outcome {
        if effect.id.name == "validate" {
            return validationAgrees ? .done(.none) : .failed("not today")
        }
        guard var node = nodes[effect.node] else { return .failed("no such node") }
        guard node.sshIsUp || reachesSQL(node) else { return .failed("unreachable") }
        let changesFiles = !["inspect", "drop_slots"].contains(effect.action.name)
        if let stamp = node.stamp, effect.stamp < stamp, changesFiles { return .stale }
        if changesFiles { node.stamp = effect.stamp }
        done.append("\(effect.node).\(effect.action.name)")
        let outcome = carryOut(effect.action, on: effect.node, &node)
        nodes[effect.node] = node
        return outcome
    }

    private mutating func carryOut(
        _ action: Effect.Action, on id: NodeID, _ node: inout Node
    ) -> Outcome {
        switch action {
        case .seal:
            guard node.isRunning else { return .failed("stopped") }
            node.attachedAs = nil
            node.upstream = nil
            return .done(
                .sealed(
                    SealProof(
                        position: node.position, timeline: node.history.timeline,
                        history: node.history, isOutOfRecovery: !node.isInRecovery,
                        postmasterStart: "\(node.run)")))
        case .promote(let slots):
            guard node.isRunning else { return .failed("stopped") }
            node.slots.formUnion(slots)
            if node.isInRecovery {
                node.history = TimelineHistory(
                    timeline: TimelineID(node.history.timeline.number + 1),
                    ancestors: node.history.ancestors + [
                        .init(timeline: node.history.timeline, end: node.position)
                    ])
                node.isInRecovery = false
                node.hasStandbySignal = false
                node.position = LSN(node.position.position + 1)
            }
            return .done(
                .promoted(
                    PromotionProof(timeline: node.history.timeline, history: node.history)))
        case .open(let names):
            guard node.isRunning, !node.isInRecovery else { return .failed("not a primary") }
            node.isOpen = true
            node.names = names
            return .done(.opened(bootID: node.bootID))
        case .reconfigure(let change):
            guard node.isRunning, node.isOpen else { return .failed("not open") }
            node.names = change.standbyNames
            return .done(.none)
        case .follow(let attachment):
            node.attachedAs = attachment.applicationName
            node.upstream = attachment.upstream
            nodes[attachment.upstream]?.slots.insert(attachment.slot)
            return .done(.none)
        case .rejoin(_, let attachment, _), .clone(let attachment):
            guard node.sshIsUp, let source = nodes[attachment.upstream], source.isRunning else {
                return .failed("source is down")
            }
            let wasAt = node.position
            nodes[attachment.upstream]?.slots.insert(attachment.slot)
            if !action.keepsData {
                node.history = source.history
                node.position = source.position
            }
            node.hasData = true
            node.isRunning = true
            node.isOpen = false
            node.isInRecovery = true
            node.hasStandbySignal = true
            node.run += 1
            node.attachedAs = attachment.applicationName
            node.upstream = attachment.upstream
            return .done(.rejoined(rewoundFrom: wasAt))
        case .start(let isSealed):
            guard node.sshIsUp, node.hasData else { return .failed("no way") }
            if isSealed {
                node.attachedAs = nil
                node.upstream = nil
            }
            node.isRunning = true
            node.isOpen = false
            node.isInRecovery = node.hasStandbySignal
            node.run += 1
            return .done(.none)
        case .fence:
            node.isOpen = false
            guard node.sshIsUp else { return .failed("locked only") }
            node.isRunning = false
            return .done(.none)
        case .stopForSwitchover:
            guard node.sshIsUp else { return .failed("no way in") }
            node.isOpen = false
            node.isRunning = false
            let checkpoint = node.position
            node.position = LSN(checkpoint.position + 1)
            for id in Self.ids where nodes[id]?.upstream == action.nodeOf(id, self) {
                nodes[id]?.position = node.position
            }
            return .done(
                .stopped(StopProof(checkpoint: checkpoint, timeline: node.history.timeline)))
        case .quiesce(let target):
            guard reachesSQL(node) else { return .failed("no way in") }
            node.isOpen = false
            node.position = LSN(node.position.position + 1)
            guard let standby = Self.ids.first(where: { nodes[$0]?.attachedAs == target }),
                streams(standby)
            else { return .unknown("\(target) does not receive") }
            nodes[standby]?.position = node.position
            let end = node.position
            node.position = LSN(end.position + writtenAfterQuiesce)
            for other in Self.ids where other != standby && nodes[other]?.upstream == id {
                nodes[other]?.position = node.position
            }
            return .done(.quiesced(QuiesceProof(end: end, timeline: node.history.timeline)))
        case .fastForward(let attachment, let target):
            guard let source = nodes[attachment.upstream], source.isRunning,
                source.position >= target
            else { return .failed("source is down") }
            node.attachedAs = attachment.applicationName
            node.upstream = attachment.upstream
            node.position = source.position
            node.history = source.history
            return .done(.none)
        case .dropSlots(let slots):
            node.slots.subtract(slots)
            return .done(.none)
        case .inspect:
            guard node.sshIsUp else { return .failed("unreachable") }
            return .done(.inspected(inspection(node)))
        case .validate: return .failed("asked of the scheduler, not of a node")
        }
    }

    private func reachesSQL(_ node: Node) -> Bool {
        node.isRunning && node.sqlIsUp && !node.isFrozen
    }

    private func inspection(_ node: Node) -> NodeInspection {
        NodeInspection(
            bootID: node.bootID, stamp: node.stamp, isPostmasterRunning: node.isRunning,
            hasOrphans: node.hasOrphans, dataDirectory: node.hasData ? .present : .missing,
            systemIdentifier: node.hasData ? "42" : nil, controlState: controlState,
            checkpoint: node.position,
            minRecoveryEnd: node.hasStandbySignal ? node.position : nil,
            timeline: node.history.timeline, history: node.history,
            hasStandbySignal: node.hasStandbySignal)
    }

    /// WAL reaches whoever streams: same name in the upstream's reach, upstream alive.
    private mutating func flow() {
        replyCount += 1
        for id in Self.ids {
            guard let node = nodes[id], node.isRunning, node.isInRecovery, !node.isFrozen,
                let upstream = node.upstream.flatMap({ nodes[$0] }), upstream.isRunning,
                !upstream.isFrozen, node.position <= upstream.position, !isPastFork(id)
            else { continue }
            nodes[id]?.position = upstream.position
            nodes[id]?.history = upstream.history
        }
    }

    func streams(_ id: NodeID) -> Bool {
        guard let node = nodes[id], node.isRunning, node.isInRecovery, !node.isFrozen,
            !node.isCutOff, let upstream = node.upstream.flatMap({ nodes[$0] })
        else { return false }
        return upstream.isRunning && !upstream.isFrozen && upstream.history == node.history
    }

    /// PostgreSQL streams the older timeline to its end again and again; the connection stays (F35).
    private func isPastFork(_ id: NodeID) -> Bool {
        guard let node = nodes[id], node.isRunning, node.isInRecovery,
            let upstream = node.upstream.flatMap({ nodes[$0] }), upstream.isRunning
        else { return false }
        let departure = upstream.history.end(of: node.history.timeline)
        return departure.map { $0 < node.position } ?? false
    }

    mutating func probeAll() {
        for id in probed {
            guard let node = nodes[id] else { continue }
            let event: Event =
                if node.isFrozen || !node.sqlIsUp {
                    .unreachable(id, .timedOut)
                } else if !node.isRunning {
                    .unreachable(id, .refused)
                } else { .observed(id, observation(id, node)) }
            send(event)
        }
    }

    private func observation(_ id: NodeID, _ node: Node) -> NodeObservation {
        let senders = Self.ids.filter {
            nodes[$0]?.upstream == id && (streams($0) || isPastFork($0))
        }
        return NodeObservation(
            systemIdentifier: "42", isInRecovery: node.isInRecovery,
            timeline: node.history.timeline, history: node.history, position: node.position,
            receiver: streams(id) || isPastFork(id)
                ? .init(
                    status: streams(id) || flickers ? "streaming" : "waiting", messageAgeMs: 10)
                : nil,
            senders: senders.map { sender in
                .init(
                    applicationName: nodes[sender]?.attachedAs ?? "", state: "streaming",
                    flush: nodes[sender]?.position, replyTime: "\(replyCount)")
            },
            slots: node.slots.sorted().map { slot in
                .init(
                    name: slot, isActive: senders.contains { $0.slot == slot },
                    walStatus: "reserved")
            },
            standbyNames: node.isOpen ? node.names : NodeObservation.lockedNames,
            isReadOnly: !node.isOpen, attachedAs: node.attachedAs, stamp: node.stamp,
            postmasterStart: "\(node.run)")
    }
}

extension Effect.Action {
    fileprivate var keepsData: Bool {
        if case .rejoin(.start, _, _) = self { true } else { false }
    }

    /// The primary that is being stopped: whoever has `id` as its standby in `world`.
    fileprivate func nodeOf(_ id: NodeID, _ world: World) -> NodeID? {
        world.nodes[id]?.upstream == world.cluster.lastPrimary ? world.cluster.lastPrimary : nil
    }
}
