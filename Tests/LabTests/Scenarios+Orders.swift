import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store

/// What an operator orders, and what goes wrong meanwhile.
extension Scenario {
    static let orders: [Scenario] = [
        Scenario(id: "L36", what: "switchovers under load", boundMs: 150, isPlanned: true) {
            stage in
            var outages: [Int] = []
            for _ in 0..<(stage.isFull ? 50 : 10) { outages.append(try await switchover(stage)) }
            stage.figures.writableMs = outages.sorted()[outages.count / 2]
            stage.figures.slowestMs = outages.max()
        },
        Scenario(
            id: "L38", what: "a switchover while the third node is frozen", boundMs: 350,
            isPlanned: true
        ) { stage in
            let cluster = stage.cluster
            let standbys = try await cluster.standbys()
            // Others lose two seconds at the frozen host (`connect_timeout`): theirs is no measure.
            stage.writers.start(
                8..<12, hosts: [1, 2, 3].filter { $0 != cluster[standbys[1]].number })
            try await stage.writers.goOn(50)
            try await cluster[standbys[1]].freeze()
            let outage = try await switchover(stage, to: standbys[0], isAlone: true)
            (stage.figures.writableMs, stage.figures.slowestMs) = (outage, outage)
            cluster[standbys[1]].thaw()
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L37", what: "a switchover whose target dies at each step", boundMs: 3_000
        ) { stage in
            var phases: [Phase] = []
            for phase in [Phase.switchover, .sealing, .promoting, .opening]
            where try await targetDies(in: phase, stage) { phases.append(phase) }
            stage.check(
                phases.contains(.switchover) && phases.contains(.promoting),
                "a switchover went through \(phases) alone")
        },
        Scenario(
            id: "L48", what: "maintenance of a standby, then of the primary, each for a time",
            boundMs: 300, isPlanned: true
        ) { stage in
            let cluster = stage.cluster
            let mark = try await stage.mark()
            let standby = try await cluster.standbys()[0]
            try await maintain(standby, stage)
            let old = try await cluster.primary()
            stage.figures.writableMs = try await outage(of: old, stage) {
                try await maintain(old, stage)
            }
            stage.figures.slowestMs = stage.figures.writableMs
            try await stage.redundant(since: .now)
            let rules = try await stage.rules(after: mark)
            stage.check(!rules.contains("suspect.confirmed"), "a failover began")
        },
    ]

    /// Leaves a node to us for some seconds, in which we stop its server, and takes it back.
    private static func maintain(_ node: NodeID, _ stage: Stage) async throws {
        let cluster = stage.cluster
        let told = try await cluster.toolkit(
            "maintenance", "on", node.rawValue, "--for", "12s", "--yes")
        guard told.isSuccess else { throw LabError("maintenance on: \(told.said)") }
        stage.check(try await cluster.primary() != node, "\(node) is the primary")
        let configs = await cluster.state()?.configs ?? []
        stage.check(!configs.contains { $0.voters.contains(node) }, "\(node) is counted")
        let mark = try await stage.mark()
        if cluster[node].postmaster != nil { try await cluster[node].stopPostgres() }
        try await Task.sleep(for: .seconds(3))
        stage.check(cluster[node].postmaster == nil, "\(node) was started")
        let touched = try await cluster.events(after: mark).filter {
            $0.kind == .effect && $0.node == node && !$0.summary.hasPrefix("inspect")
        }
        stage.check(touched.isEmpty, "\(node) was not left alone: \(touched.map(\.summary))")
        try await stage.writers.goOn()
        try await until("\(node) is back when its time is over", within: .seconds(60)) {
            await cluster.state()?.configs.last?.voters.contains(node) ?? false
        }
        try await cluster.healthy()
    }

    /// Moves the primary; the time from its last acknowledgement to the first elsewhere.
    private static func switchover(
        _ stage: Stage, to target: NodeID? = nil, isAlone: Bool = false
    ) async throws -> Int {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let mark = try await stage.mark()
        let outage = try await outage(of: old, stage) {
            let arguments = ["switchover", "--yes"] + (target.map { ["--to", $0.rawValue] } ?? [])
            let told = try await cluster.toolkit(arguments)
            guard told.isSuccess else { throw LabError("switchover: \(told.said)") }
        }
        if !isAlone { try await cluster.healthy() }
        let said = try await cluster.events(after: mark).map(\.summary)
        stage.check(
            !said.contains { $0.hasPrefix("rewind on") || $0.hasPrefix("clone on") },
            "\(old) came back by more than a start")
        return outage
    }

    /// From the last acknowledgement by `old` to the first by its successor.
    private static func outage(
        of old: NodeID, _ stage: Stage, _ order: () async throws -> Void
    ) async throws -> Int {
        let start = ContinuousClock.now
        try await order()
        try await until("another node acknowledges", within: .seconds(20)) {
            stage.writers.acknowledged.last?.node != old.rawValue
        }
        let seen = stage.writers.acknowledged.filter { $0.at > start }
        guard let first = seen.first(where: { $0.node != old.rawValue }),
            let last = seen.last(where: { $0.node == old.rawValue && $0.at < first.at })
        else { throw LabError("the outage can't be measured") }
        return (first.at - last.at).milliseconds
    }

    /// False when the way of a switchover does not lead through that phase.
    private static func targetDies(in phase: Phase, _ stage: Stage) async throws -> Bool {
        let cluster = stage.cluster
        let target = try await cluster.standbys()[0]
        let updates = cluster.client.watch()
        let order = Task {
            try await cluster.toolkit("switchover", "--to", target.rawValue, "--yes")
        }
        let isSeen = try await reaches(phase, updates)
        let fault = ContinuousClock.now
        if isSeen { try await cluster[target].killPostgres() }
        _ = try await order.value
        guard isSeen else {
            try await cluster.healthy()
            return false
        }
        try await until("somebody acknowledges", within: .seconds(60)) {
            stage.writers.acknowledged.last.map { $0.sent > fault } ?? false
        }
        try await stage.writers.goOn(50)
        let before = stage.figures
        stage.note(LabOutage(stage.writers.acknowledged, since: fault))
        try await stage.redundant(since: fault)
        stage.figures.keepWorst(of: before)
        return true
    }

    /// Whether the cluster is seen in this phase before it is at rest again.
    private static func reaches(
        _ phase: Phase, _ updates: AsyncThrowingStream<SchedulerUpdate, any Error>
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                var hasBegun = false
                for try await update in updates {
                    if update.view.phase == phase { return true }
                    if update.view.phase != .steady { hasBegun = true } else if hasBegun { break }
                }
                return false
            }
            group.addTask {
                try await Task.sleep(for: .seconds(60))
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
