import FailoverCore
import Testing

@Suite("What an operator orders")
struct OperatorTests {
    @Test func aStandbyInMaintenanceIsCountedForNothingAndLeftAlone() {
        var world = World.steady()
        world.send(.ordered(.maintenance("c", untilWallMs: nil)))
        world.run(ms: 3_000)
        #expect(world.view.nodes[2].assigned == .maintenance, "\(world.view) \(world.fired)")
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        #expect(world.nodes["c"]?.attachedAs == nil)
        world.fired = []
        world.crash("c")
        world.run(ms: 20_000)
        #expect(world.fired == [])
        world.start("c")
        world.send(.ordered(.endMaintenance("c")))
        world.run(untilHealthy: 10_000)
        #expect(world.view.isHealthy, "\(world.view) \(world.fired)")
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b", "c"])])
    }

    @Test func maintenanceEndsWhenItsTimeIsOver() {
        var world = World.steady()
        world.send(.ordered(.maintenance("c", untilWallMs: world.now + 5_000)))
        world.run(ms: 3_000)
        #expect(world.view.nodes[2].assigned == .maintenance)
        world.run(ms: 10_000)
        #expect(world.cluster["c"]?.maintenance == nil)
        #expect(world.view.isHealthy, "\(world.view)")
    }

    @Test func aPrimaryIsMovedAwayBeforeItsMaintenance() {
        var world = World.steady()
        world.send(.ordered(.maintenance("a", untilWallMs: nil)))
        world.run(ms: 15_000)
        #expect(world.openNodes.count == 1 && world.openNodes != ["a"], "\(world.view)")
        #expect(world.view.nodes[0].assigned == .maintenance, "\(world.view) \(world.fired)")
        #expect(world.nodes["a"]?.isRunning == false)
        world.send(.ordered(.endMaintenance("a")))
        world.run(untilHealthy: 20_000)
        #expect(world.view.isHealthy, "\(world.view)")
    }

    @Test func aPrimaryThatCouldNotBeMovedIsNotLeftAlone() {
        var world = World.steady()
        world.refused = ["a.quiesce"]
        world.send(.ordered(.maintenance("a", untilWallMs: nil)))
        world.run(untilHealthy: 20_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.cluster["a"]?.maintenance == nil)
    }

    @Test func inAPauseNothingIsDone() {
        var world = World.steady()
        world.send(.ordered(.pause))
        world.fired = []
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 30_000)
        #expect(world.fired == [])
        #expect(world.view.waitingFor == "an operator to resume")
        #expect(world.machine.refusal(of: .switchover(to: nil), at: world.instant) != nil)
        world.send(.ordered(.resume))
        world.run(ms: 10_000)
        #expect(world.openNodes == ["b"], "\(world.view)")
    }

    @Test func aFailoverThatWasPausedIsProvenAnew() {
        var world = World.steady()
        world.refused = ["b.promote"]
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 1_500)
        #expect(world.cluster.phase == .promoting)
        let term = world.cluster.term
        world.send(.ordered(.pause))
        world.run(ms: 5_000)
        world.refused = []
        world.send(.ordered(.resume))
        world.run(ms: 10_000)
        #expect(world.cluster.term > term)
        #expect(world.openNodes.count == 1, "\(world.view) \(world.fired)")
    }

    /// a and b are gone, c may lack what b acknowledged.
    private static func orphaned() -> World {
        var world = World.steady()
        for id: NodeID in ["a", "b"] {
            world.crash(id)
            world.nodes[id]?.sshIsUp = false
        }
        world.run(ms: 10_000)
        return world
    }

    @Test func aLossIsAcceptedOnlyByOrderAndAfterTheFence() {
        var world = Self.orphaned()
        #expect(world.openNodes == [])
        #expect(world.machine.refusal(of: .failover(to: "c"), at: world.instant) != nil)
        world.send(.ordered(.failoverWithLoss(to: "c", oldPrimaryIsDown: false)))
        world.run(ms: 20_000)
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        #expect(world.view.waitingFor.contains("a to be seen stopped"), "\(world.view)")
        world.nodes["a"]?.sshIsUp = true
        world.run(ms: 10_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired.suffix(20))")
    }

    @Test func theOperatorsWordStandsForTheFence() {
        var world = Self.orphaned()
        world.send(.ordered(.failoverWithLoss(to: "c", oldPrimaryIsDown: true)))
        world.run(ms: 10_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(world.cluster.acceptedLoss == nil)
    }

    @Test func anOrderedFailoverNeedsNoAutomaticMode() {
        var world = World.steady { $0.mode = .manual }
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 10_000)
        #expect(world.cluster.phase == .suspect)
        world.send(.ordered(.failover(to: "c")))
        world.run(ms: 5_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
    }

    /// Its file names the right upstream under the right name, and it goes elsewhere all the same.
    @Test func aCascadedStandbyThatItsUpstreamDoesNotHearIsPointedBack() {
        var world = World.steady {
            $0.nodes[2] = Policy.Node(id: "c", replicationQuorum: false, upstream: "b")
        }
        world.run(ms: 5_000)
        #expect(world.nodes["c"]?.upstream == "b")
        world.nodes["c"]?.upstream = "c"
        world.run(ms: 70_000)
        #expect(world.nodes["c"]?.upstream == "b", "\(world.view) \(world.fired)")
        #expect(world.streams("c"))
    }

    @Test func aCascadedStandbyThatHearsFromSomebodyElseIsCopiedAnew() {
        var world = World.steady {
            $0.nodes[2] = Policy.Node(id: "c", replicationQuorum: false, upstream: "b")
        }
        world.run(ms: 5_000)
        world.nodes["c"]?.upstream = "a"
        world.done = []
        world.run(ms: 70_000)
        #expect(world.done.contains("c.clone"), "\(world.view) \(world.fired)")
        #expect(world.nodes["c"]?.upstream == "b")
    }
}
