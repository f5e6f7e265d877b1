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
        case failover(to: NodeID?, isDryRun: Bool)
        case failoverWithLoss(to: NodeID, oldPrimaryIsDown: Bool, isDryRun: Bool)
        case maintenance(NodeID, untilWallMs: Int64?, isDryRun: Bool)
        case endMaintenance(NodeID, isDryRun: Bool)
        case pause(isDryRun: Bool)
        case resume(isDryRun: Bool)
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

extension ControlRequest.Kind {
    /// Nil for the one order that a running scheduler does not take.
    init?(_ command: OperatorCommand, isDryRun: Bool) {
        switch command {
        case .bootstrap: return nil
        case .switchover(let node): self = .switchover(to: node, isDryRun: isDryRun)
        case .rejoin(let node): self = .rejoin(node, isDryRun: isDryRun)
        case .failover(let node): self = .failover(to: node, isDryRun: isDryRun)
        case .failoverWithLoss(let node, let isDown):
            self = .failoverWithLoss(to: node, oldPrimaryIsDown: isDown, isDryRun: isDryRun)
        case .maintenance(let node, let until):
            self = .maintenance(node, untilWallMs: until, isDryRun: isDryRun)
        case .endMaintenance(let node): self = .endMaintenance(node, isDryRun: isDryRun)
        case .pause: self = .pause(isDryRun: isDryRun)
        case .resume: self = .resume(isDryRun: isDryRun)
        }
    }

    /// Nil for what is no order.
    var order: (command: OperatorCommand, isDryRun: Bool)? {
        switch self {
        case .state, .events, .watch: nil
        case .switchover(let node, let isDryRun): (.switchover(to: node), isDryRun)
        case .rejoin(let node, let isDryRun): (.rejoin(node), isDryRun)
        case .failover(let node, let isDryRun): (.failover(to: node), isDryRun)
        case .failoverWithLoss(let node, let isDown, let isDryRun):
            (.failoverWithLoss(to: node, oldPrimaryIsDown: isDown), isDryRun)
        case .maintenance(let node, let until, let isDryRun):
            (.maintenance(node, untilWallMs: until), isDryRun)
        case .endMaintenance(let node, let isDryRun): (.endMaintenance(node), isDryRun)
        case .pause(let isDryRun): (.pause, isDryRun)
        case .resume(let isDryRun): (.resume, isDryRun)
        }
    }
}
