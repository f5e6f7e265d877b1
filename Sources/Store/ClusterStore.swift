public import FailoverCore

/// The cluster's memory: its state, and the story of how it came to be.
///
/// A state is stored before any effect of it runs. A scheduler that gets `.movedOn` throws its
/// decision away and begins again from `load()`: somebody else has decided meanwhile.
public protocol ClusterStore: Sendable {
    /// The cluster as it was saved last; nil when nothing was saved yet.
    func load() async throws(StoreError) -> Cluster?

    /// Saves state and events together or not at all. `after` is the revision that the change was
    /// made from, nil for the first one; when the stored revision is another, or `cluster` is no
    /// newer, nothing is written and `.movedOn` is thrown.
    func save(_ cluster: Cluster, events: [EventRecord], after revision: Revision?)
        async throws(StoreError)

    /// Adds events that changed no state.
    func append(_ events: [EventRecord]) async throws(StoreError)

    /// At most `limit` events, those with a larger id than `id`: the oldest of them first, or the
    /// newest of them first.
    func events(after id: Int64?, limit: Int, newestFirst: Bool) async throws(StoreError)
        -> [EventRecord]
}

extension ClusterStore {
    /// The newest events, oldest of them first: the end of the story, in reading order.
    public func newestEvents(_ limit: Int) async throws(StoreError) -> [EventRecord] {
        try await events(after: nil, limit: limit, newestFirst: true).reversed()
    }

    /// Whether an undeploy has begun to take files away and not ended: the store goes last, and
    /// until then nobody else adds to it.
    public func isTakenAway() async throws(StoreError) -> Bool {
        try await newestEvents(1).last?.summary == EventRecord.removalBegan
    }
}

/// How much of the past is kept. What is older or beyond the number goes when something is added.
public struct Retention: Hashable, Sendable {
    public var events: Int
    public var ageMs: Int64
    /// Bytes of `EventRecord.output` that are kept: its end.
    public var outputBytes: Int

    public init(events: Int, ageMs: Int64, outputBytes: Int) {
        self.events = events
        self.ageMs = ageMs
        self.outputBytes = outputBytes
    }

    /// 100 000 events, a year, 64 KiB of each output.
    public static let standard = Retention(
        events: 100_000, ageMs: 365 * 86_400_000, outputBytes: 64 * 1_024)
}
