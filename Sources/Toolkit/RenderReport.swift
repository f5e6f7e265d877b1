import ClusterFile
import Deployment
import FailoverCore
import Rendering

/// `--diff` and the plan of `--apply`, as JSON.
struct RenderReport: Encodable {
    struct File: Encodable {
        var name: String
        var path: String
        /// As it is printed: a unified diff, or one line.
        var difference: String
        /// Whether `--apply` replaces it: others are an administrator's.
        var isReplaced: Bool

        enum CodingKeys: String, CodingKey {
            case name, path, difference
            case isReplaced = "applied"
        }

        init(_ difference: FileDifference) {
            name = difference.file.name
            path = difference.file.path
            self.difference = difference.text
            isReplaced = difference.entry.installer == .deploy
        }
    }

    struct Node: Encodable {
        var cluster: String
        var node: String
        var files: [File]
        var unread: [String]
        var restart: [String]
        var isAnswering: Bool
        /// Why the node can't be asked.
        var error: String?

        enum CodingKeys: String, CodingKey {
            case cluster, node, files, error
            case unread = "files_not_read"
            case restart = "restart_for"
            case isAnswering = "server_answers"
        }
    }

    /// Whether files differ; absent: not known, for a node can't be asked.
    var isDifferent: Bool?
    /// In which order `--apply` goes; absent with `--diff`.
    var order: String?
    var nodes: [Node]

    enum CodingKeys: String, CodingKey {
        case isDifferent = "different"
        case order, nodes
    }

    init(_ found: [RenderDiff.Found]) {
        nodes = found.map { found in
            var error: String?
            if case .failure(let failure) = found.outcome { error = failure.description }
            return Node(
                cluster: found.cluster, node: found.node.id.rawValue,
                files: found.differences.map(File.init), unread: found.look.unread,
                restart: (found.look.server?.pendingRestart ?? []).sorted(),
                isAnswering: found.look.server != nil, error: error)
        }
        let differs = nodes.contains { !$0.files.isEmpty }
        isDifferent = !differs && nodes.contains { $0.error != nil } ? nil : differs
    }

    init(_ plan: RenderPlan) {
        nodes = plan.parts.map { part in
            Node(
                cluster: plan.settings.cluster, node: part.node.id.rawValue,
                files: part.look.comparison.differences.map(File.init), unread: part.look.unread,
                restart: part.restart, isAnswering: part.look.server != nil)
        }
        isDifferent = nodes.contains { !$0.files.isEmpty }
        order = plan.order.rawValue
    }
}
