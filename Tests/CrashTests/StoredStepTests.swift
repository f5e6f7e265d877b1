import FailoverCore
import Glibc
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The scheduler dies right after it has stored a step, one step after the other.
@Suite("A scheduler that is killed at a stored step")
struct StoredStepTests {
    /// What every failover stores.
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
                daemon = try await rounds.die(at: "after-store:\(step)", daemon) {
                    _ = try await cluster.killPrimary()
                }
            }
            for step in switchover {
                daemon = try await rounds.die(at: "after-store:\(step)", daemon) {
                    let told = try await cluster.toolkit("switchover", "--yes")
                    // 0: it was over for the operator before the daemon died.
                    #expect(told.status == 69 || told.status == 0, "\(told)")
                }
            }
            try await rounds.checkAll()
            try await cluster.kill(daemon)
        }
    }

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
        // What a busy machine adds (a lost answer, another look) need not come again. From the opening
        // on a switchover goes the way of a failover.
        let own = switchover.prefix { $0 != "following.done" }
        return (
            failover.filter(Self.known.contains), own.filter(Self.knownOfSwitchover.contains)
        )
    }
}
