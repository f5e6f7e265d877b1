import FailoverCore
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The core under random faults")
struct RandomTests {
    /// `TOOLKIT_SEED` runs one seed, `TOOLKIT_SEEDS` that many.
    @Test func everyPromiseIsKept() {
        let one = getenv("TOOLKIT_SEED").flatMap { Int(String(cString: $0)) }
        let count = getenv("TOOLKIT_SEEDS").flatMap { Int(String(cString: $0)) } ?? 60
        for seed in one.map({ $0...$0 }) ?? 1...count {
            var schedule = Schedule(seed: seed)
            if let broken = schedule.run() {
                Issue.record("TOOLKIT_SEED=\(seed): \(broken)")
                if one != nil { return }
                break
            }
        }
    }
}
