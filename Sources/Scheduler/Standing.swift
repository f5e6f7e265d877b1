import FailoverCore
import Hooks
import Store

/// Whether this scheduler may still act on what it decided. Nodes find out by stamps; where an act
/// reaches no node's wrapper, the scheduler has to ask itself.
struct Standing: Sendable {
    let store: any ClusterStore
    let holdsLock: @Sendable () -> Bool

    /// Nil: by the lock and the store it may.
    func refusal(of effect: Effect.ID) async -> String? {
        guard holdsLock() else { return "the scheduler's lock is not ours any more" }
        do throws(StoreError) {
            let isWanted = try await store.load()?.wants(effect) ?? false
            return isWanted ? nil : "by the store it is not asked for any more"
        } catch {
            return "the store can't be read: \(error.because)"
        }
    }
}
