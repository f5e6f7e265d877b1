public import FailoverCore

/// All that a seed decides beforehand: the cluster, the clients, and the faults as timed events.
public struct Plan: Sendable {
    static let schedulers = 2
    static let clientPlaces = 2

    public var seed: UInt64
    public var profile: String
    public var policy: Policy
    public var faults: [Fault]
    /// Faults end here; then the cluster must converge.
    public var healAt: Int64
    var writers: [Writer.Level]
    /// Shortest pause of a writer between two commits.
    var think: Int64
    /// Commands that arrive late, up to ten minutes.
    var zombiePercent = 0
    /// Commands whose result is lost.
    var lossPercent = 0
    /// Processes that take a reload late.
    var slowSignalPercent = 0
    var isFsyncLying = false
    public var mutant: ModelMutant?
    public internal(set) var injections: [Injection] = []

    /// Ten virtual minutes from the end of the faults.
    static let convergence: Int64 = 600_000_000

    public init(seed: UInt64, profile only: FaultProfile? = nil) {
        self.seed = seed
        var random = SimulationRandom(seed: seed &* 0x9E37_79B9 &+ 0x5EED)
        let profile = only ?? random.pick(FaultProfile.all)
        self.profile = profile.name
        let drawn = random.pick([1, 2, 2, 3, 3, 3, 3, 3, 4, 5])
        let count = max(drawn, profile.demand?.leastNodes ?? 1)
        policy = Self.policy(count, &random)
        profile.demand?.shape(&policy, &random)
        zombiePercent = profile.zombiePercent
        lossPercent = profile.lossPercent
        slowSignalPercent = profile.slowSignalPercent
        think = random.pick([60_000, 120_000, 250_000])
        writers = (0..<(2 + random.below(3))).map { _ in
            random.chance(75) ? .on : random.chance(60) ? .remoteApply : .local
        }
        let end: Int64 = 200_000_000
        healAt = end
        faults = profile.faults(count, until: end, &random)
    }

    #if TOOLKIT_MUTANTS
        /// The same schedule with a fault in the core.
        public func with(_ mutant: Mutant) -> Plan {
            var plan = self
            plan.policy.mutant = mutant
            // Nothing but the receivers' timeout tells a dead stream then.
            if mutant == .trustsStreaming { plan.policy.timers.walReceiverTimeout = 60_000 }
            return plan
        }
    #endif

    /// The same schedule with a fault in the model's adapters.
    public func with(_ mutant: ModelMutant) -> Plan {
        var plan = self
        plan.mutant = mutant
        return plan
    }

    /// The same schedule on disks that forget what they said was flushed.
    public func withLyingDisks() -> Plan {
        var plan = self
        plan.isFsyncLying = true
        return plan
    }

    private static func policy(_ count: Int, _ random: inout SimulationRandom) -> Policy {
        let excluded = random.chance(15) && count > 2 ? random.below(count) : -1
        let cascaded = random.chance(12) && count > 2 ? count - 1 : -1
        let silent = random.chance(10) && count > 3 ? random.below(count) : -1
        let nodes = (0..<count).map { index in
            Policy.Node(
                id: NodeID(ApplicationName.letters[index]),
                priority: index == excluded ? 0 : random.chance(70) ? 50 : 40 + random.below(40),
                replicationQuorum: index != silent,
                upstream: index == cascaded ? NodeID(ApplicationName.letters[index - 1]) : nil)
        }
        let wanted = random.pick([1, 1, 1, 1, 2, 2, 3])
        return Policy(
            nodes: nodes,
            numberSyncStandbys: random.chance(8) || count == 1
                ? 0 : min(wanted, max(nodes.count { $0.replicationQuorum } - 1, 1)),
            alone: random.chance(60) ? .allow : .block,
            mode: random.chance(3) ? .manual : .automatic,
            validatesFailover: random.chance(5), handOver: random.chance(70) ? .quiesce : .stop,
            stall: random.chance(70) ? .failover : .alarm,
            acceptsSplitBrainWindow: random.chance(20),
            fastForwardBytesMax: random.chance(30) ? 0 : 16 << 20,
            timers: random.pick([.default, .default, .default, .fast, .patient]))
    }
}

/// Faults of the model's adapters, where the core has none: each must break a promise.
public enum ModelMutant: String, Sendable, CaseIterable {
    case sealsByReload
    case skipsCanary
    case trustsReturnedCanary
    case skipsSenders
    case skipsCatchUp
    case promotesBeforeStoring
    case promotesUnlocked
    case ignoresStamps
    case ignoresStampsOverSQL
    case timeoutIsSuccess
    case startKeepsOpening
    case doesNotNudge
    case trustsNoRewindRequired
    case readsPositionEarly
    case reconfiguresBeforeStoring
    case lockClearsNames
    case readsReceivedPosition
    case sealLeavesArchive
    case keepsLostSlots
    case skipsReadBack
    /// A repeated rejoin stops the server that it has started.
    case stopsAgain
}
