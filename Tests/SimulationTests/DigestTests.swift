import Testing
import ToolkitTesting

@Suite("Simulation: the same seed is the same run")
struct DigestTests {
    private static let file = "digests.txt"

    /// Debug and optimised builds compare with one file; `REWRITE=1` writes it anew, to be committed
    /// when the change of behaviour is meant.
    @Test func digestsAreThoseOfTheFile() {
        let seeds: [UInt64] = [1, 2, 3, 4, 5, 6]
        let found = seeds.map { "\($0) " + String(Simulator.run(Plan(seed: $0)).digest, radix: 16) }
        if Setting.text("REWRITE") == "1" {
            Setting.write(
                "# The trace of each seed as one number: debug and optimised builds must agree.\n"
                    + found.joined(separator: "\n") + "\n", to: Self.file)
        }
        #expect(Setting.lines(of: Self.file) == found)
    }

    @Test func aSeedRunsTwiceAlikeInOneProcess() {
        for seed in UInt64(7)...9 {
            let (one, other) = (Simulator.run(Plan(seed: seed)), Simulator.run(Plan(seed: seed)))
            #expect(one.digest == other.digest)
            #expect(one.events == other.events)
        }
    }

    @Test func aFaultLeftOutShiftsNoOther() {
        var plan = Plan(seed: 3)
        let all = plan.faults.map(\.says)
        plan.faults.removeFirst()
        #expect(plan.faults.map(\.says) == Array(all.dropFirst()))
        #expect(Simulator.run(plan).digest != Simulator.run(Plan(seed: 3)).digest)
    }
}
