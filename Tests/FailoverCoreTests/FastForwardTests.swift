import FailoverCore
import Testing

@Suite("A preferred candidate that lacks a little")
struct FastForwardTests {
    /// a is lost; c has more WAL than b, which is preferred.
    private static func lagging(by bytes: UInt64, _ change: (inout Policy) -> Void = { _ in })
        -> World
    {
        var world = World.steady { policy in
            policy.nodes[1].priority = 100
            change(&policy)
        }
        let end = (world.nodes["a"]?.position.position ?? 0) + bytes
        world.nodes["a"]?.position = LSN(end)
        world.nodes["c"]?.position = LSN(end)
        world.nodes["a"]?.sshIsUp = false
        world.crash("a")
        return world
    }

    @Test func fetchesItFromAPeerAndIsPromoted() {
        var world = Self.lagging(by: 1_000)
        let end = world.nodes["c"]?.position ?? .zero
        world.run(ms: 3_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("sealing.fast_forward"))
        #expect((world.nodes["b"]?.position ?? .zero) >= end)
    }

    @Test func isPassedOverWhenItLacksTooMuch() {
        var world = Self.lagging(by: 17 << 20)
        world.run(ms: 3_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(!world.fired.contains("sealing.fast_forward"))
    }

    @Test func isPassedOverWhenItCannotGetIt() {
        var world = Self.lagging(by: 1_000)
        world.refused = ["b.fast_forward"]
        world.run(ms: 15_000)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("sealing.fast_forwarded"))
    }

    @Test func theOnlyElectableOneFetchesWhatAnotherMayNotBePromotedWith() {
        var world = Self.lagging(by: 1_000) { $0.nodes[2].priority = 0 }
        world.run(ms: 3_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("sealing.fast_forward"))
    }
}
