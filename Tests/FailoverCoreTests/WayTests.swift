import FailoverCore
import Testing

@Suite("The way of the machine among obedient nodes")
struct WayTests {
    @Test func aNewClusterComesUpWithEveryNodeCounted() {
        let world = World.steady()
        #expect(world.view.isHealthy, "\(world.view)")
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b", "c"])])
        #expect(world.openNodes == ["a"])
    }

    @Test func aLostPrimaryIsReplacedAndComesBackAsAStandby() {
        var world = World.steady()
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.openNodes == [world.cluster.lastPrimary])
        #expect(world.cluster.elect == "b")
        #expect(world.cluster.phase == .steady)

        world.start("a")
        world.run(ms: 3_000)
        #expect(world.openNodes == ["b"], "the old primary came up locked")

        world.nodes["a"]?.sshIsUp = true
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired.suffix(20))")
        #expect(world.nodes["a"]?.history == world.nodes["b"]?.history)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["a", "c"])])
    }

    @Test func theSchedulerMayDieAfterEveryStoredChange() {
        var world = World.steady()
        world.restartsAfterEveryChange = true
        world.crash("a")
        world.run(untilHealthy: 60_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired.suffix(20))")
        #expect(world.openNodes == ["b"])
    }

    /// The probe was sampled before the promotion and comes after its end.
    @Test func anAnswerFromBeforeThePromotionStopsNoOpening() {
        var world = World.steady()
        world.nodes["b"]?.bootID = "boot of b"
        world.slow = ["b.open"]
        world.crash("a")
        world.run(ms: 2_000)
        #expect(world.cluster.phase == .opening)
        world.nodes["b"]?.isInRecovery = true
        world.probeAll()
        #expect(world.cluster.phase == .opening, "\(world.fired.suffix(5))")
        world.nodes["b"]?.isInRecovery = false
        world.finish()
        #expect(world.fired.contains("opening.done"))
        #expect(world.cluster.openedBootID == "boot of b")
    }

    @Test func nothingIsPromotedWhileAVoterHearsFromThePrimary() {
        var world = World.steady()
        world.nodes["a"]?.sqlIsUp = false
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 20_000)
        #expect(world.cluster.phase == .suspect)
        #expect(world.cluster.elect == "a")
        #expect(world.view.waitingFor.contains("the scheduler is cut off"))
        world.nodes["a"]?.sqlIsUp = true
        world.run(untilHealthy: 10_000)
        #expect(world.view.isHealthy)
    }

    @Test func nothingIsPromotedWhenTooFewVotersAnswer() {
        var world = World.steady()
        world.crash("a")
        world.crash("b")
        world.nodes["a"]?.sshIsUp = false
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 30_000)
        #expect(world.openNodes == [])
        #expect(world.cluster.phase == .suspect)
        #expect(world.view.waitingFor.contains("too few voters answer"))
        world.nodes["b"]?.sshIsUp = true
        world.start("b")
        world.run(ms: 10_000)
        #expect(world.openNodes.count == 1, "\(world.view)")
    }

    @Test func aLostVoterIsDroppedThenThePrimaryMayBeLostToo() {
        var world = World.steady()
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 8_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 8_000)
        #expect(world.openNodes == ["b"])
        #expect(world.cluster.configs == [QuorumConfig.none])
    }

    @Test func aCrashedPrimaryIsStartedWhenNobodyMayTakeItsPlace() {
        var world = World.steady()
        for id in World.ids { world.crash(id) }
        world.nodes["b"]?.sshIsUp = false
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("suspect.start_primary"))
        #expect(world.cluster.term == Term(1), "no failover")
    }

    @Test func aPrimaryThatWasShutDownCleanlyIsLeftAlone() {
        var world = World.steady()
        world.controlState = "shut down"
        for id in World.ids { world.crash(id) }
        world.nodes["b"]?.sshIsUp = false
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.openNodes == [])
        #expect(world.nodes["a"]?.isRunning == false)
        #expect(world.view.waitingFor.contains("too few voters answer"))
    }

    @Test func aNodeTakenOutOfTheFileIsDroppedAndHoldsNothingUp() {
        var world = World.steady()
        let policy = Policy(nodes: ["a", "b"].map { Policy.Node(id: $0) })
        world.machine = FailoverMachine(cluster: world.cluster, policy: policy)
        world.probed = ["a", "b"]
        world.run(ms: 5_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        #expect(world.view.alarms == ["c is not in cluster.yaml any more: it is left alone"])
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 10_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    /// The one that can't be cloned is the one that people take out.
    @Test func aNodeTakenOutOfTheFileAmidItsCloneHoldsNothingUp() {
        var world = World.steady()
        world.send(.ordered(.maintenance("c", untilWallMs: nil)))
        world.run(ms: 3_000)
        world.nodes["c"]?.isInRecovery = false
        world.run(ms: 1_000)
        world.nodes["c"]?.isInRecovery = true
        world.refused = ["c.clone"]
        world.send(.ordered(.endMaintenance("c")))
        world.run(ms: 5_000)
        #expect(world.cluster["c"]?.work?.kind == .clone, "\(world.view) \(world.fired)")
        world.crash("c")
        world.crash("a")
        world.run(ms: 5_000)
        #expect(world.cluster.phase == .following, "\(world.view) \(world.fired)")
        let policy = Policy(nodes: ["a", "b"].map { Policy.Node(id: $0) })
        world.machine = FailoverMachine(cluster: world.cluster, policy: policy)
        world.probed = ["a", "b"]
        world.run(ms: 5_000)
        #expect(world.cluster.phase == .steady, "\(world.view) \(world.fired)")
    }

    @Test func aNodeTakenOutOfTheFileIsForgottenOnceItsServerIsStopped() {
        var world = World.steady()
        // In the middle of work of its own, which nobody can do any more.
        world.refused = ["c.seal"]
        world.nodes["c"]?.attachedAs = nil
        world.nodes["c"]?.upstream = nil
        world.run(ms: 3_000)
        #expect(world.cluster["c"]?.work?.kind == .seal)
        let policy = Policy(nodes: ["a", "b"].map { Policy.Node(id: $0) })
        world.machine = FailoverMachine(cluster: world.cluster, policy: policy)
        world.probed = ["a", "b"]
        world.crash("c")
        world.run(untilHealthy: 10_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired)")
        #expect(world.view.nodes.map(\.id) == ["a", "b"])
        #expect(world.nodes["a"]?.slots == ["toolkit_b"])
    }

    @Test func aFailoverWaitsUntilItsValidationAgrees() {
        var world = World.steady(validatesFailover: true)
        world.validationAgrees = false
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 10_000)
        #expect(world.cluster.phase == .suspect)
        #expect(world.view.waitingFor == "failover_validation_command to agree: not today")
        world.validationAgrees = true
        world.run(ms: 10_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    @Test func aSwitchoverMovesThePrimaryAndTheOldOneFollows() {
        var world = World.steady()
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 30_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired)")
        #expect(world.openNodes == ["c"])
    }

    @Test func aSwitchoverWhoseTargetIsLostIsUndone() {
        var world = World.steady { $0.handOver = .stop }
        world.refused = ["a.stop"]
        world.send(.ordered(.switchover(to: "c")))
        world.crash("c")
        world.run(ms: 10_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
    }

    @Test func aRestartedPrimaryIsOpenedAgain() {
        var world = World.steady()
        world.crash("a")
        world.start("a")
        world.run(untilHealthy: 10_000)
        #expect(world.view.isHealthy)
        #expect(world.openNodes == ["a"])
        #expect(world.fired.contains("primary.reopen"))
        #expect(!world.fired.contains("suspect.confirmed"))
    }

    @Test func aPrimaryWhoseMachineWasResetIsNotOpenedAgain() {
        var world = World.steady()
        world.crash("a")
        world.start("a")
        world.nodes["a"]?.bootID = "another"
        world.run(untilHealthy: 40_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    @Test func aStandbyPromotedByHandIsFencedAndBroughtBack() {
        var world = World.steady()
        let fork = world.nodes["c"]?.position ?? .zero
        world.nodes["c"]?.isInRecovery = false
        world.nodes["c"]?.hasStandbySignal = false
        world.nodes["c"]?.upstream = nil
        world.nodes["c"]?.history = TimelineHistory(
            timeline: TimelineID(2),
            ancestors: [.init(timeline: TimelineID(1), end: fork)])
        world.run(untilHealthy: 40_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired.suffix(30))")
        #expect(world.openNodes == ["a"])
        #expect(world.fired.contains("member.plan"))
    }

    @Test func aCandidateThatIsLostIsReplaced() {
        var world = World.steady()
        world.refused = ["b.promote"]
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 1_000)
        #expect(world.cluster.phase == .promoting)
        world.crash("b")
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 10_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
    }
}
