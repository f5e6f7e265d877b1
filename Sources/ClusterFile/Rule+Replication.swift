import FailoverCore

extension Rule {
    static let replicationRules: [Rule] = [
        Rule(
            code: "synchronous.too_few_voters",
            reads: [
                "synchronous.number_sync_standbys", "nodes", "nodes[].replication_quorum",
                "nodes[].upstream", "nodes[].priority",
            ], check: tooFewVoters),
        Rule(
            code: "failover.no_candidate", reads: ["failover.mode", "nodes", "nodes[].priority"]
        ) { subject in
            let nodes = subject.settings.nodes
            guard subject.settings.policy.mode == .automatic, !nodes.isEmpty,
                nodes.allSatisfy({ $0.priority == 0 })
            else { return [] }
            return [
                subject.violation(
                    "nodes[0].priority",
                    "all nodes have priority 0: none is ever promoted, and failover is automatic",
                    "give a node a priority of 1 to 100, or write `failover: { mode: manual }`")
            ]
        },
        Rule(
            code: "failover.needless_window",
            reads: [
                "failover.accept_split_brain_window", "synchronous.number_sync_standbys", "nodes",
            ]
        ) { subject in
            let policy = subject.settings.policy
            guard policy.acceptsSplitBrainWindow, policy.numberSyncStandbys > 0 else { return [] }
            return [
                subject.violation(
                    "failover.accept_split_brain_window",
                    "commits wait for \(policy.numberSyncStandbys): a failover needs no such window",
                    "leave it out, or write `synchronous: { number_sync_standbys: 0 }`")
            ]
        },
    ]

    /// With the worst primary: a node of the quorum is no voter while it is the primary.
    private static func fewestVoters(_ nodes: [NodeSettings]) -> (primary: NodeID, count: Int)? {
        let quorum = nodes.count(where: \.replicationQuorum)
        let electable = nodes.filter { $0.priority > 0 }
        return (electable.isEmpty ? nodes : electable)
            .map { ($0.id, quorum - ($0.replicationQuorum ? 1 : 0)) }
            .min { $0.1 < $1.1 }
    }

    @Sendable private static func tooFewVoters(_ subject: Subject) -> [Violation] {
        let k = subject.settings.policy.numberSyncStandbys
        guard let fewest = fewestVoters(subject.settings.nodes), k > fewest.count else { return [] }
        let excluded = subject.nodes.first { !$0.node.replicationQuorum }
        let blamed = subject.written(
            "synchronous.number_sync_standbys",
            excluded.map { path, node in
                "\(path)." + (node.upstream == nil ? "replication_quorum" : "upstream")
            } ?? "nodes")
        let left =
            switch fewest.count {
            case 0: "no standby is left"
            case 1: "only 1 standby is left"
            default: "only \(fewest.count) standbys are left"
            }
        return [
            subject.violation(
                blamed,
                "a commit waits for \(k), and when `\(fewest.primary)` is the primary \(left) "
                    + "to count",
                "write `number_sync_standbys: \(fewest.count)`, or add nodes to the quorum")
        ]
    }
}
