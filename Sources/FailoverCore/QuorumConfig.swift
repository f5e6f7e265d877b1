/// Who must have a commit before it is acknowledged: `ANY required (voters)`.
public struct QuorumConfig: Hashable, Codable, Sendable, CustomStringConvertible {
    /// k. Invariant: 0 ≤ required ≤ voters.count; 0 means that the primary waits for nobody.
    public let required: Int
    /// S. Invariant: sorted, each once.
    public let voters: [NodeID]

    public init(required: Int, voters: some Sequence<NodeID>) {
        let sorted = Array(Set(voters)).sorted()
        precondition((0...sorted.count).contains(required), "quorum \(required) of \(sorted)")
        self.required = required
        self.voters = sorted
    }

    /// (0, ∅): no commit waits for a copy, so no failover without loss can be proven.
    public static let none = QuorumConfig(required: 0, voters: [])

    /// |S| − k + 1: so many sealed voters meet every set of k that has acknowledged a commit.
    /// Nil for k = 0: no number of seals proves anything.
    public var sealsNeeded: Int? { required == 0 ? nil : voters.count - required + 1 }

    /// Lemma 1: whether these sealed nodes stop acknowledgements and hold every acknowledged one.
    public func isProven(bySealed sealed: Set<NodeID>) -> Bool {
        guard let sealsNeeded else { return false }
        return voters.count(where: sealed.contains) >= sealsNeeded
    }

    public func adding(_ voter: NodeID) -> QuorumConfig {
        QuorumConfig(required: max(required, 1), voters: voters + [voter])
    }

    /// k falls only as far as it must.
    public func dropping(_ voter: NodeID) -> QuorumConfig {
        let rest = voters.filter { $0 != voter }
        return QuorumConfig(required: min(required, rest.count), voters: rest)
    }

    /// The value of synchronous_standby_names; `name` gives a voter's current application_name.
    public func standbyNames(_ name: (NodeID) -> String) -> String {
        required == 0 ? "" : "ANY \(required) (\(voters.map(name).joined(separator: ", ")))"
    }

    public var description: String {
        required == 0
            ? "none" : "ANY \(required) (\(voters.map(\.rawValue).joined(separator: ", ")))"
    }
}
