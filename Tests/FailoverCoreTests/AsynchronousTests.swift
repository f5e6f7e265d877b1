import FailoverCore
import Testing

@Suite("Commits that wait for nobody, standbys of standbys, a hung disk")
struct AsynchronousTests {
    @Test func aSuccessorIsOpenedOnlyAfterTheOldPrimaryWasSeenStopped() {
        var world = World.steady(numberSyncStandbys: 0)
        world.nodes["a"]?.sqlIsUp = false
        world.nodes["a"]?.sshIsUp = false
        for id: NodeID in ["b", "c"] { world.nodes[id]?.isCutOff = true }
        world.run(ms: 20_000)
        #expect(world.openNodes == ["a"], "\(world.view) \(world.fired)")
        #expect(world.view.waitingFor.contains("a to be seen stopped"), "\(world.view)")
        world.nodes["a"]?.sshIsUp = true
        world.run(ms: 10_000)
        #expect(world.nodes["a"]?.isOpen == false)
        #expect(world.openNodes.count == 1 && world.openNodes != ["a"], "\(world.view)")
    }

    @Test func thePolicyMayWaiveThat() {
        var world = World.steady(numberSyncStandbys: 0) { $0.acceptsSplitBrainWindow = true }
        world.crash("a")
        world.nodes["a"]?.sshIsUp = false
        world.run(ms: 5_000)
        #expect(world.openNodes.count == 1, "\(world.view) \(world.fired)")
    }

    @Test func tooFewStandbysAreNoMajority() {
        var world = World.steady(numberSyncStandbys: 0) { $0.acceptsSplitBrainWindow = true }
        for id: NodeID in ["a", "b"] {
            world.crash(id)
            world.nodes[id]?.sshIsUp = false
        }
        world.run(ms: 20_000)
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        #expect(world.view.waitingFor.contains("2 of 2 standbys needed"), "\(world.view)")
    }

    @Test func aSwitchoverWaitsForTheEndOfTheOldPrimary() {
        var world = World.steady(numberSyncStandbys: 0)
        world.refused = ["a.fence"]
        world.send(.ordered(.switchover(to: "c")))
        world.run(ms: 5_000)
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        world.refused = []
        world.run(untilHealthy: 60_000)
        #expect(world.openNodes.count == 1, "\(world.view) \(world.fired)")
    }

    @Test func aCascadedStandbyFollowsItsUpstreamAndFallsBackToThePrimary() {
        var world = World.steady { $0.nodes[2] = Policy.Node(id: "c", upstream: "b") }
        world.run(untilHealthy: 10_000)
        #expect(world.nodes["c"]?.upstream == "b", "\(world.view) \(world.fired)")
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        world.crash("b")
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 10_000)
        #expect(world.nodes["c"]?.upstream == "a", "\(world.view) \(world.fired)")
        world.nodes["b"]?.sshIsUp = true
        world.start("b")
        world.run(untilHealthy: 20_000)
        world.run(ms: 5_000)
        #expect(world.nodes["c"]?.upstream == "b", "\(world.view) \(world.fired)")
        #expect(world.view.isHealthy)
        #expect(world.nodes["a"]?.slots.contains("toolkit_c") == false)
    }

    @Test func aPrimaryWhoseDiskHangsIsLeftAfterItWasSeenStopped() {
        var world = World.steady()
        for _ in 0..<25 {
            world.send(.canary("a", .stalled("IO: WALSync")))
            world.run(ms: 1_000)
        }
        #expect(world.fired.contains("suspect.stalled"), "\(world.view)")
        #expect(world.openNodes.count == 1 && world.openNodes != ["a"], "\(world.view)")
    }

    @Test func aDiskThatRecoversInTimeCostsNothing() {
        var world = World.steady()
        world.send(.canary("a", .stalled("IO: WALSync")))
        world.run(ms: 10_000)
        #expect(world.view.alarms == ["writes hang on a (IO: WALSync)"])
        world.send(.canary("a", .written))
        world.run(ms: 30_000)
        #expect(world.openNodes == ["a"])
        #expect(!world.fired.contains("suspect.stalled"))
    }
}
