/// Decides; never does. The same state, event and instant give the same decision everywhere.
///
/// A decision that changed `cluster` must be stored (compare-and-swap on the revision before it)
/// before its effects run; when that fails, the machine is thrown away and made anew from the
/// stored cluster.
public struct FailoverMachine: Hashable, Sendable {
    public private(set) var cluster: Cluster
    public let policy: Policy

    public init(cluster: Cluster, policy: Policy) {
        self.cluster = cluster
        self.policy = policy
    }

    /// Takes in one event and returns what must happen next. At most one rule fires: call again
    /// with `.tick` until it holds.
    public mutating func step(_ event: Event, at now: Instant) -> Decision {
        .hold(because: "")
    }

    /// Why an operator's command is refused; nil when `step(.ordered(command))` would act on it.
    public func refusal(of command: OperatorCommand, at now: Instant) -> Refusal? { nil }

    public func view(at now: Instant) -> ClusterView {
        ClusterView(
            name: cluster.name, phase: cluster.phase, term: cluster.term,
            revision: cluster.revision, primary: cluster.elect, configs: cluster.configs,
            floor: cluster.floor, timeline: TimelineID(1), waitingFor: "", alarms: [], nodes: [],
            isHealthy: false)
    }
}

/// Why a command is not carried out, and what to do instead.
public struct Refusal: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public var subject: String
    public var because: String
    public var next: String

    public init(_ subject: String, because: String, next: String) {
        self.subject = subject
        self.because = because
        self.next = next
    }

    public var description: String { "\(subject)\n  because \(because)\n  next: \(next)" }
}
