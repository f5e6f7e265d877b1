/// How one seed went.
public struct SeedResult: Sendable {
    public var seed: UInt64
    public var profile: String
    public var digest: UInt64
    public var violation: Violation?
    public var coverage: Coverage
    public var outages: [Outage]
    public var acknowledged: Int
    public var failovers: Int
    public var events: Int
    public var virtualSeconds: Int
}

public enum Simulator {
    public static func run(_ plan: Plan) -> SeedResult {
        let world = Simulation(plan: plan)
        world.play()
        return world.result
    }

    /// The same run with its story, the last lines of each node.
    public static func story(_ plan: Plan, lines: Int = 400) -> String {
        let world = Simulation(plan: plan, isRecording: true)
        world.play()
        return world.trace.lines.suffix(lines).map { line in
            let ms = line.at / 1_000
            let place = line.node < 0 ? "-" : ApplicationName.letters[line.node]
            return "\(ms).\(String(1_000 + line.at % 1_000).dropFirst()) \(place) \(line.text)"
        }.joined(separator: "\n")
    }
}

extension Simulation {
    var result: SeedResult {
        SeedResult(
            seed: plan.seed, profile: plan.profile, digest: trace.digest,
            violation: judge.violation, coverage: coverage, outages: judge.outages,
            acknowledged: judge.acknowledgements, failovers: judge.failovers,
            events: eventCount, virtualSeconds: Int(now / 1_000_000))
    }
}
