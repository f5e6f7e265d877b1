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
        for seed in one.map({ $0...$0 }) ?? 1...count {
            var schedule = Schedule(seed: seed)
            let broken = schedule.run()
            fired.formUnion(schedule.fired)
            if let broken {
                Issue.record("TOOLKIT_SEED=\(seed): \(broken)")
                if one != nil { return }
                break
            }
        }
        guard one == nil, count >= 2_000 else { return }
        // A rule that no schedule reaches is either not needed or not tested.
        let unused = Set(Rulebook.standard.map(\.id.rawValue)).subtracting(fired)
        #expect(unused.subtracting(Self.notReached) == [])
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
