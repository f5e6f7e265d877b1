import FailoverCore

/// Standbys of standbys.
extension Rule {
    static let cascadeRules: [Rule] = [
        Rule(code: "nodes.upstream", reads: ["nodes[].name", "nodes[].upstream"]) { subject in
            let nodes = subject.settings.nodes
            return subject.nodes.compactMap { path, node in
                guard let upstream = node.upstream else { return nil }
                let others = nodes.filter { $0.id != node.id && $0.upstream == nil }
                    .map { "`\($0.id)`" }
                let hint =
                    others.isEmpty
                    ? "leave it out"
                    : "write one of \(others.joined(separator: ", ")), or leave it out"
                return because(node, upstream, nodes).map {
                    subject.violation("\(path).upstream", $0, hint)
                }
            }
        },
        Rule(
            code: "nodes.cascaded_voter", reads: ["nodes[].upstream", "nodes[].replication_quorum"]
        ) { subject in
            subject.nodes.filter { path, node in
                node.upstream != nil
                    && subject.reading.flag("\(path).replication_quorum") == true
            }.map { path, node in
                subject.violation(
                    "\(path).replication_quorum",
                    "`\(node.id)` follows a standby: the primary can't count it for commits",
                    "leave out `replication_quorum`, or `upstream`")
            }
        },
    ]

    private static func because(
        _ node: NodeSettings, _ upstream: NodeID, _ nodes: [NodeSettings]
    ) -> String? {
        if upstream == node.id { return "a node can't follow itself" }
        guard let other = nodes.first(where: { $0.id == upstream }) else {
            return "there is no node `\(upstream)`"
        }
        return other.upstream.map { "`\(upstream)` follows `\($0)` itself: a chain is refused" }
    }
}
