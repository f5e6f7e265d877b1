extension Bursts {
    // MARK: - Who holds most

    /// One voter hears nothing, the other replays nothing, or is out of reach when it counts.
    func laggard(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        var faults: [Fault] = []
        if random.chance(50) {
            faults.append(moment.fault(.pauseReplay, 0, node: -2, 6_000_000...12_000_000, &random))
        } else {
            faults.append(
                moment.fault(.cutVoterAtSealing, 0, node: -2, 5_000_000...9_000_000, &random))
        }
        let cut = 400_000 + Int64(random.below(600_000))
        let length = 3_000_000 + Int64(random.below(3_000_000))
        faults += silence(-3, moment, cut, length, &random)
        let loss = random.pick([Fault.Kind.killServer, .crashMachine, .isolate, .freezeServer])
        let delay = cut + 200_000 + Int64(random.below(1_400_000))
        faults.append(moment.fault(loss, delay, node: -1, 4_000_000...12_000_000, &random))
        return faults
    }

    /// No replication reaches this node.
    private func silence(
        _ node: Int, _ moment: Moment, _ delay: Int64, _ length: Int64,
        _ random: inout SimulationRandom
    ) -> [Fault] {
        (0..<5).map { other in
            var cut = moment.fault(
                .cutReplication, delay, node: node, length...(length + 1), &random)
            cut.other = other
            return cut
        }
    }

    // MARK: - A quorum that has just become smaller

    /// The voter that is left has received, and not flushed, what the other one held alone.
    func closing(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let (hung, lost) = random.chance(50) ? (-2, -3) : (-3, -2)
        return [
            moment.fault(.strikeAtClose, 0, node: -1, 8_000_000...14_000_000, &random),
            moment.fault(.hungDisk, 10_000, node: hung, 6_000_000...10_000_000, &random),
            moment.fault(
                random.pick([.crashMachine, .killServer]),
                400_000 + Int64(random.below(1_200_000)), node: lost, 12_000_000...16_000_000,
                &random),
        ]
    }

    // MARK: - Seals that are lifted during a promotion

    func lift(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let trap = random.pick([Fault.Kind.unsealAtWork, .unsealAtWork, .spoilOpening])
        let length: ClosedRange<Int64> =
            trap == .spoilOpening ? 12_000_000...60_000_000 : 4_000_000...7_000_000
        return [
            moment.fault(trap, 0, node: -1, length, &random),
            moment.fault(.freezeServer, 100_000, node: -1, 6_000_000...9_000_000, &random),
        ]
    }

    // MARK: - Two promotions at one place

    func fork(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        var faults = [
            moment.fault(.twinAtPromotion, 0, node: 0, 16_000_000...22_000_000, &random),
            moment.fault(
                random.pick([.killServer, .crashMachine]), 1_500_000, node: -1,
                2_000_000...4_000_000, &random),
        ]
        if random.chance(60) {
            var cut = moment.fault(
                .cutScheduler, 1_000_000, node: random.below(4), 5_000_000...8_000_000, &random)
            cut.other = 0
            faults.append(cut)
        }
        // The twin comes back to a cluster that has gone on to the next timeline.
        let next = random.pick([Fault.Kind.switchover, .killServer, .crashMachine])
        let delay = 10_000_000 + Int64(random.below(4_000_000))
        faults.append(moment.fault(next, delay, node: -1, 2_000_000...5_000_000, &random))
        return faults
    }

    // MARK: - Maintenance that was no maintenance

    func stray(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let node = random.below(3)
        var maintenance = moment.fault(
            .maintenance, 0, node: node, 12_000_000...16_000_000, &random)
        maintenance.other = 1
        var faults = [
            maintenance,
            moment.fault(
                random.pick([.handStray, .handStray, .handPromote]), 4_000_000, node: node,
                2_500_000...6_000_000, &random),
        ]
        let loss = random.pick([Fault.Kind.killServer, .crashMachine, .switchover])
        let delay = 18_000_000 + Int64(random.below(8_000_000))
        faults.append(moment.fault(loss, delay, node: -1, 3_000_000...9_000_000, &random))
        return faults
    }

    // MARK: - A fence of which nothing is heard

    func stuck(_ moment: Moment, _ random: inout SimulationRandom) -> [Fault] {
        let length = 66_000_000 + Int64(random.below(14_000_000))
        var cut = moment.fault(.cutSQL, 100_000, node: -1, length...(length + 1), &random)
        cut.other = 0
        return [moment.fault(.stuckSSH, 90_000, node: -1, length...(length + 1), &random), cut]
            + silence(-1, moment, 100_000, length, &random)
    }
}
