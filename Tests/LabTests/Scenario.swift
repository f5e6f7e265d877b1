import FailoverCore
import Foundation
import Glibc
import Store
import Testing

@testable import ToolkitTesting

/// One scenario of the catalogue: what it does, how long writes may stop, and whether it mostly waits.
struct Scenario: Sendable {
    let id: String
    let what: String
    /// Of the time to writable, for the default profile; nil: none.
    var boundMs: Int?
    /// How fast a planned hand-over is belongs to the operations and their quiet machine: it is
    /// printed alone.
    var isPlanned = false
    /// It measures nothing that a busy machine would spoil: it runs beside others.
    var isPatient = false
    /// Changes what the cluster is before it starts; true: at full scale.
    var prepare: @Sendable (LabCluster, Bool) async throws -> Void = { _, _ in }
    let play: @Sendable (Stage) async throws -> Void
}

/// What a running scenario works with: its cluster, and what is to be said about it.
final class Stage: @unchecked Sendable {
    // Safe: only the scenario's own task uses it.

    let cluster: LabCluster
    let isFull: Bool
    let isPlanned: Bool
    var figures: LabFigures
    /// Lines of the nodes' logs that this scenario provokes.
    var expectedInLogs: Regex<Substring>?

    init(_ scenario: Scenario, _ cluster: LabCluster, isFull: Bool) {
        self.cluster = cluster
        self.isFull = isFull
        isPlanned = scenario.isPlanned
        figures = LabFigures(
            scenario: scenario.id, what: scenario.what, boundMs: scenario.boundMs)
    }

    var writers: LabWriters { cluster.writers }

    func check(_ holds: Bool, _ says: @autoclosure () -> String) {
        if !holds { figures.failures.append(says()) }
    }

    // MARK: Measuring

    /// Waits until another node than `old` acknowledges, and notes when it did.
    func failedOver(
        from old: NodeID, since fault: ContinuousClock.Instant, within span: Duration
    ) async throws {
        do {
            try await until("another node than \(old) acknowledges", within: span) {
                writers.acknowledged.last.map { $0.node != old.rawValue && $0.at > fault } ?? false
            }
        } catch {
            throw LabError("\(error): \(try await cluster.story())")
        }
        // The slowest has its patience, a dead host's, and one more attempt.
        try await until("every writer has come over", within: .seconds(15)) {
            let seen = writers.acknowledged.filter { $0.at > fault && $0.node != old.rawValue }
            return Set(seen.map(\.writer)).count == 8
        }
        note(LabOutage(writers.acknowledged, since: fault, leaving: old.rawValue))
    }

    func note(_ outage: LabOutage) {
        figures.writableMs = outage.first
        figures.slowestMs = outage.slowest
    }

    /// Waits for every node to be counted, and notes how long that took.
    func redundant(since moment: ContinuousClock.Instant, within span: Duration = .seconds(60))
        async throws
    {
        try await cluster.healthy(within: span)
        figures.redundantMs = (ContinuousClock.now - moment).milliseconds
    }

    /// The rules that fired after an event.
    func rules(after id: Int64 = 0) async throws -> [String] {
        try await cluster.events(after: id).compactMap(\.rule?.rawValue)
    }

    /// The last event so far.
    func mark() async throws -> Int64 { try await cluster.events().last?.id ?? 0 }

    /// At full scale so many rounds of a fault; the medians stand, and the slowest writer of all.
    func rounds(_ count: Int, _ round: () async throws -> Void) async throws {
        var all: [LabFigures] = []
        for _ in 0..<(isFull ? count : 1) {
            try await round()
            try await writers.goOn(50)
            all.append(figures)
        }
        func median(_ values: [Int]) -> Int? {
            values.isEmpty ? nil : values.sorted()[values.count / 2]
        }
        figures.writableMs = median(all.compactMap(\.writableMs))
        figures.redundantMs = median(all.compactMap(\.redundantMs))
        figures.slowestMs = all.compactMap(\.slowestMs).max()
    }
}
