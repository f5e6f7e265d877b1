public import FailoverCore
public import Store

/// What `--watch` shows: the cluster now, and what has happened since the last update.
public struct SchedulerUpdate: Hashable, Codable, Sendable {
    public var view: ClusterView
    public var events: [EventRecord]

    public init(view: ClusterView, events: [EventRecord]) {
        self.view = view
        self.events = events
    }
}

/// How an operator's order goes on, from its taking to its end.
public enum OrderProgress: Hashable, Codable, Sendable {
    /// It is not carried out; nothing was changed.
    case refused(Refusal)
    /// What will be done, or would be in a dry run, a line for each step.
    case planned([String])
    case event(EventRecord)
    /// It is over: whether what was asked for was seen, in one sentence.
    case finished(isDone: Bool, summary: String)
}
