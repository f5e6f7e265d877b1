import FailoverCore
import Foundation
import Glibc
import Store

@testable import ToolkitTesting

/// The scheduler is cut off, gone, killed in the middle, or given an old store.
extension Scenario {
    static let scheduler: [Scenario] = [
        Scenario(
            id: "L10", what: "no scheduler for a long time", isPatient: true
        ) { stage in
            let mark = try await stage.mark()
            try await stage.cluster.stopDaemon(SIGTERM)
            try await stage.nothingHappens(for: .seconds(stage.isFull ? 600 : 60), mark)
            try await stage.cluster.runDaemon()
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L9", what: "the scheduler is cut off from everybody", isPatient: true
        ) { stage in
            let mark = try await stage.mark()
            try await stage.cluster.lab.link(stage.cluster.control, isUp: false)
            try await stage.nothingHappens(for: .seconds(stage.isFull ? 60 : 15), mark)
            try await stage.cluster.lab.link(stage.cluster.control, isUp: true)
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L6", what: "the scheduler is cut off from the primary alone", isPatient: true
        ) { stage in
            let cluster = stage.cluster
            let mark = try await stage.mark()
            let primary = try await cluster.primary()
            try await cluster.lab.cut(cluster[primary], cluster.control)
            try await stage.says("the scheduler is cut off")
            try await stage.nothingHappens(for: .seconds(stage.isFull ? 60 : 10), mark)
            stage.check(try await cluster.primary() == primary, "the primary has changed")
            try await cluster.lab.healNetwork(cluster.vms)
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L11", what: "the primary dies while no scheduler runs, then one starts",
            boundMs: 3_000
        ) { stage in
            let old = try await stage.cluster.primary()
            try await stage.cluster.stopDaemon()
            try await stage.cluster[old].killPostgres()
            try await Task.sleep(for: .seconds(2))
            let start = ContinuousClock.now
            try await stage.cluster.runDaemon()
            try await stage.failedOver(from: old, since: start, within: .seconds(20))
            try await stage.redundant(since: start)
        },
        Scenario(id: "L15", what: "the store is an old copy", isPatient: true) { stage in
            try await storeIsOld(stage)
        },
        Scenario(
            id: "L12", what: "the scheduler is killed at each step of a failover", boundMs: 3_000,
            isPatient: true
        ) { stage in
            let steps =
                stage.isFull
                ? crashPoints
                : crashPoints.enumerated().filter {
                    $0.offset % (crashPoints.count / 6) == 0
                }.prefix(6).map(\.element)
            for step in steps { try await dies(at: step, stage) }
        },
    ]

    /// Everything that a failover stores, and every effect of it, before and after.
    private static let crashPoints =
        [
            "suspect.begin", "suspect.confirmed", "sealing.promote", "promotion.open",
            "opening.done", "member.plan", "member.done", "quorum.add", "quorum.close",
            "following.done",
        ].map { "after-store:\($0)" }
        + ["seal", "promote", "open", "follow", "fence", "rewind", "reconfigure", "inspect"]
        .flatMap { ["before-effect:\($0)", "after-effect:\($0)"] }

    private static func dies(at place: String, _ stage: Stage) async throws {
        let cluster = stage.cluster
        try await cluster.stopDaemon()
        try await cluster.runDaemon([
            "TOOLKIT_FAILPOINT": place, "TOOLKIT_FAILPOINT_ONCE": "/mnt/sched/once-\(place)",
        ])
        try await cluster.healthy()
        try await stage.writers.goOn()
        let old = try await cluster.primary()
        let mark = try await stage.mark()
        let dying = cluster.daemon
        try await cluster[old].killPostgres()
        guard await dying?.ended(before: .now + .seconds(60)) != nil else {
            throw LabError("\(place): the scheduler did not die there")
        }
        let start = ContinuousClock.now
        try await cluster.runDaemon()
        let before = stage.figures
        try await stage.failedOver(from: old, since: start, within: .seconds(30))
        try await stage.redundant(since: start)
        stage.figures.keepWorst(of: before)
        // Whoever was promoted first was opened: one timeline, one opening.
        let opened = try await cluster.events(after: mark).filter { $0.rule == "promotion.open" }
        stage.check(opened.count == 1, "\(place): \(opened.count) openings of a promoted node")
    }

    private static func storeIsOld(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let folder = "\(cluster.control.folder)/sched"
        func store(_ from: String, _ to: String) async throws {
            try await shell([
                "sh", "-euc",
                #"mkdir -p "$2"; rm -f "$2"/lab.sqlite*; cp -a "$1"/lab.sqlite* "$2""#,
                "sh", from, to,
            ])
        }
        try await cluster.stopDaemon(SIGTERM)
        try await store(folder, "\(folder).old")
        try await cluster.runDaemon()
        try await cluster.healthy()
        try await stage.loseServers()
        (stage.figures.writableMs, stage.figures.slowestMs) = (nil, nil)
        try await cluster.stopDaemon(SIGTERM)
        try await store(folder, "\(folder).new")
        try await store("\(folder).old", folder)
        try await cluster.runDaemon()
        try await stage.says("the store was rolled back")
        // Nothing is done about a lost primary on what that store says.
        guard let lost = stage.writers.acknowledged.last?.node else { throw LabError("no writes") }
        try await cluster[lost].killPostgres()
        let fault = ContinuousClock.now
        try await Task.sleep(for: .seconds(8))
        stage.check(
            !stage.writers.acknowledged.contains { $0.sent > fault }, "somebody was opened")
        for vm in cluster.vms.prefix(3) where vm.name != lost {
            stage.check(await vm.isInRecovery() == true, "\(vm.name) was promoted")
        }
        try await cluster.stopDaemon(SIGTERM)
        try await store("\(folder).new", folder)
        try await cluster.runDaemon()
        try await cluster.healthy()
        try await stage.writers.goOn()
    }
}
