/// Sets of faults that strike together: the second one into the first one's consequences.
enum Bursts: Sendable {
    /// A primary that sleeps just so long that it wakes while its standbys are cut off, and hands
    /// that put their old files back then.
    case unseals
    /// One voter is behind when the primary is lost, and another one is out of reach.
    case lags
    /// The primary sleeps for so long that a failover begins, and wakes up in its midst; it can't be
    /// stopped, and replay is blocked somewhere.
    case blind
    /// Voters come and go, so that the quorum changes again and again.
    case churn
    /// A cluster that comes up while nodes are out of reach, and operators have begun by hand.
    case beginnings
    /// A preferred candidate is behind, and is struck while it fetches the rest.
    case fetches
    /// A switchover loses its target when its primary is stopped, or is taken up differently.
    case moves
    /// Nodes are wanted for maintenance, or given back, while they are at work.
    case upkeep
    /// Who holds most does not show it, or is not seen, when the primary is lost.
    case laggards
    /// The quorum has just become smaller when the primary is lost.
    case closings
    /// A candidate takes long, the old primary wakes up, and the standbys get their old files back.
    case lifted
    /// Hands promote a second standby at the place of the first.
    case forks
    /// A node in maintenance is run as a primary, and given back as the standby that it was.
    case strays
    /// A primary that only its clients reach, and whose sshd takes commands and does not run them.
    case stuck

    func faults(
        _ count: Int, until end: Int64, _ random: inout SimulationRandom
    ) -> [Fault] {
        let first: Int64 = 14_000_000
        let pace = (end - first - 10_000_000) / Int64(count)
        let start = self == .beginnings ? beginning(&random) : []
        return start
            + (0..<Int64(count)).flatMap { turn in
                burst(
                    Moment(at: first + turn * pace + Int64(random.below(Int(pace / 2)))), &random)
            }
    }

    private func burst(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        func fault(
            _ kind: Fault.Kind, _ delay: Int64, node: Int, _ shortest: Int64, _ longest: Int64
        ) -> Fault {
            moment.fault(kind, delay, node: node, shortest...longest, &random)
        }
        switch self {
        case .beginnings: return laterTrouble(moment, &random)
        case .fetches: return fetch(moment, &random)
        case .moves: return move(moment, &random)
        case .upkeep: return upkeep(moment, &random)
        case .laggards: return laggard(moment, &random)
        case .closings: return closing(moment, &random)
        case .lifted: return lift(moment, &random)
        case .forks: return fork(moment, &random)
        case .strays: return stray(moment, &random)
        case .stuck: return stuck(moment, &random)
        case .unseals:
            let extra: Fault.Kind = random.chance(25) ? .killCandidate : .unsealAtFailover
            return [
                // Nobody can stop it by the system.
                fault(.sshDown, 50_000, node: -1, 5_000_000, 8_000_000),
                fault(extra, 0, node: -1, 1_000, 2_000_000),
                fault(
                    random.pick([.freezeServer, .freezeMachine, .isolate]), 100_000, node: -1,
                    1_900_000, 3_600_000),
            ]
        case .lags: return lag(moment, &random)
        case .blind:
            let block = random.pick([
                Fault.Kind.pauseReplay, .pauseReplay, .conflict, .cutScheduler, .slowDisk,
            ])
            return [
                fault(block, 0, node: random.below(5), 8_000_000, 14_000_000),
                fault(.sshDown, 300_000, node: -1, 6_000_000, 12_000_000),
                fault(
                    random.pick([.freezeServer, .freezeServer, .cutScheduler]), 500_000, node: -1,
                    1_900_000, 4_200_000),
            ]
        case .churn:
            let loss = random.pick([
                Fault.Kind.killServer, .cutReplication, .isolate, .delay, .badLine, .crashBackends,
            ])
            return [
                fault(loss, 0, node: loss == .badLine ? -1 : random.below(5), 3_500_000, 7_000_000)
            ]
        }
    }

    private func lag(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        func fault(
            _ kind: Fault.Kind, _ delay: Int64, node: Int, _ shortest: Int64, _ longest: Int64
        ) -> Fault {
            moment.fault(kind, delay, node: node, shortest...longest, &random)
        }
        let lag = random.pick([Fault.Kind.cutReplication, .delay, .slowDisk, .hungDisk])
        let loss = random.pick([
            Fault.Kind.killServer, .crashMachine, .isolate, .freezeServer, .switchover,
        ])
        var faults = [
            fault(
                lag, 0, node: lag == .cutReplication ? -1 : random.below(5), 2_000_000,
                6_000_000),
            fault(
                loss, 300_000 + Int64(random.below(2_400_000)), node: -1, 4_000_000,
                14_000_000),
        ]
        if random.chance(50) {
            let other = random.pick([Fault.Kind.isolate, .freezeMachine, .cutScheduler])
            faults.append(
                fault(
                    other, 200_000 + Int64(random.below(2_800_000)), node: random.below(5),
                    3_000_000, 12_000_000))
        }
        if random.chance(12) {
            faults.append(
                fault(
                    .pause, 1_800_000 + Int64(random.below(2_600_000)), node: 0, 2_000_000,
                    6_000_000))
        }
        return faults
    }
}
