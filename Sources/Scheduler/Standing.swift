import FailoverCore
import Hooks
import Store

/// Whether this scheduler may still act on what it decided. Nodes find out by stamps; where an act
/// reaches no node's wrapper, the scheduler has to ask itself.
struct Standing: Sendable {
    let store: any ClusterStore
    let holdsLock: @Sendable () -> Bool

    /// Nil: by the lock and the store it may.
    func refusal(of effect: Effect.ID) async -> HookRefusal? {
        guard holdsLock() else { return .later("the scheduler's lock is not ours any more") }
        do throws(StoreError) {
            guard let stored = try await store.load() else { return .stale }
            return stored.wants(effect) ? nil : .stale
        } catch {
            return .later("the store can't be read: \(error.because)")
        }
    }
}
