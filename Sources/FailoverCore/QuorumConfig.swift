/// Who must have a commit before it is acknowledged: `ANY required (voters)`.
public struct QuorumConfig: Hashable, Codable, Sendable, CustomStringConvertible {
    /// k. Invariant: 0 ≤ required ≤ voters.count, or 1 of nobody; 0 means that the primary waits
    /// for nobody.
    public let required: Int
    /// S. Invariant: sorted, each once.
    public let voters: [NodeID]

    public init(required: Int, voters: some Sequence<NodeID>) {
        let sorted = Array(Set(voters)).sorted()
        precondition(
            (0...max(sorted.count, 1)).contains(required), "quorum \(required) of \(sorted)")
        self.required = required
        self.voters = sorted
    }

    /// (0, ∅): no commit waits for a copy, so no failover without loss can be proven.
    public static let none = QuorumConfig(required: 0, voters: [])

    /// (1, ∅): no standby is counted and commits wait until one is (`synchronous.alone: block`).
    /// It proves no more than `none`: what the configs before it acknowledged may be on the
    /// primary alone.
    public static let waiting = QuorumConfig(required: 1, voters: [])

    /// |S| − k + 1: so many sealed voters meet every set of k that has acknowledged a commit.
    /// Nil without voters: no number of seals proves anything.
    public var sealsNeeded: Int? {
        required == 0 || voters.isEmpty ? nil : voters.count - required + 1
    }

    public func adding(_ voter: NodeID) -> QuorumConfig {
        QuorumConfig(required: max(required, 1), voters: voters + [voter])
    }

    /// k falls only as far as it must. `alone` says what is left without the last voter.
    public func dropping(_ voter: NodeID, alone: Policy.Alone = .allow) -> QuorumConfig {
        let rest = voters.filter { $0 != voter }
        if rest.isEmpty, alone == .block { return .waiting }
        return QuorumConfig(required: min(required, rest.count), voters: rest)
    }

    /// The value of synchronous_standby_names; `name` gives a voter's current application_name.
    public func standbyNames(_ name: (NodeID) -> String) -> String {
        if required == 0 { return "" }
        let names = voters.isEmpty ? ["toolkit_nobody"] : voters.map(name)
        return "ANY \(required) (\(names.joined(separator: ", ")))"
    }

    public var description: String {
        if voters.isEmpty { return required == 0 ? "none" : "none (commits wait)" }
        return "ANY \(required) (\(voters.map(\.rawValue).joined(separator: ", ")))"
    }
}
