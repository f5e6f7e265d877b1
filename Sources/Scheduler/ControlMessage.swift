public import FailoverCore
public import Store

/// What a client of the socket asks: one JSON object on a line of its own.
public struct ControlRequest: Hashable, Codable, Sendable {
    public enum Kind: Hashable, Codable, Sendable {
        /// Answered by `.view`.
        case state
        /// The newest events, oldest of them first. Answered by `.events`.
        case events(limit: Int)
        /// Answered by one `.update` after the other, until the client hangs up.
        case watch
        /// Answered by `.progress` until it is refused, planned (in a dry run) or finished.
        case switchover(to: NodeID?, isDryRun: Bool)
        case rejoin(NodeID, isDryRun: Bool)
    }

    public static let currentVersion = 1

    public var version: Int
    public var request: Kind

    public init(_ request: Kind) {
        version = Self.currentVersion
        self.request = request
    }
}

/// What the scheduler answers, a line each.
public enum ControlReply: Hashable, Codable, Sendable {
    case view(ClusterView)
    case events([EventRecord])
    case update(SchedulerUpdate)
    case progress(OrderProgress)
    /// The request can't be answered; the words are for the operator.
    case failed(because: String, next: String)
}
