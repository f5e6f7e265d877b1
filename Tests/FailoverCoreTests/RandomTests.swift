import FailoverCore
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The core under random faults")
struct RandomTests {
    /// `TOOLKIT_SEED` runs one seed, `TOOLKIT_SEEDS` that many; 2,000 or more must reach every
    /// rule.
    @Test func everyPromiseIsKept() {
        let one = getenv("TOOLKIT_SEED").flatMap { Int(String(cString: $0)) }
        let count = getenv("TOOLKIT_SEEDS").flatMap { Int(String(cString: $0)) } ?? 12
        var fired: Set<String> = []
        var digest = DecisionDigest()
        for seed in one.map({ $0...$0 }) ?? 1...count {
            var schedule = Schedule(seed: seed)
            let broken = schedule.run()
            fired.formUnion(schedule.fired)
            digest.take("\(schedule.digest.value)")
            if let broken {
                Issue.record("TOOLKIT_SEED=\(seed): \(broken)")
                if one != nil { return }
                break
            }
        }
        print("decisions of \(one.map { "seed \($0)" } ?? "\(count) seeds"): \(digest.value)")
        guard one == nil, count >= 2_000 else { return }
        // A rule that no schedule reaches is either not needed or not tested.
        let unused = Set(Rulebook.standard.map(\.id.rawValue)).subtracting(fired)
        #expect(unused.subtracting(Self.notReached) == [])
    }

    /// No decision depends on a clock, on an address or on the order of a set.
    @Test func sameEventsGiveTheSameDecisions() {
        for seed in 1...3 {
            var (first, second) = (Schedule(seed: seed), Schedule(seed: seed))
            #expect(first.run() == second.run())
            #expect(first.digest == second.digest)
        }
    }

    /// Rules that hold do not count as fired; the others need what these schedules have not.
    private static let notReached: Set = [
        "suspect.hold", "sealing.wait", "opening.wait", "promotion.wait", "vigilance.first_look",
        // A store that was rolled back, and another hand in the node files.
        "vigilance.store_rewound", "vigilance.quorum_tampered", "promotion.unsealed",
        // A changed cluster file, and an order that nothing here gives.
        "quorum.lower", "order.rejoin", "suspect.validate",
    ]
}
