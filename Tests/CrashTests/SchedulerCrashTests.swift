import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The scheduler dies at any moment of a failover, and is started again.
@Suite("A scheduler that is killed", .serialized)
struct SchedulerCrashTests {
    /// What the list of stored steps must hold at least.
    private static let known = [
        "suspect.begin", "suspect.confirmed", "sealing.promote", "promotion.open", "opening.done",
        "member.plan", "member.done", "quorum.add", "quorum.close", "following.done",
    ]
    private static let knownOfSwitchover = [
        "order.switchover", "switchover.quiesced", "promotion.open", "opening.done",
    ]

    @Test(.timeLimit(.minutes(15)))
    func finishesAFailoverFromEveryStoredStep() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let rounds = Rounds(cluster)
            var daemon = try await cluster.runDaemon()
            cluster.writers.start(2)
            let (failover, switchover) = try await storedSteps(cluster, rounds)
            for step in failover {
                daemon = try await die(at: "after-store:\(step)", daemon, cluster, rounds) {
                    _ = try await cluster.killPrimary()
                }
            }
            for step in switchover {
                daemon = try await die(at: "after-store:\(step)", daemon, cluster, rounds) {
                    let told = try await cluster.toolkit("switchover", "--yes")
                    // 0: it was over for the operator before the daemon died.
                    #expect(told.status == 69 || told.status == 0, "\(told)")
                }
            }
            try await rounds.checkAll()
            try await cluster.kill(daemon)
        }
    }

    @Test(.timeLimit(.minutes(15)))
    func finishesAFailoverFromEveryUntoldEffect() async throws {
        let names = ["seal", "promote", "open", "follow", "fence", "rewind", "reconfigure"]
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let rounds = Rounds(cluster)
            var daemon = try await cluster.runDaemon()
            cluster.writers.start(2)
            for name in names {
                daemon = try await die(at: "after-effect:\(name)", daemon, cluster, rounds) {
                    _ = try await cluster.killPrimary()
                }
            }
            daemon = try await die(at: "after-effect:quiesce", daemon, cluster, rounds) {
                let told = try await cluster.toolkit("switchover", "--yes")
                #expect(told.status == 69, "\(told)")
            }
            try await rounds.checkAll()
            try await cluster.kill(daemon)
        }
    }

    /// No program can be run on the old primary until the failover is over.
    @Test(.timeLimit(.minutes(15)))
    func finishesAFailoverOfANodeThatCannotBeReached() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let rounds = Rounds(cluster)
            var daemon = try await cluster.runDaemon()
            cluster.writers.start(2)
            for step in ["suspect.confirmed", "sealing.promote", "promotion.open", "opening.done"] {
                var (old, count): (NodeID?, Int) = (nil, 0)
                daemon = try await die(at: "after-store:\(step)", daemon, cluster, rounds) {
                    let primary = try #require(await cluster.state()?.primary)
                    let postmaster = try cluster.postmaster(primary)
                    try cluster.shut(primary, true)
                    try #require(kill(postmaster, SIGKILL) == 0)
                    old = primary
                    count = cluster.writers.acknowledged.count
                } meanwhile: {
                    try await until("writes go on elsewhere", within: .seconds(30)) {
                        cluster.writers.acknowledged.count > count + 20
                    }
                    let killed = try #require(old)
                    #expect(await cluster.state()?.primary != killed)
                    #expect(await cluster.state()?.isHealthy == false)
                    try cluster.shut(killed, false)
                }
            }
            try await rounds.checkAll()
            try await cluster.kill(daemon)
        }
    }

    @Test(.timeLimit(.minutes(15)))
    func finishesAFailoverFromRandomMoments() async throws {
        let given = ProcessInfo.processInfo.environment["TOOLKIT_TEST_SEED"].flatMap { UInt64($0) }
        let seed = given ?? .random(in: .min ... .max)
        print("seed \(seed): repeat it with TOOLKIT_TEST_SEED=\(seed)")
        var random = Seeded(seed)
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let rounds = Rounds(cluster)
            cluster.writers.start(2)
            var daemon = try await cluster.runDaemon()
            try await cluster.healthy()
            var (counted, number) = (0, 0)
            while counted < 20 {
                number += 1
                try #require(number <= 60, "too few of the moments had an open intent")
                try await rounds.begin()
                let pause = Int.random(in: 0...800, using: &random)
                _ = try await cluster.killPrimary()
                try await Task.sleep(for: .milliseconds(pause))
                try await cluster.kill(daemon)
                let open = try await cluster.stored()
                let isOpen = open.intent != nil || open.members.contains { $0.work != nil }
                if isOpen { counted += 1 }
                daemon = try await cluster.runDaemon()
                try await cluster.healthy()
                let round = "seed \(seed), moment \(number), \(pause) ms, \(open.phase)"
                print(round, isOpen ? "" : "(no open intent)")
                _ = try await rounds.check(round)
            }
            try await rounds.checkAll()
            try await cluster.kill(daemon)
        }
    }

    // MARK: - Rounds

    /// The steps that a failover and a switchover store, by running one of each.
    private func storedSteps(
        _ cluster: ProcessCluster, _ rounds: Rounds
    ) async throws -> (failover: [String], switchover: [String]) {
        try await rounds.begin()
        let killed = try await cluster.killPrimary()
        try await until("another node is primary", within: .seconds(30)) {
            let primary = await cluster.state()?.primary
            return primary != nil && primary != killed
        }
        try await cluster.healthy()
        let failover = try await rounds.check("a failover").storedRules
        try await rounds.begin()
        try await cluster.toolkit("switchover", "--yes").expectSuccess("switchover")
        try await cluster.healthy()
        let switchover = try await rounds.check("a switchover").storedRules
        print("a failover stores \(failover)\na switchover stores \(switchover)")
        for step in Self.known { #expect(failover.contains(step), "\(step) is not stored") }
        for step in Self.knownOfSwitchover {
            #expect(switchover.contains(step), "\(step) is not stored")
        }
        // From the opening on a switchover goes the way of a failover.
        let own = switchover.prefix { $0 != "following.done" }
        return (failover, Array(own))
    }

    /// One round: a daemon that dies at `place` after `cause`, another one that finishes the work.
    private func die(
        at place: String, _ old: ChildProcess, _ cluster: ProcessCluster, _ rounds: Rounds,
        _ cause: () async throws -> Void, meanwhile: () async throws -> Void = {}
    ) async throws -> ChildProcess {
        try await cluster.kill(old)
        let once = "\(cluster.root)/once-\(UInt32.random(in: 0...UInt32.max))"
        let start = ContinuousClock.now
        let daemon = try await cluster.runDaemon([
            "TOOLKIT_FAILPOINT": place, "TOOLKIT_FAILPOINT_ONCE": once,
        ])
        try await cluster.healthy()
        try await rounds.begin()
        try await cause()
        let status = await daemon.ended(before: .now + .seconds(40))
        #expect(status == SIGKILL, "\(place): the daemon did not die there")
        #expect(access(once, F_OK) == 0, "\(place): the step was not open")
        let open = try await cluster.stored()
        if status == nil { daemon.signal(SIGKILL) }
        let next = try await cluster.runDaemon()
        try await meanwhile()
        try await cluster.healthy()
        _ = try await rounds.check(place)
        print("\(place): died in \(open.phase), healthy \(ContinuousClock.now - start)")
        return next
    }
}

/// SplitMix64: the same moments for the same seed.
private struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
