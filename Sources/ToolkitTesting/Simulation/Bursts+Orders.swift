import FailoverCore

/// When a set of faults begins; each of its faults is told by its delay.
struct Moment {
    var at: Int64

    func fault(
        _ kind: Fault.Kind, _ delay: Int64, node: Int, _ duration: ClosedRange<Int64>,
        _ random: inout SimulationRandom
    ) -> Fault {
        let span = Int(duration.upperBound - duration.lowerBound)
        return Fault(
            at: at + delay, kind: kind, node: node, other: random.below(1 << 10),
            duration: duration.lowerBound + Int64(random.below(max(span, 1))))
    }
}

/// What a profile's schedules need of their cluster.
enum Demand: Sendable {
    /// Three nodes or more, one of which is preferred as a candidate.
    case preferredCandidate
    /// Two nodes or more; a primary is stopped before its successor is promoted; often asynchronous.
    case movesByStop
    /// Three nodes, all alike; a commit waits for one copy.
    case alike
    /// Four nodes, all alike; a commit waits for two copies.
    case twoCopies
    /// Two nodes or three, no copies, and no window with two primaries is accepted.
    case fencedFirst

    var leastNodes: Int {
        switch self {
        case .preferredCandidate, .alike: 3
        case .movesByStop, .fencedFirst: 2
        case .twoCopies: 4
        }
    }

    func shape(_ policy: inout Policy, _ random: inout SimulationRandom) {
        policy.mode = .automatic
        switch self {
        case .preferredCandidate:
            policy.fastForwardBytesMax = 16 << 20
            policy.numberSyncStandbys = 1
            for index in policy.nodes.indices {
                policy.nodes[index] = Policy.Node(
                    id: policy.nodes[index].id, priority: index == 1 ? 100 : 20)
            }
        case .movesByStop:
            policy.handOver = random.chance(80) ? .stop : .quiesce
            if random.chance(60) { policy.numberSyncStandbys = 0 }
        case .alike: makeAlike(&policy, copies: 1, &random)
        case .twoCopies: makeAlike(&policy, copies: 2, &random)
        case .fencedFirst:
            makeAlike(&policy, copies: 0, &random)
            policy.acceptsSplitBrainWindow = false
        }
    }

    private func makeAlike(
        _ policy: inout Policy, copies: Int, _ random: inout SimulationRandom
    ) {
        policy.numberSyncStandbys = copies
        policy.timers = random.chance(70) ? .default : .fast
        policy.nodes = policy.nodes.map { Policy.Node(id: $0.id, priority: 50) }
    }
}

extension Bursts {
    // MARK: - A cluster that comes up

    /// Nodes that can't be set up from the first moment on; the first primary may be lost before.
    func beginning(_ random: inout SimulationRandom) -> [Fault] {
        let start = Moment(at: 100_000)
        let late = 1 + random.below(4)
        var faults = [
            start.fault(
                random.pick([.crashMachine, .sshDown, .sshDown, .cutScheduler]), 0, node: late,
                18_000_000...40_000_000, &random)
        ]
        if random.chance(70) {
            let at = 4_000_000 + Int64(random.below(7_000_000))
            faults.append(start.fault(.maintenance, at, node: late, 300_000...6_000_000, &random))
        }
        if random.chance(70) {
            let at = 3_000_000 + Int64(random.below(6_000_000))
            faults.append(start.fault(.handCopy, at, node: late, 1...2, &random))
            if random.chance(50) {
                faults.append(start.fault(.handStop, at + 900_000, node: late, 1...2, &random))
            }
        }
        if random.chance(60) {
            let loss = random.pick([Fault.Kind.killServer, .crashMachine, .freezeServer, .isolate])
            let at = 7_000_000 + Int64(random.below(8_000_000))
            faults.append(start.fault(loss, at, node: -1, 1_500_000...9_000_000, &random))
        }
        return faults
    }

    /// Ordinary trouble, for the rest of the time.
    func laterTrouble(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let kind = random.pick([
            Fault.Kind.killServer, .crashMachine, .isolate, .switchover, .killScheduler, .loseData,
            .tamperNames,
        ])
        let node = random.chance(40) ? -1 : random.below(5)
        return [moment.fault(kind, 30_000_000, node: node, 500_000...12_000_000, &random)]
    }

