import FailoverCore

/// How many steps the core makes in a second. The figures are of this machine at this moment; the
/// ratios, all from one run, can be compared.
@main
struct CoreBenchmark {
    static func main() {
        var world = ObedientWorld()
        world.bootstrap()
        let healthy = world.machine
        let mixed = mixedTrace()
        let unchanged = unchangedTrace(of: world)
        let idle = idleTrace(of: world)

        let rates = [
            Rate("copy of the machine and of an event") { copies(of: healthy, idle) },
            Rate("tick of a healthy cluster") { replay(ticks(idle), from: healthy) },
            Rate("observation that changes nothing") { replay(unchanged, from: healthy) },
            Rate("observation of an idle cluster, clock and replies go on") {
                replay(idle, from: healthy)
            },
            Rate("mixed trace: bootstrap, failovers, rejoins, switchovers") {
                replay(mixed.steps, from: mixed.machine)
            },
        ]
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

    /// The healthy cluster's last answers, given again and again at the same moment.
    private static func unchangedTrace(of world: ObedientWorld) -> [Step] {
        let answers = world.steps.suffix(8).filter {
            if case .observed = $0.event { true } else { false }
        }
        return Array(repeatElement(answers, count: 100).joined())
    }

    private static func idleTrace(of world: ObedientWorld) -> [Step] {
        var later = world
        later.run(ms: 10_000)
        return later.steps.dropFirst(world.steps.count).filter {
            if case .observed = $0.event { true } else { false }
        }
    }

    private static func ticks(_ steps: [Step]) -> [Step] {
        steps.map { Step(event: .tick, at: $0.at, decision: $0.decision) }
    }

    // MARK: what is measured

    /// Makes the steps again; every decision must be the recorded one.
    private static func replay(_ steps: [Step], from start: FailoverMachine) -> Int {
        var machine = start
        var acts = 0
        for step in steps {
            if case .act = machine.step(step.event, at: step.at) { acts += 1 }
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
    var acts: Bool { if case .act = decision { true } else { false } }
}

/// Steps per second: the median of some rounds, each long enough for the clock.
struct Rate {
    var name: String
    var perSecond: Int

    init(_ name: String, _ round: () -> Int) {
        let clock = ContinuousClock()
        let rounds = (0..<9).map { _ in
            var steps = 0
            let start = clock.now
            repeat { steps += round() } while clock.now - start < .milliseconds(200)
            return Double(steps) / ((clock.now - start) / .seconds(1))
        }
        self.name = name
        perSecond = Int(rounds.sorted()[rounds.count / 2])
    }

    func row(against baseline: Rate) -> String {
        let ratio = baseline.perSecond * 100 / perSecond
        return "\(perSecond)/s\t\(1_000_000_000 / perSecond) ns\t"
            + "\(ratio / 100).\(ratio / 10 % 10)\(ratio % 10) × baseline\t\(name)"
    }
}
