import Testing

@testable import FailoverCore

/// Interleavings in which a cluster once stayed closed, or forgot what it had seen.
@Suite("No dead end, and nothing forgotten")
struct DeadEndTests {
    @Test func foreignNamesSeenDuringAFailoverAreProvenAwayAfterItsAbort() {
        var world = World.steady()
        world.refused = ["b.seal", "c.seal"]
        world.nodes["a"]?.sqlIsUp = false
        for id in ["b", "c"] as [NodeID] { world.nodes[id]?.isCutOff = true }
        while world.cluster.phase != .sealing, world.now < 60_000 { world.tick() }
        world.nodes["a"]?.names = ""
        world.nodes["a"]?.sqlIsUp = true
        world.refused = ["a.reconfigure"]
        world.run(ms: 2_000)
        #expect(world.openNodes == ["a"])
        #expect(world.cluster.quorumIsTampered, "\(world.fired)")
    }

    @Test func aSwitchoverWhoseNamesWereChangedIsNoFailoverWithoutProof() {
        var world = World.steady()
        world.slow = ["a.quiesce"]
        world.send(.ordered(.switchover(to: "b")))
        world.nodes["a"]?.names = ""
        world.run(ms: 100)
        world.nodes["a"]?.sshIsUp = false
        world.crash("a")
        world.run(ms: 1_000)
        world.finish()
        world.run(ms: 20_000)
        #expect(world.openNodes == [], "\(world.fired)")
    }

    /// Without copies a backend that goes on by itself goes on acknowledging.
    @Test func aLookThatFindsABackendDoesNotShowThatTheOldPrimaryIsStopped() {
        var world = World.steady(numberSyncStandbys: 0)
        world.refused = ["a.fence", "a.start"]
        world.nodes["a"]?.hasOrphans = true
        world.crash("a")
        world.run(ms: 20_000)
        #expect(world.openNodes == [], "\(world.fired)")
        world.nodes["a"]?.hasOrphans = false
        world.run(ms: 10_000)
        #expect(world.openNodes.count == 1, "\(world.view) \(world.fired)")
    }

    /// On its old timeline: nothing but what was seen tells that it wrote there.
    @Test func whoWasRunAsAPrimaryDuringItsMaintenanceIsCopiedAnew() {
        var world = World.steady()
        world.send(.ordered(.maintenance("c", untilWallMs: nil)))
        world.run(ms: 3_000)
        world.nodes["c"]?.isInRecovery = false
        world.run(ms: 1_000)
        #expect(world.nodes["c"]?.isRunning == true)
        world.nodes["c"]?.isInRecovery = true
        world.run(ms: 1_000)
        world.done = []
        world.send(.ordered(.endMaintenance("c")))
        world.run(untilHealthy: 20_000)
        #expect(world.done.contains("c.clone"), "\(world.fired)")
    }

    @Test func aDiskThatHangsWhileTheQuorumChangesIsLeftAsAnyOther() {
        var world = World.steady()
        world.crash("c")
        world.nodes["c"]?.sshIsUp = false
        world.run(ms: 8_000)
        world.slow = ["a.reconfigure"]
        world.nodes["c"]?.sshIsUp = true
        world.start("c")
        world.run(ms: 3_000)
        #expect(world.cluster.intent?.kind == .reconfigure)
        for _ in 0..<25 {
            world.send(.canary("a", .stalled("IO: WALSync")))
            world.run(ms: 1_000)
        }
        #expect(world.fired.contains("suspect.stalled"), "\(world.view)")
        #expect(world.openNodes.count == 1 && world.openNodes != ["a"], "\(world.view)")
    }

    @Test func oneLostProbeDoesNotMakeAHungDiskWell() {
        var world = World.steady()
        for second in 0..<25 {
            world.send(.canary("a", .stalled("IO: WALSync")))
            if second % 4 == 1 { world.send(.unreachable("a", .timedOut)) }
            world.run(ms: 1_000)
        }
        #expect(world.fired.contains("suspect.stalled"), "\(world.fired)")
        #expect(world.openNodes.count == 1 && world.openNodes != ["a"], "\(world.view)")
    }

