import ClusterFile
import Execution
import FailoverCore
import Hooks
import Rendering

@testable import ToolkitTesting

/// Not the simulator's.
typealias NodeRequest = Hooks.NodeRequest

/// Hooks and node-apply, as the scheduler calls them.
extension DockerCluster {
    /// Two nodes that a scheduler has brought up and left alone: node1 opened, node2 its standby.
    static func withHooks(
        _ body: (_ cluster: DockerCluster, _ a: NodeSettings, _ b: NodeSettings) async throws ->
            Void
    ) async throws {
        try await with(.onHostNetwork(2)) { cluster in
            _ = try await cluster.toolkit("deploy")
            try await body(cluster, try cluster.node("node1"), try cluster.node("node2"))
        }
    }

    func run(
        _ hook: HookName, on node: NodeSettings, term: Int = 100, step: Int,
        primary: NodeSettings? = nil, switchLSN: LSN? = nil, extra: [String: String] = [:],
        home: String? = nil, settings: ClusterSettings? = nil
    ) async -> HookOutcome {
        let runner = home.map { ServerUserRunner(home: $0) } ?? runner
        let hooks = HookRunner(
            settings: settings ?? self.settings, sharedHooks: root + "/share/hooks",
            runner: { _ in runner },
            local: LocalRunner())
        return await hooks.run(
            HookCall(
                hook, on: node, term: term, step: step, primary: primary, switchLSN: switchLSN,
                extra: extra))
    }

    /// Locks a node and points it at its upstream; nil: at none.
    func point(
        _ node: NodeSettings, at upstream: NodeSettings?, term: Int = 100, step: Int,
        opening: NodeRequest.Opening = .removed
    ) async throws -> NodeApply.Outcome {
        await NodeApply(timeout: .seconds(20)).apply(
            try request(node, at: upstream, term: term, step: step, opening: opening), on: node,
            via: runner)
    }

    func request(
        _ node: NodeSettings, at upstream: NodeSettings?, term: Int, step: Int,
        opening: NodeRequest.Opening = .removed
    ) throws -> NodeRequest {
        let stamp = Stamp(term: Term(term), step: Revision(step))
        let upstream = upstream.map {
            NodeFiles.Upstream(
                $0, of: node, in: settings, applicationName: "\(node.id)_\(step)", slot: "")
        }
        return NodeRequest(
            stamp: stamp,
            nodeConf: try NodeFiles.nodeConf(
                stamp: stamp, upstream: upstream, postgresMajor: settings.postgresql.version),
            opening: opening)
    }

    func opening(term: Int = 100, step: Int) throws -> NodeRequest.Opening {
        .contents(try NodeFiles.openConf(names: "", term: Term(term), step: Revision(step)))
    }

    func inspect(_ node: NodeSettings) async throws -> InspectReport {
        try await InspectReport.of(node, via: runner, timeout: .seconds(20))
    }

    func isLocked(_ node: NodeSettings) async throws -> Bool {
        try await sql("SHOW default_transaction_read_only", on: node.id) == "on"
    }
}

extension NodeApply.Outcome {
    /// Whether it was done, and a running postmaster was told.
    var isReloaded: Bool {
        if case .applied(let applied) = self { applied.isReloaded } else { false }
    }
}

extension HookOutcome {
    var isDone: Bool { if case .done = self { true } else { false } }
    var results: [String: String] { if case .done(let results, _) = self { results } else { [:] } }
    var status: Int32? { if case .failed(let status, _) = self { status } else { nil } }
}
