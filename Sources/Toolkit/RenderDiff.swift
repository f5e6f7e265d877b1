import ClusterFile
import Deployment
import FailoverCore
import Rendering

/// `toolkit render --diff`: what is rendered against what lies on the nodes, and what their servers
/// have read of it.
struct RenderDiff {
    let settings: ClusterSettings
    let renderer: Renderer
    let deployment: Deployment
    let nodes: [NodeSettings]
    let entries: [CatalogueEntry]

    /// One node as it is.
    struct Look: Sendable {
        var comparison = FileComparison()
        /// Nil: none answers.
        var server: LiveServer?
        /// Files that its server has not read since they were replaced.
        var unread: [String] = []
    }

    struct Found: Sendable {
        var cluster: String
        var node: NodeSettings
        var outcome: Result<Look, DeploymentError>
        /// What can't be rendered yet, by name, with the reason.
        var leftOut: [String: String] = [:]

        var look: Look { (try? outcome.get()) ?? Look() }
        var differences: [FileDifference] { look.comparison.differences }
    }

    /// Looks at all nodes at once, and keeps their order.
    func look() async throws -> [Found] {
        var outputs: [NodeID: Renderer.Output] = [:]
        for node in nodes { outputs[node.id] = try renderer.render(entries, for: node) }
        let rendered = outputs
        return await withTaskGroup(of: Found.self) { group in
            for node in nodes {
                group.addTask {
                    let output = rendered[node.id]
                    var found = Found(
                        cluster: settings.cluster, node: node, outcome: .success(Look()),
                        leftOut: output?.leftOut ?? [:])
                    do throws(DeploymentError) {
                        found.outcome = .success(try await look(at: node, output?.files ?? []))
                    } catch {
                        found.outcome = .failure(error)
                    }
                    return found
                }
            }
            var found: [NodeID: Found] = [:]
            for await next in group { found[next.node.id] = next }
            return nodes.compactMap { found[$0.id] }
        }
    }

    private func look(
        at node: NodeSettings, _ files: [RenderedFile]
    ) async throws(DeploymentError) -> Look {
        var look = Look()
        look.comparison = try await deployment.compare(files, on: node)
        guard let server = await deployment.liveServer(on: node) else { return look }
        look.server = server
        look.unread = try await deployment.unread(entries, by: server, on: node)
        return look
    }

    /// All that can't be asked, not the first alone.
    static func refuseFailures(_ found: [Found]) throws {
        let errors = found.compactMap { found in
            if case .failure(let error) = found.outcome { error } else { nil }
        }
        try refuse(errors)
    }

    static func refuse(_ errors: [DeploymentError]) throws {
        guard let first = errors.first else { return }
        guard errors.count > 1, let status = Failure(first)?.status else { throw first }
        throw Failure(status, text: errors.map(\.description).joined(separator: "\n"))
    }

    /// Ends with 2 where files differ; a node that can't be asked is a failure.
    static func report(_ found: [Found], named: [String], asJSON: Bool) throws {
        if asJSON {
            Console.say(json: RenderReport(found))
        } else {
            for difference in found.flatMap(\.differences) {
                Console.say(difference.text, end: "")
            }
        }
        noteLeftOut(found, named: named)
        try refuseFailures(found)
        if found.contains(where: { !$0.differences.isEmpty }) { throw ExitStatus.degraded }
        try refuseNothing(found)
        guard !asJSON else { return }
        let waiting = found.flatMap { Self.waiting($0.node, $0.look) }
        for line in waiting { Console.say(line) }
        Console.say(
            "the files on the nodes are as rendered"
                + (waiting.isEmpty ? "" : "; `toolkit render --apply` brings them into force"))
    }

    /// What lies there and is not in force.
    static func waiting(_ node: NodeSettings, _ look: Look) -> [String] {
        var lines: [String] = []
        if !look.unread.isEmpty {
            lines.append(
                "\(node.id): its server has not read \(look.unread.joined(separator: ", ")) "
                    + "since it was replaced")
        }
        let pending = look.server?.pendingRestart ?? []
        if !pending.isEmpty {
            lines.append(
                "\(node.id): waits for a restart to take over "
                    + pending.sorted().joined(separator: ", "))
        }
        return lines
    }

    /// Of an administrator's files, those that were asked for: seldom are all of them installed.
    private static func noteLeftOut(_ found: [Found], named: [String]) {
        var told: Set<String> = []
        for found in found {
            for (name, why) in found.leftOut.sorted(by: { $0.key < $1.key })
            where told.insert(name).inserted {
                Console.note("\(name) is left out: \(why)")
            }
            for (name, why) in found.look.comparison.skipped.sorted(by: { $0.key < $1.key })
            where named.contains(name) {
                Console.note("\(found.node.id): \(name) is not compared: \(why)")
            }
        }
    }

    static func refuseNothing(_ found: [Found]) throws {
        try refuseFailures(found)
        guard found.allSatisfy({ $0.look.comparison.count == 0 }) else { return }
        throw Failure(
            ExitStatus.failed, "nothing was compared",
            because: found.contains { !$0.leftOut.isEmpty || !$0.look.comparison.skipped.isEmpty }
                ? "what was asked for is not there, as said above"
                : "no node of these has such a file",
            next: "leave --only or --node out")
    }
}
