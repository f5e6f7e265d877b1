import FailoverCore

/// Three nodes that do at once whatever the machine asks, and are probed at an even pace. Every
/// step that the machine makes here is recorded, to be made again by a measurement.
struct ObedientWorld {
    struct Node {
        var isRunning = false
        var hasData = false
        var isInRecovery = false
        var hasStandbySignal = false
        var isFrozen = false
        var isOpen = false
        var names = ""
        var history = TimelineHistory(timeline: TimelineID(1))
        var position = LSN(100)
        var attachedAs: String?
        var upstream: NodeID?
        var stamp: Stamp?
        var run = 0
        var slots: [String] = []
    }

    static let ids: [NodeID] = ["a", "b", "c"]

    private(set) var machine: FailoverMachine
    private(set) var steps: [Step] = []
    private var nodes: [NodeID: Node] = [:]
    private var nowMs: Int64 = 1_000
    private var replyCount = 0

    init() {
        let lineage = LineageEntry(
            timeline: TimelineID(1), begin: .zero, term: Term(0), node: "a",
            history: TimelineHistory(timeline: TimelineID(1)))
        let cluster = Cluster(
            name: "shop", systemIdentifier: "7391234567890123456",
            members: Self.ids.map(Member.init(id:)), lineage: [lineage])
        let policy = Policy(nodes: Self.ids.map { Policy.Node(id: $0) }, handOver: .stop)
        machine = FailoverMachine(cluster: cluster, policy: policy)
        for id in Self.ids { nodes[id] = Node() }
        nodes["a"]?.isRunning = true
        nodes["a"]?.hasData = true
    }

    var instant: Instant { Instant(monotonicMs: nowMs, wallMs: nowMs) }
    var primary: NodeID? { machine.cluster.elect }
    var isHealthy: Bool { machine.view(at: instant).isHealthy }

    /// From the first node's initialisation to a healthy cluster.
    mutating func bootstrap() {
        probeAll()
        send(.ordered(.bootstrap(first: "a")))
        runUntilHealthy()
    }

    mutating func switchOver() {
        send(.ordered(.switchover(to: nil)))
        runUntilHealthy()
    }

    /// The primary's server dies; it is brought back as a standby of its successor.
    mutating func crashPrimary() {
        guard let primary else { return }
        nodes[primary]?.isRunning = false
        run(ms: 1_000)
        runUntilHealthy()
    }

    /// The primary's machine stands still; a failover is confirmed by silence alone.
    mutating func freezePrimary() {
        guard let primary else { return }
        nodes[primary]?.isFrozen = true
        run(ms: 6_000)
        nodes[primary]?.isFrozen = false
        runUntilHealthy()
    }

    mutating func crashStandby() {
        guard let id = Self.ids.first(where: { $0 != primary }) else { return }
        nodes[id]?.isRunning = false
        run(ms: 5_000)
        runUntilHealthy()
    }

    mutating func run(ms: Int64) {
        let end = nowMs + ms
        while nowMs < end { advance() }
    }

    private mutating func runUntilHealthy() {
        let end = nowMs + 60_000
        repeat { advance() } while !isHealthy && nowMs < end
        precondition(isHealthy, "not healthy: \(machine.view(at: instant))")
    }

    private mutating func advance() {
        nowMs += 100
        flow()
        probeAll()
        send(.tick)
    }

    /// One event, what it asks for, and what comes of that, until the machine rests.
    private mutating func send(_ event: Event) {
        var waiting = [event]
        while !waiting.isEmpty {
            var event = waiting.removeFirst()
            while case .act(_, _, let effects, _) = step(event) {
                waiting += effects.map { .effectEnded($0.id, carryOut($0)) }
                event = .tick
            }
        }
    }

    private mutating func step(_ event: Event) -> Decision {
        let decision = machine.step(event, at: instant)
        steps.append(Step(event: event, at: instant, decision: decision))
        return decision
    }

    // MARK: the nodes

    private mutating func carryOut(_ effect: Effect) -> Outcome {
        guard var node = nodes[effect.node], !node.isFrozen else {
            return .unknown("no answer in time")
        }
        if let stamp = node.stamp, effect.stamp < stamp, effect.action != .inspect { return .stale }
        if effect.action != .inspect { node.stamp = effect.stamp }
        let outcome = carryOut(effect.action, &node)
        nodes[effect.node] = node
        return outcome
    }

    private mutating func carryOut(_ action: Effect.Action, _ node: inout Node) -> Outcome {
        switch action {
        case .seal: return seal(&node)
        case .promote(let slots): return promote(&node, slots)
        case .open(let names):
            guard node.isRunning, !node.isInRecovery else { return .failed("not a primary") }
            node.isOpen = true
            node.names = names
            return .done(.opened(bootID: "boot"))
        case .reconfigure(let change):
            guard node.isOpen else { return .failed("not open") }
            node.names = change.standbyNames
            return .done(.none)
        case .follow(let attachment):
            attach(&node, attachment)
            return .done(.none)
        case .rejoin(_, let attachment, _), .clone(let attachment):
            return copy(&node, attachment)
        case .start(let isSealed):
            if isSealed { detach(&node) }
            start(&node)
            return .done(.none)
        case .fence:
            node.isOpen = false
            node.isRunning = false
            return .done(.none)
        case .stopForSwitchover: return stop(&node)
        case .quiesce, .fastForward, .dropSlots: return .failed("no part of this trace")
        case .inspect: return .done(.inspected(inspection(node)))
        case .validate: return .done(.none)
        }
    }

