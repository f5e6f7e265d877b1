import FailoverCore

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

    /// The same run as a reader wants it: the schedule, what led to its end, each node's last
    /// events, the broken promise.
    public static func story(_ plan: Plan, lines: Int = 120) -> String {
        let world = Simulation(plan: plan, isRecording: true)
        world.play()
        let all = world.trace.lines
        var text = plan.says + "\n\nWhat led to it:\n"
        text += all.filter(\.isCause).suffix(lines).map(\.withPlace).joined(separator: "\n")
        for index in world.nodes.indices {
            text += "\n\nThe last of \(world.ids[index]):\n"
            text += all.filter { $0.node == index }.suffix(15).map(\.withPlace).joined(
                separator: "\n")
        }
        let end = world.judge.violation.map { "Broken: \($0.invariant): \($0.says)" }
        return text + "\n\n" + (end ?? "Every promise was kept.")
    }

    /// Everything, line by line.
    public static func trace(_ plan: Plan) -> [String] {
        let world = Simulation(plan: plan, isRecording: true)
        world.play()
        return world.trace.lines.map(\.withPlace)
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

extension Plan {
    /// The schedule in words.
    public var says: String {
        let nodes = policy.nodes.map { node in
            "\(node.id) (priority \(node.priority)\(node.replicationQuorum ? "" : ", no voter"))"
        }
        return "seed \(seed), profile \(profile): \(nodes.joined(separator: ", ")); k "
            + "\(policy.numberSyncStandbys), alone \(policy.alone), mode \(policy.mode), a probe "
            + "each \(policy.timers.monitorInterval) ms, \(writers.count) writers\n"
            + faults.map { "  " + $0.says + "\n" }.joined()
            + injections.map { "  injected: \($0)\n" }.joined()
            + "  at \(healAt / 1_000) ms: everything is put right"
    }
}

extension Trace.Line {
    /// What a reader needs in order to see why; acknowledgements and streams are left out.
    fileprivate var isCause: Bool {
        switch word {
        case .acknowledged, .connected, .disconnected, .remote: false
        default: true
        }
    }

    fileprivate var withPlace: String {
        let part = String(at % 1_000)
        let padded = String(repeating: "0", count: 3 - part.utf8.count) + part
        return "\(at / 1_000).\(padded) \(node < 0 ? "-" : ApplicationName.letters[node]) \(text)"
    }
}
