import FailoverCore
import Testing

@Suite("Rules that docs/protocol.md states, one at a time")
struct RuleStoryTests {
    private static func lose(_ id: NodeID, _ world: inout World) {
        world.crash(id)
        world.nodes[id]?.sshIsUp = false
    }

    @Test func aNodeWithWorkUnderWayIsNoTarget() {
        var world = World.steady()
        world.halfDone = ["c.follow"]
        Self.lose("a", &world)
        world.run(ms: 5_000)
        #expect(world.openNodes == ["b"] && world.streams("c"), "\(world.view)")
        let order = OperatorCommand.switchover(to: "c")
        let refusal = world.machine.refusal(of: order, at: world.instant)
        #expect(refusal?.because.hasPrefix("its follow is under way") == true, "\(world.view)")
        world.halfDone = []
        world.run(ms: 5_000)
        #expect(world.machine.refusal(of: order, at: world.instant) == nil, "\(world.view)")
    }

    @Test func withoutVotersNobodyIsPromotedByItself() {
        var world = World.steady()
        Self.lose("b", &world)
        Self.lose("c", &world)
        world.run(ms: 20_000)
        #expect(world.cluster.configs == [.none])
        Self.lose("a", &world)
        world.run(ms: 2_000)
        for id: NodeID in ["b", "c"] {
            world.nodes[id]?.sshIsUp = true
            world.start(id)
        }
        world.run(ms: 60_000)
        #expect(world.openNodes == [], "\(world.view)")
        world.nodes["a"]?.sshIsUp = true
        world.start("a")
        world.run(untilHealthy: 20_000)
        #expect(world.openNodes == ["a"], "\(world.view)")
    }

    @Test func twoFailoversThatNoRefusalConfirmsKeepTheirDistance() {
        var world = World.steady()
        world.nodes["a"]?.isFrozen = true
        world.run(ms: 5_000)
        #expect(world.openNodes.contains("b"), "\(world.view)")
        world.nodes["a"]?.isFrozen = false
        world.run(untilHealthy: 20_000)
        world.nodes["b"]?.isFrozen = true
        world.run(ms: 20_000)
        #expect(world.cluster.phase == .suspect, "\(world.view)")
        world.run(ms: 45_000)
        #expect(world.cluster.lastPrimary != "b", "\(world.view)")
    }

    @Test func aPrimaryThatRefusesIsReplacedHoweverSoonAfterTheLast() {
        var world = World.steady()
        world.nodes["a"]?.isFrozen = true
        world.run(ms: 5_000)
        world.nodes["a"]?.isFrozen = false
        world.run(untilHealthy: 20_000)
        Self.lose("b", &world)
        world.run(ms: 10_000)
        #expect(world.openNodes.count == 1 && world.openNodes != ["b"], "\(world.view)")
    }

    @Test func fewerCopiesAreAskedForWhileThereAreFewerAndAllOfThemAfterwards() {
        var world = World.steady(numberSyncStandbys: 2)
        Self.lose("c", &world)
        world.run(ms: 10_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        world.nodes["c"]?.sshIsUp = true
        world.start("c")
        world.run(untilHealthy: 20_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 2, voters: ["b", "c"])])
    }

    @Test func aPrimaryThatIsWellAgainWhileItsStandbysAreSealedIsOpenedInANewTerm() {
        var world = World.steady()
        world.refused = ["b.seal", "c.seal"]
        world.nodes["a"]?.isFrozen = true
        world.run(ms: 3_000)
        #expect(world.cluster.phase == .sealing, "\(world.view)")
        let term = world.cluster.term
        world.nodes["a"]?.isFrozen = false
        world.run(ms: 3_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.cluster.term > term && world.cluster.tip.timeline == TimelineID(1))
    }

    @Test func byStopTheOldPrimaryItselfProvesThatNothingIsMissing() {
        var world = World.steady { $0.handOver = .stop }
        let before = world.nodes["a"]?.position ?? .zero
        world.send(.ordered(.switchover(to: "c")))
        world.run(untilHealthy: 60_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("switchover.stopped"))
        #expect(world.cluster.floor > before)
        #expect(world.done.contains("a.stop") && !world.done.contains("a.fence"))
    }

    @Test func aHungDiskMayBeToldOnly() {
        var world = World.steady { $0.stall = .alarm }
        for _ in 0..<500 {
            world.send(.canary("a", .stalled("IO WALSync")))
            world.tick()
        }
        #expect(world.openNodes == ["a"] && world.cluster.term == Term(1), "\(world.view)")
        #expect(world.view.alarms.contains { $0.hasPrefix("writes hang on a") }, "\(world.view)")
    }
}
