import ClusterFile
import Deployment
import FailoverCore
import Rendering

/// `toolkit render --diff`: what is rendered against what lies on the nodes.
struct RenderDiff {
    let renderer: Renderer
    let deployment: Deployment
    let nodes: [NodeSettings]
    let entries: [CatalogueEntry]

    /// A node with what differs there.
    struct Found: Sendable {
        var node: NodeSettings
        var outcome: Result<[FileDifference], DeploymentError>

        var differences: [FileDifference] { (try? outcome.get()) ?? [] }
    }

    /// Looks at all nodes at once, and keeps their order.
    func look() async throws -> [Found] {
        var files: [NodeID: [RenderedFile]] = [:]
        for node in nodes { files[node.id] = try renderer.render(entries, for: node).files }
        let rendered = files
        return await withTaskGroup(of: Found.self) { group in
            for node in nodes {
                group.addTask {
                    do throws(DeploymentError) {
                        let found = try await deployment.differences(
                            of: rendered[node.id] ?? [], on: node)
                        return Found(node: node, outcome: .success(found))
                    } catch {
                        return Found(node: node, outcome: .failure(error))
                    }
                }
            }
            var found: [NodeID: Found] = [:]
            for await next in group { found[next.node.id] = next }
            return nodes.compactMap { found[$0.id] }
        }
    }

    /// Ends with 2 where files differ; a node that can't be asked is a failure.
    static func report(_ found: [Found]) throws {
        for difference in found.flatMap(\.differences) {
            Console.say(difference.text, end: "")
        }
        for found in found {
            if case .failure(let error) = found.outcome { throw error }
        }
        if found.contains(where: { !$0.differences.isEmpty }) { throw ExitStatus.degraded }
        Console.say("the files on the nodes are as rendered")
    }
}