    private func seal(_ node: inout Node) -> Outcome {
        guard node.isRunning else { return .failed("stopped") }
        detach(&node)
        return .done(
            .sealed(
                SealProof(
                    position: node.position, timeline: node.history.timeline,
                    history: node.history, isOutOfRecovery: !node.isInRecovery,
                    postmasterStart: "\(node.run)")))
    }

    private func promote(_ node: inout Node, _ slots: [String]) -> Outcome {
        guard node.isRunning else { return .failed("stopped") }
        node.slots = slots
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
            .promoted(PromotionProof(timeline: node.history.timeline, history: node.history)))
    }

    private mutating func copy(_ node: inout Node, _ attachment: Effect.Attachment) -> Outcome {
        guard let source = nodes[attachment.upstream], source.isRunning else {
            return .failed("source is down")
        }
        let end = node.position
        node.history = source.history
        node.position = source.position
        node.hasData = true
        node.hasStandbySignal = true
        attach(&node, attachment)
        start(&node)
        return .done(.rejoined(rewoundFrom: end))
    }

    private mutating func stop(_ node: inout Node) -> Outcome {
        node.isOpen = false
        node.isRunning = false
        let checkpoint = node.position
        node.position = LSN(checkpoint.position + 1)
        for id in Self.ids where nodes[id]?.upstream == machine.cluster.lastPrimary {
            nodes[id]?.position = node.position
        }
        return .done(.stopped(StopProof(checkpoint: checkpoint, timeline: node.history.timeline)))
    }

    private mutating func attach(_ node: inout Node, _ attachment: Effect.Attachment) {
        node.attachedAs = attachment.applicationName
        node.upstream = attachment.upstream
        let slots = nodes[attachment.upstream]?.slots ?? []
        guard !slots.contains(attachment.slot) else { return }
        nodes[attachment.upstream]?.slots.append(attachment.slot)
    }

    private func detach(_ node: inout Node) {
        node.attachedAs = nil
        node.upstream = nil
    }

    private func start(_ node: inout Node) {
        node.isRunning = true
        node.isOpen = false
        node.isInRecovery = node.hasStandbySignal
        node.run += 1
    }

    private func inspection(_ node: Node) -> NodeInspection {
        NodeInspection(
            bootID: "boot", stamp: node.stamp, isPostmasterRunning: node.isRunning,
            dataDirectory: node.hasData ? .present : .missing,
            systemIdentifier: node.hasData ? machine.cluster.systemIdentifier : nil,
            controlState: "in production", checkpoint: node.position,
            timeline: node.history.timeline, history: node.history,
            hasStandbySignal: node.hasStandbySignal)
    }

    // MARK: what is seen of them

    /// An open primary writes, and its WAL reaches whoever streams from it.
    private mutating func flow() {
        replyCount += 1
        for (id, node) in nodes where node.isOpen && !node.isFrozen {
            nodes[id]?.position = LSN(node.position.position + 8)
        }
        for id in Self.ids {
            guard let node = nodes[id], let source = source(of: node),
                node.position <= source.position
            else { continue }
            nodes[id]?.position = source.position
            nodes[id]?.history = source.history
        }
    }

    /// The node that this one receives WAL from.
    private func source(of node: Node) -> Node? {
        guard node.isRunning, node.isInRecovery, !node.isFrozen,
            let source = node.upstream.flatMap({ nodes[$0] }), source.isRunning, !source.isFrozen
        else { return nil }
        return source
    }

    private mutating func probeAll() {
        for id in Self.ids {
            guard let node = nodes[id] else { continue }
            if node.isFrozen {
                send(.unreachable(id, .timedOut))
            } else if node.isRunning {
                send(.observed(id, observation(id, node)))
            } else {
                send(.unreachable(id, .refused))
            }
        }
    }

    private func observation(_ id: NodeID, _ node: Node) -> NodeObservation {
        let standbys = Self.ids.compactMap { other -> Node? in
            guard let standby = nodes[other], standby.upstream == id, source(of: standby) != nil
            else { return nil }
            return standby
        }
        let streams = source(of: node) != nil
        return NodeObservation(
            systemIdentifier: machine.cluster.systemIdentifier, isInRecovery: node.isInRecovery,
            timeline: node.history.timeline, history: node.history, position: node.position,
            received: node.isInRecovery ? node.position : nil,
            receiver: streams ? .init(status: "streaming", messageAgeMs: 10) : nil,
            senders: standbys.map {
                .init(
                    applicationName: $0.attachedAs ?? "", state: "streaming", flush: $0.position,
                    replyTime: "2026-01-01 00:00:00.\(replyCount)+00")
            },
            slots: node.slots.map { .init(name: $0, isActive: true, walStatus: "reserved") },
            standbyNames: node.isOpen ? node.names : NodeObservation.lockedNames,
            isReadOnly: !node.isOpen, attachedAs: node.attachedAs, stamp: node.stamp,
            postmasterStart: "2026-01-01 00:00:0\(node.run).123456+00")
    }
}

/// One step of the machine, as it was made.
struct Step {
    var event: Event
    var at: Instant
    var decision: Decision
}
