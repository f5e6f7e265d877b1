import FailoverCore
import Testing

@Suite("What could hold the cluster up, or break its promise")
struct StoryTests {
    /// Primary a, voter b; c is gone for good.
    private static func pair(_ alone: Policy.Alone) -> World {
        var world = World.steady(alone: alone)
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 8_000)
        return world
    }

    @Test func underBlockTheLastVoterIsWaitedFor() {
        var world = Self.pair(.block)
        world.crash("b")
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 20_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        #expect(world.openNodes == ["a"])
    }

    @Test func underBlockASuccessorWithoutFollowersOpensAndWaits() {
        var world = Self.pair(.block)
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.openNodes == ["b"], "\(world.view)")
        #expect(world.cluster.configs == [.waiting])
        #expect(world.nodes["b"]?.names == "ANY 1 (toolkit_nobody)")
        #expect(world.view.alarms.contains { $0.hasPrefix("commits wait") })
        world.nodes["a"]?.sshIsUp = true
        world.run(ms: 10_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["a"])])
    }

    @Test func foreignNamesDuringAChangeForbidAFailover() {
        var world = World.steady()
        world.refused = ["a.reconfigure"]
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.cluster.configs.count > 1)
        world.nodes["a"]?.names = ""
        world.run(ms: 500)
        #expect(world.cluster.quorumIsTampered)
        world.nodes["c"]?.sshIsUp = true
        world.start("c")
        world.crash("a")
        world.run(ms: 30_000)
        #expect(world.cluster.phase == .suspect)
        #expect(world.view.waitingFor.contains("another hand"))
        world.refused = []
        world.start("a")
        world.run(untilHealthy: 20_000)
        #expect(!world.cluster.quorumIsTampered)
        #expect(world.view.isHealthy, "\(world.view)")
    }

    @Test func oneSightingOfForeignNamesIsEnoughToWait() {
        var world = World.steady()
        world.refused = ["a.reconfigure"]
        world.nodes["a"]?.names = ""
        world.probeAll()
        world.crash("a")
        world.run(ms: 20_000)
        #expect(world.openNodes == [])
        #expect(world.view.waitingFor.contains("another hand"))
    }

    @Test func aSealWhoseNodeFileWasPutBackDoesNotHold() {
        var world = World.steady()
        let before = world.nodes["c"]
        world.refused = ["b.promote", "c.follow"]
        world.crash("a")
        world.run(ms: 1_000)
        #expect(world.cluster.phase == .promoting)
        world.nodes["c"]?.stamp = before?.stamp
        world.nodes["c"]?.attachedAs = before?.attachedAs
        world.nodes["c"]?.upstream = "a"
        world.run(ms: 300)
        #expect(world.fired.contains("promotion.unsealed"), "\(world.fired)")
    }

    @Test func aCandidateThatCannotBePromotedIsNotChosenAgain() {
        var world = World.steady()
        world.refused = ["b.promote"]
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 40_000)
        #expect(world.openNodes == ["c"], "\(world.view)")
    }

    @Test func whatIsWaitedForIsSaidWhileACandidateHangs() {
        var world = World.steady()
        world.refused = ["b.promote"]
        world.crash("a")
        world.run(ms: 2_000)
        #expect(world.view.waitingFor.hasPrefix("b to leave recovery"))
    }

    @Test func anOldPrimaryThatWeFencedIsStartedWhenNobodyElseIsLeft() {
        var world = Self.pair(.allow)
        world.refused = ["b.promote"]
        world.nodes["a"]?.isFrozen = true
        world.run(ms: 4_000)
        #expect(world.cluster.phase == .promoting)
        world.crash("b")
        world.nodes["b"]?.sshIsUp = false
        world.nodes["a"]?.isFrozen = false
        world.run(ms: 60_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired.suffix(20))")
    }

    @Test func aVoterLostBeforeItsQuorumIsProvenIsLeftOut() {
        var world = World.steady(numberSyncStandbys: 2)
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.refused = ["a.reconfigure"]
        world.run(ms: 4_500)
        #expect(world.cluster.configs.count == 2)
        world.crash("b")
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 8_000)
        #expect(world.cluster.configs.last == QuorumConfig.none)
        #expect(world.fired.contains("quorum.divert"))
        world.refused = []
        world.run(ms: 8_000)
        #expect(world.cluster.configs == [.none])
    }

    @Test func aStandbyPointedAtThisNodeInAnOlderTermIsTestedFirst() {
        var world = World.steady()
        // c is away through two failovers: to b, and back to a.
        world.nodes["c"]?.sshIsUp = false
        world.nodes["c"]?.sqlIsUp = false
        world.run(ms: 32_000)
        for target: NodeID in ["b", "a"] {
            world.send(.ordered(.switchover(to: target)))
            world.run(ms: 8_000)
        }
        #expect(world.openNodes == ["a"], "\(world.view)")
        world.nodes["c"]?.sshIsUp = true
        world.nodes["c"]?.sqlIsUp = true
        world.run(untilHealthy: 20_000)
        #expect(world.view.isHealthy, "\(world.view)")
        #expect((world.cluster["c"]?.attach.term).map { $0 >= world.cluster.tip.term } == true)
    }

    @Test func everyRefusalSaysWhy() {
        var world = World.steady()
        func refusal(_ command: OperatorCommand) -> String {
            world.machine.refusal(of: command, at: world.instant)?.because ?? ""
        }
        #expect(refusal(.bootstrap(first: "a")) == "the cluster has one already")
        #expect(refusal(.switchover(to: "a")) == "it is the primary")
        #expect(refusal(.switchover(to: "x")) == "it is no member")
        #expect(refusal(.switchover(to: "b")) == "")
        #expect(refusal(.rejoin("a")) == "it is the primary")
        #expect(refusal(.rejoin("x")) == "it is no member of shop")
        #expect(refusal(.rejoin("b")).hasPrefix("it streams from a"))
        world.crash("c")
        world.run(ms: 200)
        #expect(refusal(.switchover(to: "c")).contains("refused"))
        world.crash("a")
        world.run(ms: 200)
        #expect(refusal(.switchover(to: "b")).hasPrefix("the cluster is busy"))
        #expect(refusal(.rejoin("b")).hasPrefix("there is no open primary"))
    }

    /// Silence is an answer, too.
    @Test func everyNodeIsAskedBeforeAnOrderIsJudged() {
        var world = World.steady()
        world.machine = FailoverMachine(cluster: world.cluster, policy: world.policy)
        #expect(!world.machine.hasAskedEveryNode)
        #expect(world.machine.refusal(of: .switchover(to: "b"), at: world.instant) != nil)
        world.crash("c")
        world.probeAll()
        #expect(world.machine.hasAskedEveryNode)
        #expect(world.machine.refusal(of: .switchover(to: "b"), at: world.instant) == nil)
    }

    @Test func anOldCopyOfTheStoreIsKnownAsOneHoweverOftenTheSchedulerStarts() {
        var world = World.steady()
        let old = world.cluster
        world.send(.ordered(.switchover(to: "b")))
        world.run(untilHealthy: 20_000)
        world.machine = FailoverMachine(cluster: old, policy: world.policy)
        world.fired = []
        world.run(ms: 1_000)
        #expect(world.view.alarms.contains { $0.hasPrefix("the store was rolled back") })
        for _ in 0..<100 {
            world.machine = FailoverMachine(cluster: world.cluster, policy: world.policy)
            world.machine.takeOver()
        }
        world.run(ms: 5_000)
        #expect(world.fired == ["vigilance.store_rewound"])
        #expect(world.machine.refusal(of: .rejoin("c"), at: world.instant) != nil)
    }

    /// Another scheduler went on with the cluster, and ended; of that only a stopped node's stamp tells.
    @Test func aRefusedCommandLeadsToALookAndToTheNewerStore() {
        var world = World.steady()
        world.refused = ["c.start"]
        world.crash("c")
        world.run(ms: 3_000)
        let newer = Stamp(term: world.cluster.term, step: Revision(9_999))
        world.nodes["c"]?.stamp = newer
        world.refused = []
        world.run(ms: 10_000)
        #expect(world.fired.contains("vigilance.refused"))
        #expect(world.view.alarms.contains { $0.hasPrefix("the store was rolled back") })
    }

    /// What it acknowledged meanwhile is on it alone: the end of that must be proven, with the flag.
    @Test func noVoterIsDroppedWhileForeignNamesAreInSight() {
        for delay in stride(from: Int64(2_600), through: 3_400, by: 50) {
            var world = World.steady()
            world.nodes["c"]?.isCutOff = true
            world.run(ms: delay)
            guard !world.fired.contains("quorum.drop") else { continue }
            world.nodes["a"]?.names = ""
            world.run(ms: 300)
            let tampered = world.fired.firstIndex(of: "vigilance.quorum_tampered")
            let dropped = world.fired.firstIndex(of: "quorum.drop")
            #expect(tampered ?? .max < dropped ?? .max, "after \(delay) ms: \(world.fired)")
            #expect(tampered != nil)
        }
    }

    /// Its own writing puts it ahead for ever, but not with anything that the primary wrote.
    @Test func aStrayVoterDoesNotKeepTheLastPrimaryClosed() {
        var world = World.steady()
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.crash("a")
        world.nodes["b"]?.sshIsUp = false
        world.refused = ["b.promote", "b.seal"]
        let fork = world.nodes["b"]?.position ?? .zero
        world.nodes["b"]?.isInRecovery = false
        world.nodes["b"]?.history = TimelineHistory(
            timeline: TimelineID(2), ancestors: [.init(timeline: TimelineID(1), end: fork)])
        world.nodes["b"]?.position = LSN(fork.position + 1_000)
        world.nodes["a"]?.bootID = "another"
        world.start("a")
        world.run(ms: 60_000)
        #expect(world.openNodes == ["a"], "\(world.view)")
    }
}