    @Test func aStallBeforeACutIsNoStallAfterIt() {
        var world = World.steady()
        world.send(.canary("a", .stalled("IO: WALSync")))
        world.run(ms: 500)
        world.nodes["a"]?.sqlIsUp = false
        world.run(ms: 25_000)
        world.nodes["a"]?.sqlIsUp = true
        world.run(ms: 1_000)
        #expect(!world.fired.contains("suspect.stalled"))
        #expect(world.openNodes == ["a"])
    }

    @Test(arguments: [false, true])
    func aRebootedPrimaryIsOpenedInManualMode(_ isAhead: Bool) {
        var world = World.steady { $0.mode = .manual }
        world.crash("a")
        world.nodes["a"]?.bootID = "another"
        world.run(ms: 1_000)
        // A standby that is ahead proves that the reset lost what it had acknowledged.
        if isAhead {
            for id in ["b", "c"] as [NodeID] { world.nodes[id]?.position = LSN(9_999) }
        }
        world.start("a")
        world.run(ms: 60_000)
        #expect(world.openNodes == (isAhead ? [] : ["a"]), "\(world.view) \(world.fired)")
        guard isAhead else { return }
        #expect(world.machine.refusal(of: .failover(to: "b"), at: world.instant) == nil)
        world.send(.ordered(.failover(to: "b")))
        world.run(untilHealthy: 30_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    @Test func anElectThatCannotBeOpenedIsReplaced() {
        var world = World.steady { $0.nodes[1].priority = 100 }
        world.refused = ["b.open"]
        world.crash("a")
        world.run(ms: 90_000)
        #expect(world.fired.contains("opening.failed"), "\(world.view)")
        #expect(world.openNodes == ["c"] || world.openNodes == ["a"], "\(world.fired)")
    }

    @Test func aFetchIsTriedAgainWhenNobodyElseCanGoOn() {
        var world = World.steady { $0.nodes[2].priority = 0 }
        let end = (world.nodes["a"]?.position.position ?? 0) + (64 << 20)
        world.nodes["a"]?.position = LSN(end)
        world.nodes["c"]?.position = LSN(end)
        world.nodes["a"]?.sshIsUp = false
        world.crash("a")
        world.refused = ["b.fast_forward"]
        world.run(ms: 20_000)
        #expect(world.openNodes == [])
        world.refused = []
        world.run(ms: 20_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    @Test func aLookThatIsToldLateIsAsOldAsItsBeginning() {
        var world = World.steady()
        world.slow = ["c.inspect"]
        world.crash("c")
        while !world.fired.contains("member.look"), world.now < 60_000 { world.tick() }
        let begunAt = world.now
        world.run(ms: 3_000)
        world.finish()
        let inspectedAt = world.machine.situation(at: world.instant).facts("c").inspectedAt
        #expect(inspectedAt?.monotonicMs ?? .max <= begunAt)
    }

    @Test func aVoterThatTheFileNoLongerCountsLeavesTheQuorum() {
        var world = World.steady()
        var policy = world.policy
        policy.nodes[2] = Policy.Node(id: "c", replicationQuorum: false)
        world.machine = FailoverMachine(cluster: world.cluster, policy: policy)
        world.run(ms: 5_000)
        #expect(world.cluster.configs == [QuorumConfig(required: 1, voters: ["b"])])
        #expect(world.nodes["c"]?.upstream == "a")
    }

    @Test func aVoterThatIsToFollowAnotherStandbyLeavesTheQuorumFirst() {
        var world = World.steady()
        var policy = world.policy
        policy.nodes[2] = Policy.Node(id: "c", upstream: "b")
        world.machine = FailoverMachine(cluster: world.cluster, policy: policy)
        world.fired = []
        world.run(ms: 5_000)
        #expect(world.fired.first == "quorum.drop", "\(world.fired)")
        #expect(world.nodes["c"]?.upstream == "b")
    }

    @Test func aLostCandidateTakesTheAcceptedLossWithIt() {
        var world = World.steady()
        world.nodes["a"]?.sshIsUp = false
        for id in ["a", "b"] as [NodeID] { world.crash(id) }
        world.nodes["b"]?.sshIsUp = false
        world.run(ms: 2_000)
        world.refused = ["c.promote"]
        world.send(.ordered(.failoverWithLoss(to: "c", oldPrimaryIsDown: true)))
        world.run(ms: 500)
        #expect(world.cluster.phase == .promoting, "\(world.view)")
        world.crash("c")
        world.run(ms: 5_000)
        #expect(world.cluster.certificate == nil && world.cluster.acceptedLoss == nil)
    }
}
