public import ClusterFile
public import FailoverCore
import Hooks
public import Logging
public import Store

/// One cluster's loop: what observers and effects report goes to the core, what the core decides
/// is stored, and only then done. Nobody else touches the state.
public actor Scheduler {
    let settings: ClusterSettings
    let store: any ClusterStore
    let executor: Executor
    let clock = SchedulerClock()
    let logger: Logger
    let notifier: EventNotifier?
    private let inbox: AsyncStream<Input>
    nonisolated let post: AsyncStream<Input>.Continuation

    var machine: FailoverMachine
    var observers: [NodeID: NodeObserver] = [:]
    var inFlight: [Effect.ID: Task<Void, Never>] = [:]
    /// Nodes whose last probe failed: probed again at their own pace.
    private var silent: Set<NodeID> = []
    /// Nodes that have neither answered since the start or their last answer, nor been looked at.
    private(set) var unseen: Set<NodeID>
    /// Events that changed no state, to be stored when nothing urgent is on.
    var unsaved: [EventRecord] = []
    /// Why nothing is decided: the store has failed and was not read again since.
    var trouble: StoreError?
    var subscribers: [Int: AsyncStream<SchedulerUpdate>.Continuation] = [:]
    var nextSubscriber = 0
    var lastPublished: ClusterView?
    var orders: [OrderWatch] = []
    var nextOrder = 0
    private var isOver = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    var lastRecovery: Instant?
    var lastQuietSave: Instant?
    /// How each effect of an open step ended last: a repeated ending is no event.
    var lastEndings: [Effect.ID: String] = [:]
    var children: ChildNodes
    /// The last decision that changed no state, so that it is told once and not at each tick.
    var lastQuietRule: RuleID?

    enum Input: Sendable {
        case event(Event)
        case ended(Effect, Executor.Report)
        case childrenTold(Effect.ID, Executor.Report, because: String)
        case order(OperatorCommand, isDryRun: Bool, AsyncStream<OrderProgress>.Continuation)
    }

    /// `cluster` is what the store holds; `holdsLock` tells whether the right to decide is still
    /// this one's.
    public init(
        settings: ClusterSettings, store: any ClusterStore, cluster: Cluster, runners: Runners,
        sharedHooks: String, logger: Logger = Logger(label: "toolkit.scheduler"),
        holdsLock: @escaping @Sendable () -> Bool = { true }
    ) {
        self.settings = settings
        self.store = store
        self.logger = logger
        machine = FailoverMachine(cluster: cluster, policy: settings.policy)
        executor = Executor(
            settings: settings, runners: runners, sharedHooks: sharedHooks,
            standing: Standing(store: store, holdsLock: holdsLock))
        unseen = Set(settings.nodes.map(\.id))
        children = ChildNodes(settings.hooks.childNodes)
        notifier = EventNotifier(settings, executor.hooks, logger)
        (inbox, post) = AsyncStream.makeStream(of: Input.self)
    }

    /// Runs until the task is cancelled; then lets its effects end, and ends its observers.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            for node in settings.nodes {
                guard let link = executor.links[node.id] else { continue }
                let observer = NodeObserver(
                    link: link, timers: settings.policy.timers,
                    report: { [post] in post.yield(.event($0)) })
                observers[node.id] = observer
                group.addTask { await observer.run() }
            }
            group.addTask { await self.tick() }
            group.addTask { await self.prepareHooks() }
            if let notifier { group.addTask { await notifier.run() } }
            for await input in inbox {
                await take(input)
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
        await endEffects()
        await saveQuietly()
        isOver = true
        for waiter in waiters { waiter.resume() }
        waiters = []
        for order in orders { order.progress.finish() }
        for subscriber in subscribers.values { subscriber.finish() }
    }

    /// What an effect may still take when the scheduler is told to stop.
    private static let lastSeconds = Duration.seconds(10)

    /// A rewind or a clone goes on at its node, as after a crash: ended half-way it would cost the
    /// data directory, and the next scheduler finds what it left. Anything else may come to its end.
    private func endEffects() async {
        let short = inFlight.filter { !$0.key.replacesData }.map(\.value)
        let patience = Task {
            try? await Task.sleep(for: Self.lastSeconds)
            guard !Task.isCancelled else { return }
            for task in short { task.cancel() }
        }
        for task in short { await task.value }
        patience.cancel()
    }

    /// Ends `run`, with its effects, and returns when it has ended.
    public func stop() async {
        post.finish()
        await withCheckedContinuation { continuation in
            if isOver { continuation.resume() } else { waiters.append(continuation) }
        }
    }

    /// A failover should not pay for the upload of its scripts, nor one node wait for another.
    private func prepareHooks() async {
        for (node, error) in await executor.hooks.prepare(settings.nodes) {
            logger.warning("hooks are not prepared on \(node): \(error)")
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            post.yield(.event(.tick))
            let isCalm = machine.cluster.phase == .steady && trouble == nil
            try? await Task.sleep(for: .milliseconds(isCalm ? 250 : 50))
        }
        post.finish()
    }

    private func take(_ input: Input) async {
        if trouble != nil, await !recoverStore() {
            refuseWhileBroken(input)
            return followOrders()
        }
        let phase = machine.cluster.phase
        switch input {
        case .event(let event):
            note(event)
            await step(event)
            if case .observed(let node, let seen) = event { watchChildren(of: node, seen) }
            if event == .tick {
                await saveQuietly(isUrgent: machine.cluster.phase != .steady)
            }
        case .ended(let effect, let report):
            inFlight[effect.id] = nil
            if case .inspect = effect.action { unseen.remove(effect.node) }
            note(effect, report)
            await step(.effectEnded(effect.id, report.outcome))
            await look(after: effect)
        case .childrenTold(let id, let report, let because):
            inFlight[id] = nil
            noteChildrenCommand(id, report, because: because)
            await observers[id.node]?.probeNow()
        case .order(let command, let isDryRun, let progress):
            order(command, isDryRun: isDryRun, progress)
        }
        await giveOrders()
        if machine.cluster.phase != phase { await phaseChanged(from: phase) }
        followOrders()
        publish(isTick: input.isTick)
    }

    private func note(_ event: Event) {
        switch event {
        case .observed(let node, _):
            silent.remove(node)
            unseen.remove(node)
        case .unreachable(let node, _):
            if silent.insert(node).inserted { unseen.insert(node) }
        default: break
        }
    }

    /// Who streams from whom is seen on the primary, within milliseconds.
    private func look(after effect: Effect) async {
        await observers[effect.node]?.probeNow()
        switch effect.action {
        case .follow, .rejoin, .clone, .start:
            // One that is silent is probed at the pace that its timers promise.
            let primary = machine.cluster.lastPrimary
            if !silent.contains(primary) { await observers[primary]?.probeClosely() }
        default: break
        }
    }

    private func phaseChanged(from phase: Phase) async {
        let isUrgent = machine.cluster.phase != .steady
        for (node, observer) in observers {
            await observer.setUrgent(isUrgent)
            if isUrgent, phase == .steady || phase == .following, !silent.contains(node) {
                await observer.probeClosely()
            }
        }
    }
}

extension Effect.ID {
    /// Ended half-way, it leaves a data directory of no use.
    fileprivate var replacesData: Bool { ["rejoin", "rewind", "clone"].contains(name) }
}

extension Scheduler.Input {
    var isTick: Bool {
        if case .event(.tick) = self { true } else { false }
    }
}
