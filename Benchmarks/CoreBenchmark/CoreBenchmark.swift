import FailoverCore

/// How many steps the core makes in a second. The figures are of this machine at this moment; the
/// ratios, all from one run, can be compared.
@main
struct CoreBenchmark {
    static func main() {
        var world = ObedientWorld()
        world.bootstrap()
        world.run(ms: 2_000)
        let healthy = world.machine
        let mixed = mixedTrace()
        let unchanged = unchangedTrace(of: world)
        let idle = idleTrace(of: world)
        let ticks = idle.map { Step(event: .tick, at: $0.at, decision: $0.decision) }

        var rates = [
            Rate("copy of the machine and of an event") { copies(of: healthy, idle) },
            Rate("tick of a healthy cluster") { replay(ticks, from: healthy) },
            Rate("observation that changes nothing") { replay(unchanged, from: healthy) },
            Rate("observation of an idle cluster, clock and replies go on") {
                replay(idle, from: healthy)
            },
            Rate("mixed trace: bootstrap, failovers, rejoins, switchovers") {
                replay(mixed.steps, from: mixed.machine)
            },
        ]
        // In turn, so that what else the machine does falls on all alike.
        for _ in 0..<500 { for index in rates.indices { rates[index].measure() } }
        let acts = mixed.steps.count { $0.acts }
        print("mixed trace: \(mixed.steps.count) steps, \(acts) of them act\n")
        for rate in rates { print(rate.row(against: rates[0])) }
    }

    // MARK: traces

    private static func mixedTrace() -> (machine: FailoverMachine, steps: [Step]) {
        var world = ObedientWorld()
        let machine = world.machine
        world.bootstrap()
        for _ in 0..<4 {
            world.run(ms: 2_000)
            world.crashPrimary()
            world.run(ms: 2_000)
            world.switchOver()
            world.run(ms: 2_000)
            world.crashStandby()
        }
        world.freezePrimary()
        return (machine, world.steps)
    }

    /// Each node's last answer, given again and again at the same moment.
    private static func unchangedTrace(of world: ObedientWorld) -> [Step] {
        let answers = world.steps.filter { $0.at == world.instant && $0.isObservation }
        precondition(answers.count == ObedientWorld.ids.count, "each node is asked once")
        return Array(repeatElement(answers, count: 100).joined())
    }

    private static func idleTrace(of world: ObedientWorld) -> [Step] {
        var later = world
        later.run(ms: 10_000)
        return later.steps.dropFirst(world.steps.count).filter { $0.isObservation }
    }

    // MARK: what is measured

    /// Makes the steps again; every decision must be the recorded one.
    private static func replay(_ steps: [Step], from start: FailoverMachine) -> Int {
        var machine = start
        var acts = 0
        // An event is only lent to the machine, as by any caller.
        steps.withUnsafeBufferPointer { steps in
            for index in steps.indices {
                if case .act = machine.step(steps[index].event, at: steps[index].at) { acts += 1 }
            }
        }
        precondition(acts == steps.count { $0.acts }, "another decision than recorded")
        return steps.count
    }

    private static func copies(of machine: FailoverMachine, _ steps: [Step]) -> Int {
        var kept = [(machine, Event.tick)]
        for step in steps { kept[0] = (machine, step.event) }
        precondition(kept[0].0 == machine, "another machine than was copied")
        return steps.count
    }
}

extension Step {
    var isObservation: Bool { if case .observed = event { true } else { false } }
    var acts: Bool { if case .act = decision { true } else { false } }
}

/// Steps per second: of the best round, for all that disturbs a round makes it slower.
struct Rate {
    let name: String
    private(set) var perSecond = 0
    private let round: () -> Int

    /// `round` does some steps and says how many.
    init(_ name: String, _ round: @escaping () -> Int) {
        self.name = name
        self.round = round
    }

    mutating func measure() {
        let clock = ContinuousClock()
        let start = clock.now
        var steps = 0
        repeat { steps += round() } while clock.now - start < .milliseconds(2)
        perSecond = max(perSecond, Int(Double(steps) / ((clock.now - start) / .seconds(1))))
    }

    func row(against baseline: Rate) -> String {
        let ratio = baseline.perSecond * 10 / perSecond
        return "\(perSecond)/s\t\(1_000_000_000 / perSecond) ns\t"
            + "\(ratio / 10).\(ratio % 10) × baseline\t\(name)"
    }
}
