import FailoverCore

/// The steps of a hand-over, of fast-forward, and of dropping slots.
extension Simulation {
    private static let lockedLimit: Int64 = 5_000_000

    /// Locked: sessions end, a last record is written, the target has flushed it.
    func handOver(_ run: EffectRun, _ target: Int) -> EffectRun.Step {
        if let step = ask(run) { return step }
        if run.stage == 0 {
            guard !nodes[run.node].isInRecovery else { return .end(.failed("it is in recovery")) }
            endSessions(run.node)
            guard !nodes[run.node].isHung, !nodes[run.node].isDiskFull else {
                return now - run.began < Self.lockedLimit
                    ? .wait(100_000) : .end(.unknown("the last record is not flushed"))
            }
            writeRecord(run.node, .noise)
            flushLocally(run.node)
            run.goal = nodes[run.node].log.end
            run.stage = 1
            return .wait(3_000)
        }
        let flushes = nodes[run.node].senders.filter { $0.name == target }.map { $0.flush ?? 0 }
        if nodes[run.node].flushed >= run.goal, let least = flushes.min(), least >= run.goal {
            run.proof = .quiesced(
                QuiesceProof(
                    end: LSN(UInt64(run.goal)),
                    timeline: nodes[run.node].branch.history.timeline))
            return .next
        }
        guard now - run.began < Self.lockedLimit else {
            return .end(.failed("the target has not flushed the last record in time"))
        }
        return .wait(pace(run, 3_000))
    }

    func replayedUpTo(_ run: EffectRun, _ end: Int) -> EffectRun.Step {
        if let step = ask(run) { return step }
        if nodes[run.node].replayed >= end { return .next }
        guard now - run.began < policy.timers.fastForwardTimeout * 1_000 else {
            return .end(.unknown("not replayed in time"))
        }
        return .wait(pace(run, 5_000))
    }

    /// One that is in use stays.
    func dropSlots(_ run: EffectRun, _ slots: [Int]) -> EffectRun.Step {
        if let step = connect(run, to: run.node, within: 2_000_000) { return step }
        nodes[run.node].slots.removeAll { $0.sender == nil && slots.contains($0.node) }
        return .next
    }
}
