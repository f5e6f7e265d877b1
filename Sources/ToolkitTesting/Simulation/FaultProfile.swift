/// Which faults a seed draws from, how many, and how commands misbehave.
public struct FaultProfile: Sendable {
    public var name: String
    var kinds: [Fault.Kind]
    var count: Int
    /// Faults that come in a set, for what a single one does not show.
    var bursts: Bursts?
    /// What the cluster has to be like for that.
    var demand: Demand?
    var zombiePercent = 0
    var lossPercent = 0
    var slowSignalPercent = 0

    /// By its name, those that are not drawn too.
    public static func named(_ name: String) -> FaultProfile? {
        (all + [resets]).first { $0.name == name }
    }

    /// Disks that lose what they reported flushed when their machine is reset: against the
    /// protocol's assumption, and only in part defended (D21). Not drawn.
    public static let resets = FaultProfile(
        name: "resets", kinds: [.resetMachine, .killScheduler, .switchover], count: 5)

    public static let all: [FaultProfile] = [
        FaultProfile(
            name: "calm",
            kinds: [.killServer, .crashMachine, .isolate, .freezeServer, .switchover],
            count: 4),
        FaultProfile(
            name: "crashes",
            kinds: [
                .killServer, .killServer, .killCandidate, .killWithOrphans, .crashMachine,
                .crashBackends,
                .freezeServer, .freezeMachine, .killScheduler,
            ], count: 10),
        FaultProfile(
            name: "orders",
            kinds: [
                .maintenance, .maintenance, .pause, .failover, .failoverWithLoss, .switchover,
                .rejoin, .loseData, .changePolicy, .killServer, .crashMachine, .isolate,
                .killScheduler,
            ], count: 12),
        FaultProfile(name: "unseals", kinds: [], count: 8, bursts: .unseals),
        FaultProfile(name: "lags", kinds: [], count: 8, bursts: .lags, slowSignalPercent: 5),
        FaultProfile(name: "blind", kinds: [], count: 6, bursts: .blind),
        FaultProfile(name: "beginnings", kinds: [], count: 6, bursts: .beginnings),
        FaultProfile(
            name: "fetches", kinds: [], count: 7, bursts: .fetches, demand: .preferredCandidate),
        FaultProfile(name: "moves", kinds: [], count: 6, bursts: .moves, demand: .movesByStop),
        FaultProfile(name: "upkeep", kinds: [], count: 8, bursts: .upkeep),
        FaultProfile(name: "laggards", kinds: [], count: 7, bursts: .laggards, demand: .alike),
        FaultProfile(name: "closings", kinds: [], count: 7, bursts: .closings, demand: .alike),
        FaultProfile(name: "lifted", kinds: [], count: 7, bursts: .lifted, demand: .alike),
        FaultProfile(name: "forks", kinds: [], count: 4, bursts: .forks, demand: .twoCopies),
        FaultProfile(name: "strays", kinds: [], count: 4, bursts: .strays, demand: .alike),
        FaultProfile(name: "stuck", kinds: [], count: 2, bursts: .stuck, demand: .fencedFirst),
        FaultProfile(name: "churn", kinds: [], count: 14, bursts: .churn, slowSignalPercent: 25),
        FaultProfile(
            name: "partitions",
            kinds: [
                .isolate, .cutPair, .cutOneWay, .cutScheduler, .cutSQL, .cutReplication, .partition,
                .delay,
                .loss, .killServer,
            ], count: 12),
        FaultProfile(
            name: "slow disks",
            kinds: [
                .hungDisk, .slowDisk, .fullDisk, .pauseReplay, .conflict, .killReceiver,
                .killServer,
                .crashMachine, .isolate,
            ], count: 10, slowSignalPercent: 5),
        FaultProfile(
            name: "zombies",
            kinds: [
                .killServer, .crashMachine, .isolate, .freezeMachine, .sshDown, .switchover,
                .killScheduler, .cutScheduler,
            ], count: 10, zombiePercent: 8, lossPercent: 8),
        FaultProfile(
            name: "operators",
            kinds: [
                .handPromote, .handStart, .handBareStart, .handStop, .handRestart, .editConninfo,
                .tamperNames, .badLine, .cancelWaits, .switchover, .switchover, .rejoin,
                .loseSlot, .duplicate, .changePolicy, .killServer, .crashMachine, .isolate,
            ], count: 12),
        FaultProfile(
            name: "scheduler",
            kinds: [
                .killScheduler, .dieAtEffect, .dieAtEffect, .pauseScheduler, .secondScheduler,
                .storeFails, .storeLosesAnswers, .storeRollback, .sshDown, .killServer,
                .crashMachine,
                .isolate, .switchover,
            ], count: 12, lossPercent: 5),
        FaultProfile(
            name: "twins",
            kinds: [
                .handPromote, .handPromote, .killServer, .crashMachine, .isolate, .cutReplication,
                .handBareStart, .dieAtEffect,
            ], count: 10, zombiePercent: 6),
        FaultProfile(
            name: "swarm", kinds: Fault.Kind.allCases.filter { !$0.isUnpromised }, count: 16,
            zombiePercent: 2,
            lossPercent: 3, slowSignalPercent: 2),
    ]

    func faults(
        _ nodes: Int, until end: Int64, _ random: inout SimulationRandom
    ) -> [Fault] {
        if let bursts {
            return bursts.faults(count, until: end, &random).sorted { $0.at < $1.at }
        }
        let wanted = max(3, count / 2 + random.below(count))
        // A swarm: some kinds only, so that they come more often.
        let drawn = name == "swarm" ? (0..<6).map { _ in random.pick(kinds) } : kinds
        let first: Int64 = random.chance(20) ? 1_000_000 : 14_000_000
        var faults: [Fault] = []
        while faults.count < wanted {
            let at = first + Int64(random.below(Int(end - first - 5_000_000)))
            let kind = random.pick(drawn)
            let node = random.chance(45) ? -1 : random.chance(20) ? -2 : random.below(nodes)
            let lasts = random.pick([300_000, 2_000_000, 8_000_000, 25_000_000, 70_000_000])
            let fault = Fault(
                at: at, kind: kind, node: node, other: random.below(1 << 10),
                duration: 50_000 + Int64(random.below(lasts)))
            faults.append(fault)
            // Troubles come together: the next one strikes into the first one's consequences.
            guard random.chance(40) else { continue }
            var next = fault
            next.kind = random.pick(drawn)
            next.node = random.chance(40) ? -1 : random.below(nodes)
            next.other = random.below(1 << 10)
            next.at += Int64(random.below(random.pick([200_000, 2_000_000, 9_000_000])))
            faults.append(next)
        }
        return faults.sorted { $0.at < $1.at }
    }
}
