/// What is decided and what is configured, with all that follows from the two alone: worked out at
/// each change, not at each step. A reference, for it never changes.
final class Premises: Hashable, Sendable {
    let cluster: Cluster
    let policy: Policy
    /// Those that are asked in this phase, in their order.
    let rules: [Rule]
    /// All members.
    let ids: [NodeID]
    /// application_name of each member, in the members' order.
    private let applicationNames: [String]
    /// Those of the members that should stream from the elect as they are; nil for the others.
    private let attachments: [String?]
    /// What synchronous_standby_names may read on the open primary.
    let legalStandbyNames: [String]
    /// Every node but the last primary, without those that are left to the operator.
    let standbys: [Member]
    /// The same, by their places in `ids`.
    let standbyIndices: [Int]
    /// Standbys that no config counts.
    let uncountedStandbys: [Member]
    /// Members that the rules leave to the operator, in maintenance or in a pause.
    let membersLeftAlone: [Member]
    /// Members that an operator has, or is to have.
    let membersInMaintenance: [Member]
    /// Members with work in progress.
    let membersAtWork: [Member]
    /// The voters of each config, by their places in `ids`.
    let voters: [[Int]]
    /// What the file or the operator has against a voter of the last config; nil: nothing.
    private let reasonsToDrop: [String?]
    /// Whether the cluster's work is in progress.
    let hasIntent: Bool

    init(_ cluster: Cluster, _ policy: Policy) {
        self.cluster = cluster
        self.policy = policy
        rules = Rulebook.rules(in: cluster.phase)
        ids = cluster.members.map(\.id)
        applicationNames = ids.map(cluster.applicationName)
        // Whom a cascaded standby is to follow depends on what is seen.
        attachments = cluster.members.map { member in
            let isPlaced = member.work == nil && member.upstream == cluster.elect
            let isCascaded = policy.node(member.id)?.upstream != nil
            return isPlaced && !isCascaded && cluster.isProvenOnTip(member)
                ? cluster.applicationName(member.id) : nil
        }
        legalStandbyNames = cluster.configs.map(cluster.standbyNames)
        standbyIndices = cluster.members.indices.filter { index in
            let member = cluster.members[index]
            return member.id != cluster.lastPrimary && !member.isLeftAlone
        }
        standbys = standbyIndices.map { cluster.members[$0] }
        uncountedStandbys = standbys.filter { standby in
            !cluster.configs.contains { $0.voters.contains(standby.id) }
        }
        let isPaused = cluster.pausedSinceWallMs != nil
        membersLeftAlone = cluster.members.filter { isPaused || $0.isLeftAlone }
        membersInMaintenance = cluster.members.filter { $0.maintenance != nil }
        voters = cluster.configs.map { config in
            config.voters.compactMap { voter in cluster.members.firstIndex { $0.id == voter } }
        }
        reasonsToDrop = cluster.members.map { Self.reasonToDrop($0, policy) }
        membersAtWork = cluster.members.filter { $0.work != nil }
        hasIntent = cluster.intent != nil
    }

    private static func reasonToDrop(_ voter: Member, _ policy: Policy) -> String? {
        guard let node = policy.node(voter.id) else {
            return "\(voter.id) is not in cluster.yaml any more"
        }
        if !node.replicationQuorum { return "replication_quorum of \(voter.id) is false" }
        return voter.maintenance == nil ? nil : "\(voter.id) goes into maintenance"
    }

    func member(_ id: NodeID) -> Member? {
        ids.firstIndex(of: id).map { cluster.members[$0] }
    }

    func applicationName(_ id: NodeID) -> String {
        guard let index = ids.firstIndex(of: id) else { return cluster.applicationName(id) }
        return applicationNames[index]
    }

    // By a member's place in `ids`.
    func applicationName(at index: Int) -> String { applicationNames[index] }
    func attachment(at index: Int) -> String? { attachments[index] }
    func reasonToDrop(at index: Int) -> String? { reasonsToDrop[index] }

    static func == (one: Premises, other: Premises) -> Bool {
        one === other || one.cluster == other.cluster && one.policy == other.policy
    }

    func hash(into hasher: inout Hasher) { hasher.combine(cluster) }
}
