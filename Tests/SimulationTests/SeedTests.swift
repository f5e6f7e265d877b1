import FailoverCore
import Testing
import ToolkitTesting

#if canImport(Glibc)
    import Glibc
#endif

/// Runs the real core over a model of the world; `./install.sh simulate` and `install.sh test` run
/// the optimised build, any other build a handful of seeds.
@Suite("Simulation: the protocol under faults")
struct SeedTests {
    /// `TOOLKIT_SEEDS` seeds, from `TOOLKIT_FROM` on, of `TOOLKIT_PROFILE` alone.
    @Test(.enabled(if: Setting.number("TOOLKIT_SEED") == nil))
    func everyPromiseIsKept() async {
        let count = Setting.number("TOOLKIT_SEEDS") ?? Setting.seeds
        let from = Setting.number("TOOLKIT_FROM") ?? 1
        let profile = Setting.profile
        let clock = ContinuousClock()
        let began = clock.now
        var campaign = Campaign()
        var next = from
        // A long run tells how far it is.
        while next < from + count, campaign.violations.count < 20 {
            let end = min(next + 1_000, from + count)
            campaign.add(
                await Campaign.run(next..<end) { Plan(seed: $0, profile: profile) })
            next = end
            print("\(campaign.summary) in \(clock.now - began)")
            fflush(nil)
        }
        for line in campaign.histogram { print(line) }
        if Setting.number("TOOLKIT_VERBOSE") != nil { print(campaign.coverage.listing) }
        fflush(nil)
        for result in campaign.violations.prefix(Int(Setting.number("TOOLKIT_SHOW") ?? 3)) {
            Issue.record(
                """
                seed \(result.seed) (\(result.profile)) breaks \(result.violation?.invariant ?? ""): \
                \(result.violation?.says ?? "")
                replay: TOOLKIT_SEED=\(result.seed) ./install.sh simulate
                """)
        }
        #expect(campaign.violations.count == 0)
        #expect(campaign.coverage.unlisted == [], "no transition tells of these changes")
        guard count >= 5_000, profile == nil else { return }
        #expect(campaign.coverage.missing == [], "never reached: not needed, or not tested")
    }

    /// `TOOLKIT_SEED=N`: the seed's story; of one that fails, the least schedule that does.
    @Test(.enabled(if: Setting.number("TOOLKIT_SEED") != nil))
    func story() {
        let seed = Setting.number("TOOLKIT_SEED") ?? 0
        let plan = Plan(seed: seed, profile: Setting.profile)
        if Setting.number("TOOLKIT_TRACE") != nil {
            for line in Simulator.trace(plan) { print(line) }
        }
        let shrunk = Setting.number("TOOLKIT_TRACE") == nil ? Shrinking.shrink(plan) : nil
        print(Simulator.story(shrunk ?? plan))
        #expect(Simulator.run(plan).violation?.says == nil)
    }

    /// Seeds that failed once: `number profile sentence`, one a line.
    @Test func seedsThatFailedOnceDoNotAgain() {
        let seeds = Setting.lines(of: "seeds.txt").compactMap { line -> (UInt64, String)? in
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let number = UInt64(words[0]) else { return nil }
            return (number, String(words[1]))
        }
        #expect(!seeds.isEmpty)
        for (seed, name) in seeds {
            let profile = FaultProfile.named(name)
            #expect(profile != nil || name == "any", "no profile \(name)")
            let result = Simulator.run(Plan(seed: seed, profile: profile))
            #expect(result.violation?.says == nil, "seed \(seed) of \(name)")
        }
    }
}
