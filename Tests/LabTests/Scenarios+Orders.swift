import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store

/// What an operator orders, and what goes wrong meanwhile.
extension Scenario {
    static let orders: [Scenario] = [
        Scenario(id: "L36", what: "switchovers under load", boundMs: 150) { stage in
            var outages: [Int] = []
            for _ in 0..<(stage.isFull ? 50 : 10) { outages.append(try await switchover(stage)) }
            stage.figures.writableMs = outages.sorted()[outages.count / 2]
            stage.figures.slowestMs = outages.max()
        },
        Scenario(
            id: "L38", what: "a switchover while the third node is frozen", boundMs: 350
        ) { stage in
            let cluster = stage.cluster
            let standbys = try await cluster.standbys()
            try await cluster[standbys[1]].freeze()
            let outage = try await switchover(stage, to: standbys[0], isAlone: true)
            (stage.figures.writableMs, stage.figures.slowestMs) = (outage, outage)
            cluster[standbys[1]].thaw()
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L37", what: "a switchover whose target dies at each step", boundMs: 3_000
        ) { stage in
            for phase in [Phase.switchover, .sealing, .promoting, .opening] {
                try await targetDies(in: phase, stage)
            }
        },
    ]

    /// Moves the primary; the time from its last acknowledgement to the first elsewhere.
    private static func switchover(
        _ stage: Stage, to target: NodeID? = nil, isAlone: Bool = false
    ) async throws -> Int {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let mark = try await stage.mark()
        let start = ContinuousClock.now
        let arguments = ["switchover", "--yes"] + (target.map { ["--to", $0.rawValue] } ?? [])
        let told = try await cluster.toolkit(arguments)
        guard told.isSuccess else { throw LabError("switchover: \(told.said)") }
        try await until("another node acknowledges", within: .seconds(20)) {
            stage.writers.acknowledged.last?.node != old.rawValue
        }
        if !isAlone { try await cluster.healthy() }
        let seen = stage.writers.acknowledged
        guard let last = seen.last(where: { $0.node == old.rawValue }),
            let first = seen.first(where: { $0.at > start && $0.node != old.rawValue })
        else { throw LabError("the outage can't be measured") }
        let said = try await cluster.events(after: mark).map(\.summary)
        stage.check(
            !said.contains { $0.hasPrefix("rewind on") || $0.hasPrefix("clone on") },
            "\(old) came back by more than a start")
        return (first.at - last.at).milliseconds
    }

    private static func targetDies(in phase: Phase, _ stage: Stage) async throws {
        let cluster = stage.cluster
        let target = try await cluster.standbys()[0]
        let updates = cluster.client.watch()
        let order = Task {
            try await cluster.toolkit("switchover", "--to", target.rawValue, "--yes")
        }
        for try await update in updates where update.view.phase == phase { break }
        let fault = ContinuousClock.now
        try await cluster[target].killPostgres()
        _ = try await order.value
        try await until("somebody acknowledges", within: .seconds(60)) {
            stage.writers.acknowledged.last.map { $0.sent > fault } ?? false
        }
        try await stage.writers.goOn(50)
        let before = stage.figures
        stage.note(LabOutage(stage.writers.acknowledged, since: fault))
        try await stage.redundant(since: fault)
        stage.figures.keepWorst(of: before)
    }
}
