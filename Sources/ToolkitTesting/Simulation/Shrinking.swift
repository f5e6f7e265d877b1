import FailoverCore

/// The least schedule that still breaks the same promise.
public struct Shrinking {
    private let invariant: String
    private var best: Plan
    /// Runs that may still be spent.
    private var budget: Int

    /// Nil when the plan keeps every promise.
    public static func shrink(_ plan: Plan, budget: Int = 400) -> Plan? {
        guard let violation = Simulator.run(plan).violation else { return nil }
        var shrinking = Shrinking(invariant: violation.invariant, best: plan, budget: budget)
        shrinking.dropFaults()
        shrinking.dropNodes()
        shrinking.dropWriters()
        shrinking.shorten()
        return shrinking.best
    }

    /// Takes the plan when it breaks the same promise.
    private mutating func accept(_ plan: Plan) -> Bool {
        guard budget > 0 else { return false }
        budget -= 1
        guard Simulator.run(plan).violation?.invariant == invariant else { return false }
        best = plan
        return true
    }

    /// ddmin: halves, quarters, … single ones are left out while the rest still suffices.
    private mutating func dropFaults() {
        var size = max(best.faults.count / 2, 1)
        while true {
            var start = 0
            var hasShrunk = false
            while start < best.faults.count {
                var plan = best
                plan.faults.removeSubrange(start..<min(start + size, plan.faults.count))
                if accept(plan) { hasShrunk = true } else { start += size }
            }
            if size == 1, !hasShrunk { return }
            if !hasShrunk { size = max(size / 2, 1) }
            if budget == 0 { return }
        }
    }

    private mutating func dropNodes() {
        while best.policy.nodes.count > 2 {
            var plan = best
            plan.policy.nodes.removeLast()
            plan.policy.numberSyncStandbys = min(
                plan.policy.numberSyncStandbys, plan.policy.nodes.count - 1)
            guard accept(plan) else { return }
        }
    }

    private mutating func dropWriters() {
        while best.writers.count > 1 {
            var plan = best
            plan.writers.removeLast()
            guard accept(plan) else { return }
        }
    }

    /// Faults earlier, shorter, and the end of faults sooner.
    private mutating func shorten() {
        for index in best.faults.indices {
            for divisor: Int64 in [100, 10, 2] {
                var plan = best
                plan.faults[index].duration = max(plan.faults[index].duration / divisor, 1_000)
                if accept(plan) { break }
            }
        }
        let last = best.faults.map { $0.at + $0.duration }.max() ?? 0
        var plan = best
        plan.healAt = min(plan.healAt, last + 5_000_000)
        _ = accept(plan)
    }
}
