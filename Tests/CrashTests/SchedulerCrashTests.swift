import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The scheduler dies at any moment of a failover, and is started again.
@Suite("A scheduler that is killed at any moment", .serialized)
struct SchedulerCrashTests {
    @Test(.timeLimit(.minutes(15)))
    func finishesAFailoverFromEveryUntoldEffect() async throws {
        let names = ["seal", "promote", "open", "follow", "fence", "rewind", "reconfigure"]
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let rounds = Rounds(cluster)
            var daemon = try await cluster.runDaemon()
            cluster.writers.start(2)
            for name in names {
                daemon = try await rounds.die(at: "after-effect:\(name)", daemon) {
                    _ = try await cluster.killPrimary()
                }
            }
            daemon = try await rounds.die(at: "after-effect:quiesce", daemon) {
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
                daemon = try await rounds.die(at: "after-store:\(step)", daemon) {
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
