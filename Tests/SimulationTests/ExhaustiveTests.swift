import Testing
import ToolkitTesting

/// One story of three nodes again and again, each time with one thing that goes wrong at another one of
/// its events: whatever can be interrupted is interrupted everywhere.
@Suite("Simulation: one injection at each event", .serialized)
struct ExhaustiveTests {
    struct Broken: Sendable {
        var injection: Injection
        var says: String
    }

    @Test(.enabled(if: Setting.number("TOOLKIT_SEED") == nil), arguments: Plan.Story.allCases)
    func everyPromiseIsKept(_ story: Plan.Story) async {
        let plan = Plan(story)
        #expect(Simulator.run(plan).violation?.says == nil)
        let all = Simulator.injections(into: plan)
        if let only = Setting.text("TOOLKIT_INJECTION") { return tell(story, all, only) }
        let clock = ContinuousClock()
        let began = clock.now
        let chosen = stride(from: 0, to: all.count, by: Setting.injectionStride).map { all[$0] }
        let broken = await Self.run(plan, chosen)
        let counts = Dictionary(grouping: chosen, by: \.name).mapValues(\.count)
        let parts = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            "\(story.rawValue): \(chosen.count) injections (\(parts.joined(separator: ", "))), "
                + "\(broken.count) broken promises in \(clock.now - began)")
        for one in broken.prefix(3) {
            Issue.record(
                """
                \(story.rawValue), \(one.injection): \(one.says)
                replay: TOOLKIT_INJECTION=\(story.rawValue):\(one.injection) ./install.sh simulate \
                --filter Exhaustive
                """)
        }
        #expect(broken.count == 0)
    }

    static func run(_ plan: Plan, _ injections: [Injection]) async -> [Broken] {
        await withTaskGroup(of: [Broken].self) { group in
            for worker in 0..<2 {
                group.addTask {
                    stride(from: worker, to: injections.count, by: 2).compactMap { at in
                        let violation = Simulator.run(plan.with([injections[at]])).violation
                        return violation.map {
                            Broken(
                                injection: injections[at], says: "\($0.invariant): \($0.says)")
                        }
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func tell(_ story: Plan.Story, _ all: [Injection], _ only: String) {
        let name = "\(story.rawValue):"
        guard let injection = all.first(where: { name + $0.description == only }) else { return }
        let plan = Plan(story).with([injection])
        print(Simulator.story(plan))
        #expect(Simulator.run(plan).violation?.says == nil)
    }
}
