/// Everything that can be told to the core. What is large is `indirect`: an event is handed on, and
/// kept, as one reference.
public enum Event: Hashable, Sendable {
    case tick
    indirect case observed(NodeID, NodeObservation)
    case unreachable(NodeID, Unreachable)
    indirect case effectEnded(Effect.ID, Outcome)
    /// How a write of our own on the open primary ended: the disk of a primary that answers may
    /// hang all the same (D17).
    case canary(NodeID, Canary)
    case ordered(OperatorCommand)
}

/// What an operator asks for. It was checked by `FailoverMachine.refusal(of:)` before.
public enum OperatorCommand: Hashable, Sendable {
    /// Open `first`: initialised by us, locked, on this lineage.
    case bootstrap(first: NodeID)
    /// Move the primary; nil: the best secondary.
    case switchover(to: NodeID?)
    /// Bring a node back now, whatever its last attempt said.
    case rejoin(NodeID)
    /// Fail over now, whatever mode, grace and hysteresis say; the proofs stay.
    case failover(to: NodeID?)
    /// The operator accepts that acknowledged commits are lost.
    case failoverWithLoss(to: NodeID, oldPrimaryIsDown: Bool)
    /// Leave this node to the operator, out of the quorum; a primary is moved away first. Nil:
    /// until it is ended by an order.
    case maintenance(NodeID, untilWallMs: Int64?)
    case endMaintenance(NodeID)
    /// Nothing is done on any node until `resume`.
    case pause
    case resume
}

/// A write of our own, flushed locally: it waits for no standby.
public enum Canary: Hashable, Sendable {
    case written
    /// Not flushed within the probe's timeout; the words are the wait event, for the operator.
    case stalled(String)
}

/// What a step decided.
public enum Decision: Hashable, Sendable {
    /// Nothing to do; the sentence says what is waited for. `rule` holds it; nil: none applies.
    case hold(rule: RuleID?, because: String)
    /// `rule` fired. If `change` is not nil the machine's `cluster` was changed and must be stored
    /// before the effects run.
    case act(rule: RuleID, because: String, effects: [Effect], isStored: Bool)
}

/// A stable name of a rule, `section.name`; it stands in every event that the rule causes.
public struct RuleID: Hashable, Codable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String
    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    public var description: String { rawValue }
}
