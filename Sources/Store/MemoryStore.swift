public import FailoverCore

/// A store that forgets everything with its process, for tests and dry runs. Faults can be put in.
public actor MemoryStore: ClusterStore {
    public enum Call: Hashable, Sendable, CaseIterable {
        case load
        case save
        case append
        case events
    }

    /// What happens to a call.
    public enum Fault: Hashable, Sendable {
        /// It fails and nothing was done.
        case before(StoreError)
        /// It is done, but the caller is told that it failed: a crash after the commit.
        case after(StoreError)
    }

    public private(set) var cluster: Cluster?
    public private(set) var story: [EventRecord] = []
    private var whileSaving: @Sendable () async -> Void = {}
    /// How often each call was made.
    public private(set) var calls: [Call: Int] = [:]
    private var nextID: Int64 = 1
    private var faults: [Call: [Fault]] = [:]
    private let retention: Retention

    public init(_ cluster: Cluster? = nil, retention: Retention = .standard) {
        self.cluster = cluster
        self.retention = retention
    }

    /// The next `times` of this call end so.
    public func fail(_ call: Call, _ fault: Fault, times: Int = 1) {
        faults[call, default: []] += Array(repeating: fault, count: times)
    }

    /// Within each save, before it is done, `body` runs.
    public func whileSaving(_ body: @escaping @Sendable () async -> Void) { whileSaving = body }

    public func load() async throws(StoreError) -> Cluster? {
        let fault = try begin(.load)
        try end(fault)
        return cluster
    }

    public func save(_ cluster: Cluster, events: [EventRecord], after revision: Revision?)
        async throws(StoreError)
    {
        await whileSaving()
        let fault = try begin(.save)
        guard self.cluster?.revision == revision, revision.map({ $0 < cluster.revision }) ?? true
        else {
            throw .movedOn(
                "memory", found: self.cluster?.revision.description ?? "none",
                wanted: revision?.description ?? "none")
        }
        self.cluster = cluster
        add(events)
        try end(fault)
    }

    public func append(_ events: [EventRecord]) async throws(StoreError) {
        let fault = try begin(.append)
        add(events)
        try end(fault)
    }

    public func events(after id: Int64?, limit: Int, newestFirst: Bool)
        async throws(StoreError) -> [EventRecord]
    {
        let fault = try begin(.events)
        try end(fault)
        let later = story.filter { ($0.id ?? 0) > (id ?? 0) }
        return Array((newestFirst ? later.reversed() : later).prefix(max(0, limit)))
    }

    private func begin(_ call: Call) throws(StoreError) -> Fault? {
        calls[call, default: 0] += 1
        guard let fault = faults[call]?.first else { return nil }
        faults[call]?.removeFirst()
        if case .before(let error) = fault { throw error }
        return fault
    }

    private func end(_ fault: Fault?) throws(StoreError) {
        if case .after(let error) = fault { throw error }
    }

    private func add(_ events: [EventRecord]) {
        for event in events {
            var event = event.storable(outputBytes: retention.outputBytes)
            event.id = nextID
            nextID += 1
            story.append(event)
        }
        guard let newest = story.last else { return }
        story.removeFirst(max(0, story.count - retention.events))
        let firstYoung = story.firstIndex { $0.wallMs >= newest.wallMs - retention.ageMs }
        story.removeFirst(firstYoung ?? 0)
    }
}
