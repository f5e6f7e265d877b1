/// Many seeds on as many threads as there are workers; the same sum whatever their order.
public struct Campaign: Sendable {
    public private(set) var seeds = 0
    public private(set) var violations: [SeedResult] = []
    public private(set) var coverage = Coverage()
    /// How many times writes stood still for so many milliseconds: a million seeds need no more room.
    private var outages: [Fault.Kind: [Int64: Int]] = [:]
    public private(set) var acknowledged = 0
    public private(set) var failovers = 0
    public private(set) var events = 0
    public private(set) var virtualSeconds = 0
    public private(set) var byProfile: [String: Int] = [:]

    private mutating func add(_ result: SeedResult) {
        seeds += 1
        if result.violation != nil { violations.append(result) }
        coverage.add(result.coverage)
        for outage in result.outages {
            outages[outage.kind, default: [:]][outage.lasted / 1_000, default: 0] += 1
        }
        acknowledged += result.acknowledged
        failovers += result.failovers
        events += result.events
        virtualSeconds += result.virtualSeconds
        byProfile[result.profile, default: 0] += 1
    }

    public init() {}

    public mutating func add(_ other: Campaign) {
        seeds += other.seeds
        violations += other.violations
        coverage.add(other.coverage)
        for (kind, times) in other.outages {
            outages[kind, default: [:]].merge(times, uniquingKeysWith: +)
        }
        acknowledged += other.acknowledged
        failovers += other.failovers
        events += other.events
        virtualSeconds += other.virtualSeconds
        byProfile.merge(other.byProfile, uniquingKeysWith: +)
    }

    /// Runs every plan; stops early after `limit` broken promises.
    public static func run(
        _ seeds: Range<UInt64>, workers: Int = 2, limit: Int = 20,
        plan: @escaping @Sendable (UInt64) -> Plan
    ) async -> Campaign {
        await withTaskGroup(of: Campaign.self) { group in
            for worker in 0..<UInt64(workers) {
                group.addTask {
                    var part = Campaign()
                    var seed = seeds.lowerBound + worker
                    while seed < seeds.upperBound, part.violations.count < limit {
                        part.add(Simulator.run(plan(seed)))
                        seed += UInt64(workers)
                    }
                    return part
                }
            }
            var whole = Campaign()
            for await part in group { whole.add(part) }
            whole.violations.sort { $0.seed < $1.seed }
            return whole
        }
    }
}

extension Campaign {
    public var summary: String {
        "\(seeds) seeds, \(virtualSeconds) virtual seconds, \(events) events, \(acknowledged) "
            + "commits acknowledged, \(failovers) failovers, \(violations.count) broken promises"
    }

    /// From a single fault on a healthy cluster to the next acknowledged commit, by its kind.
    public var histogram: [String] {
        Fault.Kind.allCases.compactMap { kind in
            guard let times = outages[kind]?.sorted(by: { $0.key < $1.key }) else { return nil }
            let count = times.reduce(0) { $0 + $1.value }
            func at(_ percent: Int) -> Int64 {
                var left = (count - 1) * percent / 100
                for (time, often) in times {
                    if left < often { return time }
                    left -= often
                }
                return 0
            }
            return "writes stood still after \(kind.rawValue) (\(count) times): "
                + "p50 \(at(50)) ms, p90 \(at(90)) ms, p99 \(at(99)) ms, most \(at(100)) ms"
        }
    }
}
