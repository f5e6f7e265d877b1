import Foundation
import Glibc
import Testing

@testable import ToolkitTesting

/// Three "VMs" with real PostgreSQL and sshd, a scheduler, writers, and what goes wrong in real life:
/// docs/lab.md.
@Suite("Lab", .serialized)
struct LabTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let isRoot = getuid() == 0
    static let isFull = environment["TOOLKIT_LAB"] == "full"

    /// Scenarios that wait for minutes overlap; those that measure follow, one at a time.
    @Test(.enabled(if: isRoot, "the lab needs root: it makes network namespaces"))
    func everyScenario() async throws {
        let only = Self.environment["TOOLKIT_LAB_ONLY"].map {
            Set($0.split(separator: ",").map(String.init))
        }
        let chosen = Scenario.all.filter { only?.contains($0.id) ?? true }
        try #require(!chosen.isEmpty, "TOOLKIT_LAB_ONLY names no scenario")
        let report = LabReport()
        await Self.play(chosen.filter(\.isPatient), atOnce: 3, report)
        await Self.play(chosen.filter { !$0.isPatient }, atOnce: 1, report)
        await LabTemplate.shared.remove()
        print("\nThe lab\(Self.isFull ? ", at full scale" : ""):\n\n\(report.table)\n")
    }

    private actor Queue {
        private var left: [Scenario]
        init(_ scenarios: [Scenario]) { left = scenarios.reversed() }
        func next() -> Scenario? { left.popLast() }
    }

    private static func play(
        _ scenarios: [Scenario], atOnce count: Int, _ report: LabReport
    ) async {
        let queue = Queue(scenarios)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                group.addTask {
                    while let next = await queue.next() { await play(next, report) }
                }
            }
        }
    }

    private static func play(_ scenario: Scenario, _ report: LabReport) async {
        let start = ContinuousClock.now
        var figures: LabFigures
        do {
            let cluster = try await LabTemplate.shared.cluster()
            let stage = Stage(scenario, cluster, isFull: isFull)
            do {
                try await scenario.prepare(cluster, isFull)
                try await cluster.start()
                cluster.writers.start()
                cluster.reader.start()
                try await cluster.writers.goOn(50)
                try await scenario.play(stage)
                try await stage.checkAlways()
            } catch {
                stage.check(false, "\(error)")
            }
            if !stage.figures.failures.isEmpty, let story = try? await cluster.story() {
                stage.figures.failures.append(story)
            }
            if let folder = environment["TOOLKIT_LAB_STORIES"] { await stage.keepStory(in: folder) }
            await cluster.remove()
            let left = cluster.lab.leftovers(of: cluster.vms)
            stage.check(left.isEmpty, "left over: \(left)")
            figures = stage.figures
        } catch {
            figures = LabFigures(scenario: scenario.id, what: scenario.what)
            figures.failures = ["\(error)"]
        }
        figures.seconds = (ContinuousClock.now - start).milliseconds / 1_000
        report.add(figures)
        for failure in figures.failures { Issue.record("\(scenario.id): \(failure)") }
        print("lab: \(scenario.id) took \(figures.seconds) s")
    }
}
