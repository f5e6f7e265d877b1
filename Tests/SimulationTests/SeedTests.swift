import FailoverCore
import Testing
import ToolkitTesting

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Simulation: the protocol under faults")
struct SeedTests {
    static func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    @Test(.enabled(if: number("TOOLKIT_SEED") != nil))
    func story() {
        let seed = Self.number("TOOLKIT_SEED") ?? 0
        let plan = Plan(seed: seed)
        let result = Simulator.run(plan)
        print("seed \(seed), profile \(plan.profile), \(plan.policy.nodes.count) nodes, k \(plan.policy.numberSyncStandbys), alone \(plan.policy.alone), mode \(plan.policy.mode), status \(plan.policy.timers.monitorInterval), events \(result.events), virtual \(result.virtualSeconds) s, acks \(result.acknowledged)")
        for fault in plan.faults { print("  " + fault.says) }
        print(Simulator.story(plan, lines: Int(Self.number("TOOLKIT_LINES") ?? 300)))
        print(result.violation.map { "VIOLATION \($0.invariant): \($0.says)" } ?? "every promise was kept")
        #expect(result.violation?.says == nil)
    }

    @Test(.enabled(if: number("TOOLKIT_SEED") == nil))
    func everyPromiseIsKept() async {
        let count = Self.number("TOOLKIT_SEEDS") ?? 100
        let from = Self.number("TOOLKIT_FROM") ?? 1
        let only = Self.text("TOOLKIT_PROFILE").flatMap { name in FaultProfile.all.first { $0.name == name } }
        let clock = ContinuousClock()
        let began = clock.now
        let campaign = await Campaign.run(from..<(from + count), limit: 30) { Plan(seed: $0, profile: only) }
        print("\(campaign.seeds) seeds in \(clock.now - began): \(campaign.virtualSeconds) virtual s, \(campaign.events) events, \(campaign.acknowledged) acknowledged, \(campaign.failovers) failovers")
        print("missing: \(campaign.coverage.missing)")
        print(campaign.coverage.endings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
        var kinds: [String: [SeedResult]] = [:]
        for result in campaign.violations { kinds[result.violation?.invariant ?? "", default: []].append(result) }
        for (kind, results) in kinds.sorted(by: { $0.key < $1.key }) {
            print("\(kind): \(results.count)")
            for result in results.prefix(8) {
                print("   seed \(result.seed) (\(result.profile)): \(result.violation?.says ?? "")")
            }
        }
        #expect(campaign.violations.count == 0)
    }
}
