import FailoverCore

/// One thing that goes wrong at one event of a schedule that is the same up to there.
public struct Injection: Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        /// The scheduler dies just before it.
        case crash
        /// The scheduler dies when it has stored what the event leads to, and has begun so many of
        /// the effects.
        case crashAfterEffects(Int)
        /// The result of a command or of a probe, or what the store answers, is lost.
        case lostAnswer
        /// It comes so many microseconds later.
        case delay(Int64)
    }

    var kind: Kind
    /// The number of the event in its run.
    public var event: Int

    public var description: String {
        switch kind {
        case .crash: "crash@\(event)"
        case .crashAfterEffects(let count): "crash+\(count)@\(event)"
        case .lostAnswer: "lost@\(event)"
        case .delay(let time): "delay\(time / 1_000)@\(event)"
        }
    }

    /// The word before the event's number.
    public var name: String { String(description.prefix { !"@+0123456789".contains($0) }) }
}

extension Plan {
    public enum Story: String, Sendable, CaseIterable {
        case failover, switchover, stop
    }

    /// Three nodes and one thing that happens to the primary: its machine is lost and boots again, or
    /// it is moved away.
    public init(_ story: Story) {
        self.init(seed: 1, profile: FaultProfile.named("calm"))
        profile = story.rawValue
        policy = Policy(
            nodes: ApplicationName.letters.prefix(3).map { Policy.Node(id: NodeID($0)) },
            numberSyncStandbys: 1, handOver: story == .stop ? .stop : .quiesce)
        faults = [
            Fault(
                at: 4_500_000, kind: story == .failover ? .crashMachine : .switchover, node: -1,
                other: 0, duration: 4_000_000)
        ]
        writers = [.on, .on]
        think = 250_000
        healAt = story == .failover ? 13_500_000 : 9_000_000
    }

    public func with(_ injections: [Injection]) -> Plan {
        var plan = self
        plan.injections = injections
        return plan
    }
}

extension Simulator {
    /// Every injection that the plan has a place for, from its first fault until it is healed.
    public static func injections(into plan: Plan) -> [Injection] {
        let world = Simulation(plan: plan)
        var all: [Injection] = []
        let begin = plan.faults.first?.at ?? 0
        world.begin()
        while let happening = world.queue.next {
            let revision = world.store.cluster.revision
            let begun = world.runs.count
            guard world.turn() else { break }
            guard world.now >= begin, world.now < plan.healAt else { continue }
            let isStored = world.store.cluster.revision > revision
            let effects = isStored ? world.runs.count - begun : nil
            all += happening.injections(effects: effects).map {
                Injection(kind: $0, event: world.eventCount)
            }
        }
        return all
    }
}

extension Simulation {
    func inject(_ injection: Injection, at happening: Happening) {
        trace.add(.fault, at: now, node: -1, "INJECTED \(injection): \(happening)")
        switch injection.kind {
        case .crash:
            killScheduler(0, restartsAfter: 400_000)
            happen(happening)
        case .crashAfterEffects(let count):
            schedulers[0].diesAfterEffects = count
            happen(happening)
            schedulers[0].diesAfterEffects = nil
        case .lostAnswer: lose(happening)
        case .delay(let time): put(happening, after: time)
        }
    }

    private func lose(_ happening: Happening) {
        switch happening {
        case .remoteReturn: break
        case .probeSample(let scheduler, let node, let token):
            timeOut(scheduler, node, token)
        default:
            store.trouble = .losesAnswers
            happen(happening)
            store.trouble = .none
        }
    }
}

extension Happening {
    /// Longer than the scheduler waits for a probe, and than it waits for `node-apply`.
    private static let delays: [Int64] = [2_000_000, 7_000_000]

    /// What can go wrong with it. `effects`: how many it begins, when it stores something.
    fileprivate func injections(effects: Int?) -> [Injection.Kind] {
        var kinds: [Injection.Kind] = [.crash]
        if let effects {
            kinds.append(.lostAnswer)
            kinds += (0...effects).map { .crashAfterEffects($0) }
        }
        switch self {
        case .remoteReturn, .probeSample: kinds.append(.lostAnswer)
        default: break
        }
        switch self {
        // A connection keeps the order of its messages.
        case .walMessage, .standbyFlush, .reply: break
        // Nothing waits for these.
        case .fault, .faultEnd, .healCheck, .client, .noise, .resend, .receiverTimer, .senderTimer:
            break
        default: kinds += Self.delays.map { .delay($0) }
        }
        return kinds
    }
}
