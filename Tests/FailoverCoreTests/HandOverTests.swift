import FailoverCore
import Testing

@Suite("A primary that is moved by plan")
struct HandOverTests {
    @Test func theOldPrimaryIsEmptiedAndTheTargetHasItsLastRecord() {
        var world = World.steady()
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired)")
        #expect(world.openNodes == ["c"])
        #expect(world.fired.contains("switchover.quiesced"))
        #expect(!world.fired.contains("sealing.promote"))
    }

    @Test func theOldPrimaryComesBackByAPlainStart() {
        var world = World.steady()
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 30_000)
        #expect(world.done.contains("a.rejoin"), "\(world.done)")
        #expect(!world.done.contains("a.rewind"))
    }

    /// What it wrote after its last record for anybody went to b, and not to c.
    @Test func whoHasMoreThanTheNewPrimaryIsRewound() {
        var world = World.steady()
        world.writtenAfterQuiesce = 56
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired.suffix(20))")
        #expect(world.openNodes == ["c"])
        #expect(world.done.contains("a.rewind") && world.done.contains("b.rewind"), "\(world.done)")
        #expect(world.nodes["a"]?.history == world.nodes["c"]?.history)
        #expect(world.nodes["b"]?.history == world.nodes["c"]?.history)
    }

    /// PostgreSQL would not start it: its history says that it can't be where it is.
    @Test func whoIsStoppedPastTheForkIsNotStartedButRewound() {
        var world = World.steady()
        world.writtenAfterQuiesce = 56
        world.send(.ordered(.switchover(to: "c")))
        world.probed = ["a", "c"]
        while world.openNodes != ["c"], world.now < 60_000 { world.tick() }
        world.crash("b")
        world.probed = World.ids
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view)")
        #expect(world.done.contains("b.rewind"), "\(world.done)")
        #expect(!world.done.contains("b.start"), "\(world.done)")
    }

    /// Its row on the new primary streams, and it says so itself; its position is another branch's.
    @Test func whoIsPastTheForkIsNotCounted() {
        var world = World.steady()
        world.writtenAfterQuiesce = 56
        world.flickers = true
        world.send(.ordered(.switchover(to: "c")))
        while world.openNodes != ["c"], world.now < 60_000 { world.tick() }
        world.nodes["c"]?.position = LSN(1_000_000)
        for _ in 0..<100 {
            world.tick()
            #expect(world.cluster.configs.allSatisfy { $0.voters == [] }, "\(world.fired)")
        }
        world.flickers = false
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view)")
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["a", "b"])])
    }

    @Test func nobodyIsOpenedWhileTheOldPrimaryRunsAndItsVotersAreWithIt() {
        var world = World.steady()
        world.refused = ["a.fence", "b.follow"]
        world.send(.ordered(.switchover(to: "c")))
        world.run(ms: 5_000)
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        #expect(world.view.waitingFor.hasPrefix("a to be seen stopped"))
    }

    @Test func itsVotersUnderNewNamesAreAsGoodAsItsEnd() {
        var world = World.steady()
        world.refused = ["a.fence"]
        world.send(.ordered(.switchover(to: "c")))
        world.run(ms: 2_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(world.nodes["a"]?.isRunning == true)
    }

    @Test func itIsUndoneWhenTheTargetCannotReceive() {
        var world = World.steady()
        world.refused = ["a.quiesce"]
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 20_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.view.isHealthy)
    }

    /// Locked and emptied in vain, long after its start: the same run is opened again, without a
    /// look at its machine.
    @Test func itIsUndoneThoughItWasLockedLongAfterItsStart() {
        var world = World.steady()
        world.run(ms: 20_000)
        world.halfDone = ["a.quiesce"]
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 20_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.view.isHealthy)
        #expect(!world.done.contains("a.inspect"))
    }

    @Test func aSchedulerThatDiesAtEveryStepCarriesItThrough() {
        var world = World.steady()
        world.restartsAfterEveryChange = true
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 60_000)
        #expect(world.openNodes.count == 1, "\(world.view) \(world.fired.suffix(40))")
        #expect(world.view.isHealthy)
    }
}