    // MARK: - A candidate that fetches

    func fetch(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        // Node b is preferred: it hears nothing from the primary for a while, shorter or longer
        // than it takes until it is not counted any more.
        var cut = moment.fault(.cutReplication, 0, node: -1, 6_500_000...9_000_000, &random)
        cut.other = 1
        var faults = [cut, moment.fault(.strikeAtFetch, 10_000, node: 1, 1...2, &random)]
        let delay = 500_000 + Int64(random.below(5_500_000))
        let loss = random.pick([
            Fault.Kind.freezeServer, .freezeServer, .freezeMachine, .killServer, .isolate,
        ])
        faults.append(
            moment.fault(loss, delay, node: -1, 4_000_000...12_000_000, &random))
        if random.chance(40) {
            // Back where it is not preferred: the next fetch is b's again.
            faults.append(moment.fault(.switchover, 20_000_000, node: 0, 1...2, &random))
        }
        return faults
    }

    // MARK: - A move that is struck

    func move(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        var faults: [Fault] = []
        let isStruck = random.chance(75)
        if isStruck {
            let lurking = random.pick([Fault.Kind.killTarget, .killTarget, .restoreCandidate])
            faults.append(moment.fault(lurking, 0, node: 0, 9_000_000...18_000_000, &random))
        }
        faults.append(moment.fault(.switchover, 50_000, node: 0, 1...2, &random))
        let delay = 300_000 + Int64(random.below(8_000_000))
        switch random.below(5) {
        case 0: faults.append(moment.fault(.pause, delay, node: 0, 200_000...4_000_000, &random))
        case 1:
            faults.append(
                moment.fault(.failoverWithLoss, delay, node: random.below(5), 1...2, &random))
        case 2:
            let kind = random.pick([Fault.Kind.isolate, .cutScheduler, .crashMachine])
            faults.append(
                moment.fault(
                    kind, Int64(random.below(400_000)), node: random.below(5),
                    1_000_000...9_000_000, &random))
        case 3: faults.append(moment.fault(.failover, delay, node: random.below(5), 1...2, &random))
        default: break
        }
        return faults
    }

    // MARK: - Maintenance at work

    func upkeep(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let node = random.below(5)
        let loss = random.pick([Fault.Kind.killServer, .isolate, .freezeServer, .crashMachine])
        switch random.below(4) {
        case 0:
            // It comes back, is cut off to be looked at, and is wanted.
            return [
                moment.fault(.maintenanceAtWork, 0, node: node, 2_000_000...9_000_000, &random),
                moment.fault(
                    random.pick([.handRestart, .editConninfo, .isolate, .handPromote]), 10_000,
                    node: node, 2_000_000...6_000_000, &random),
            ]
        case 1:
            var faults = [
                moment.fault(.changeOfMind, 0, node: node, 1_000...150_000, &random),
                moment.fault(.maintenance, 3_600_000, node: node, 4_000_000...9_000_000, &random),
            ]
            // Not counted any more when it is wanted.
            if random.chance(60) {
                faults.append(
                    moment.fault(
                        random.pick([.isolate, .cutReplication, .hungDisk]), 10_000, node: node,
                        3_000_000...3_700_000, &random))
            }
            return faults
        case 2:
            // Given back while the primary is lost.
            return [
                moment.fault(.maintenance, 0, node: node, 3_000_000...7_000_000, &random),
                moment.fault(
                    loss, 2_000_000 + Int64(random.below(1_500_000)), node: -1,
                    4_000_000...12_000_000, &random),
                moment.fault(
                    .endMaintenance, 4_000_000 + Int64(random.below(2_500_000)), node: node, 1...2,
                    &random),
            ]
        default:
            // Wanted, and needed in the same moment.
            var faults = [
                moment.fault(.maintenance, 0, node: -2, 5_000_000...9_000_000, &random),
                moment.fault(
                    loss, 2_000 + Int64(random.below(80_000)), node: -1, 4_000_000...12_000_000,
                    &random),
            ]
            if random.chance(60) {
                faults.append(moment.fault(.killCandidate, 5_000, node: 0, 1...2, &random))
            }
            return faults
        }
    }
}
