import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store

/// What several scenarios do.
extension Stage {
    /// The primary's servers die at once; another node takes over; all nodes come back.
    func loseServers(within span: Duration = .seconds(30)) async throws {
        let old = try await cluster.primary()
        let fault = ContinuousClock.now
        try await cluster[old].killPostgres()
        try await failedOver(from: old, since: fault, within: span)
        try await redundant(since: fault)
    }

    /// Nothing is decided and writes go on, for so long.
    func nothingHappens(
        for span: Duration, _ events: Int64, stallMs: Int = 1_500
    ) async throws {
        let term = try await storedTerm()
        let start = ContinuousClock.now
        try await Task.sleep(for: span)
        let outage = LabOutage(writers.acknowledged, since: start)
        note(outage)
        check((outage.first ?? .max) < stallMs, "writes stopped for \(outage.first ?? -1) ms")
        try await writers.goOn()
        let now = try await storedTerm()
        check(term == now, "the term went from \(term) to \(now)")
        let rules = try await rules(after: events)
        check(!rules.contains("suspect.confirmed"), "a failover began")
    }

    /// As the store has it, with a scheduler or without.
    func storedTerm() async throws -> Int {
        let said = try await cluster.toolkit("state").output
        guard let match = said.firstMatch(of: /term (\d+)/), let term = Int(match.1) else {
            throw LabError("toolkit state says no term: \(said)")
        }
        return term
    }

    /// Waits until the scheduler says these words: an alarm, or what it waits for.
    func says(_ words: String, within span: Duration = .seconds(20)) async throws {
        var said = ""
        do {
            try await until("the scheduler says '\(words)'", within: span) {
                guard let view = await cluster.state() else { return false }
                said = ([view.waitingFor] + view.alarms).joined(separator: "; ")
                return said.contains(words)
            }
        } catch {
            throw LabError("\(error); it says: \(said)")
        }
    }

    /// No write was acknowledged by this node since.
    func neverAcknowledged(_ id: NodeID, since moment: ContinuousClock.Instant) {
        let count = writers.acknowledged.count { $0.node == id.rawValue && $0.sent > moment }
        check(count == 0, "\(id) acknowledged \(count) writes")
    }

    /// Events with their times and the nodes' logs, to be read afterwards.
    func keepStory(in folder: String) async {
        let events = (try? await cluster.events()) ?? []
        var text = events.map { event in
            "\(event.wallMs) \(event.summary)\(event.durationMs.map { " (\($0) ms)" } ?? "")  "
                + event.because
                + (event.output.map { "\n    " + $0.replacing("\n", with: "\n    ") } ?? "")
        }.joined(separator: "\n")
        for vm in cluster.vms.prefix(3) { text += "\n\n=== \(vm.name)\n\(vm.log)" }
        try? text.write(
            toFile: "\(folder)/\(figures.scenario).txt", atomically: true, encoding: .utf8)
    }
}
