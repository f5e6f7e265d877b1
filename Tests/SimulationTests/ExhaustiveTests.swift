import Testing
import ToolkitTesting

/// One story of three nodes again and again, each time with one thing that goes wrong at another one of
/// its events: whatever can be interrupted is interrupted everywhere. Then with two, chosen at random.
@Suite("Simulation: injections at each event", .serialized)
struct ExhaustiveTests {
    struct Broken: Sendable {
        var injections: String
        var says: String
    }

    @Test(.enabled(if: Setting.number("TOOLKIT_SEED") == nil), arguments: Plan.Story.allCases)
    func everyPromiseIsKept(_ story: Plan.Story) async {
        let plan = Plan(story)
        #expect(Simulator.run(plan).violation?.says == nil)
        if let only = Setting.text("TOOLKIT_INJECTION") { return tell(story, only) }
        let all = Simulator.injections(into: plan)
        let chosen = stride(from: 0, to: all.count, by: Setting.injectionStride).map { all[$0] }
        let broken = await Self.run(chosen) { injection in
            Self.broken(plan.with([injection])).map { [$0] } ?? []
        }
        let counts = Dictionary(grouping: chosen, by: \.name).mapValues(\.count)
        let parts = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        report(story, "\(chosen.count) injections (\(parts.joined(separator: ", ")))", broken)
    }

    @Test(
        .enabled(if: Setting.number("TOOLKIT_SEED") == nil),
        .enabled(if: Setting.text("TOOLKIT_INJECTION") == nil), arguments: Plan.Story.allCases)
    func everyPromiseIsKeptByPairs(_ story: Plan.Story) async {
        let plan = Plan(story)
        let all = Simulator.injections(into: plan)
        let stride = stride(from: 0, to: all.count, by: 3 * Setting.injectionStride)
        let firsts = stride.map { all[$0] }
        let broken = await Self.run(firsts) { first in
            Self.pairs(plan.with([first])).compactMap { Self.broken(plan.with([first, $0])) }
        }
        report(story, "\(firsts.count * Self.pairsOfEach) pairs of injections", broken)
    }

    private static let pairsOfEach = 3

    /// Second injections, spread over all that the run with the first one has a place for.
    private static func pairs(_ plan: Plan) -> [Injection] {
        guard let first = plan.injections.first else { return [] }
        let later = Simulator.injections(into: plan).filter { $0.event > first.event }
        guard !later.isEmpty else { return [] }
        // A number that is another one for each first injection, and the same in each run.
        let shift = first.event &* 0x9E37_79B9
        return (0..<pairsOfEach).map { number in
            later[(shift &+ number &* 0x85EB_CA6B) % later.count]
        }
    }

    private static func broken(_ plan: Plan) -> Broken? {
        Simulator.run(plan).violation.map {
            Broken(
                injections: plan.injections.map(\.description).joined(separator: ","),
                says: "\($0.invariant): \($0.says)")
        }
    }

    private static func run(
        _ injections: [Injection], _ look: @escaping @Sendable (Injection) -> [Broken]
    ) async -> [Broken] {
        await withTaskGroup(of: [Broken].self) { group in
            for worker in 0..<2 {
                group.addTask {
                    stride(from: worker, to: injections.count, by: 2).flatMap {
                        look(injections[$0])
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func report(_ story: Plan.Story, _ what: String, _ broken: [Broken]) {
        print("\(story.rawValue): \(what), \(broken.count) broken promises")
        for one in broken.prefix(3) {
            Issue.record(
                """
                \(story.rawValue), \(one.injections): \(one.says)
                replay: TOOLKIT_INJECTION=\(story.rawValue):\(one.injections) ./install.sh simulate \
                --filter Exhaustive
                """)
        }
        #expect(broken.count == 0)
    }

    /// `wanted`: a story, a colon, and its injections, each of which has its place only in the run with
    /// those before it.
    private func tell(_ story: Plan.Story, _ wanted: String) {
        let parts = wanted.split(separator: ":")
        guard parts.count == 2, parts[0] == story.rawValue else { return }
        var plan = Plan(story)
        for name in parts[1].split(separator: ",") {
            let found = Simulator.injections(into: plan).first { $0.description == name }
            guard let found else {
                Issue.record("there is no injection \(name) after \(plan.injections)")
                return
            }
            plan = plan.with(plan.injections + [found])
        }
        print(Simulator.story(plan))
        #expect(Simulator.run(plan).violation?.says == nil)
    }
}
