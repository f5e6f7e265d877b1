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

    /// b fetches and grows by so many bytes in each tick of 50 ms.
    private static func fetching(
        _ lacking: UInt64, bytesPerTick: UInt64, ms: Int64,
        _ change: (inout Policy) -> Void = { _ in }
    ) -> World {
        var world = lagging(by: lacking, change)
        world.slow = ["b.fast_forward"]
        while !world.fired.contains("sealing.fast_forward"), world.now < 60_000 { world.tick() }
        for _ in 0..<(ms / 50) {
            if let position = world.nodes["b"]?.position {
                world.nodes["b"]?.position = LSN(position.position + bytesPerTick)
            }
            world.tick()
        }
        return world
    }

    @Test func isPassedOverWhenItsLineIsTooSlow() {
        let world = Self.fetching(1_000_000, bytesPerTick: 5_000, ms: 2_500)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
        #expect(world.fired.contains("sealing.fast_forwarded"))
    }

    @Test func isWaitedForWhileItsLineIsFastEnough() {
        var world = Self.fetching(1_000_000, bytesPerTick: 15_000, ms: 2_500)
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        #expect(!world.fired.contains("sealing.fast_forwarded"))
        world.finish()
        world.run(ms: 1_000)
        #expect(world.openNodes == ["b"], "\(world.view) \(world.fired)")
    }

    @Test func isWaitedForWhenNobodyElseMayBePromoted() {
        let world = Self.fetching(1_000_000, bytesPerTick: 5_000, ms: 2_500) {
            $0.nodes[2].priority = 0
        }
        #expect(world.openNodes == [], "\(world.view) \(world.fired)")
        #expect(!world.fired.contains("sealing.fast_forwarded"))
    }

    @Test func isPassedOverWhenItFallsSilentOverItsFetch() {
        var world = Self.fetching(1_000_000, bytesPerTick: 50_000, ms: 200)
        world.nodes["b"]?.isFrozen = true
        world.run(ms: 1_500)
        #expect(world.openNodes == ["c"], "\(world.view) \(world.fired)")
    }
}
