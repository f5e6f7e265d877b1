import ClusterFile
import Execution
public import FailoverCore
import Hooks
import Rendering

/// Takes back what `deploy` has made on the machines. Data stay where they are, unless they were
/// asked for. Everything here can be done again: what is gone is gone.
public struct Undeployment: Sendable {
    let deployment: Deployment
    /// Takes back what root has made, too; nil: that stays.
    let admin: AdminLogin?
    let removesData: Bool

    public init(_ deployment: Deployment, admin: AdminLogin?, removesData: Bool) {
        self.deployment = deployment
        self.admin = admin
        self.removesData = removesData
    }

    var settings: ClusterSettings { deployment.settings }

    public struct Plan: Hashable, Sendable {
        /// A line for each step; empty: nothing is left.
        public var steps: [DeployProgress] = []
        public var notes: [DeployProgress] = []
        /// Data that were asked for, and stay.
        public var kept: [DeployProgress] = []
    }

    /// Changes nothing. `isStored`: this machine's store knows the cluster.
    public func plan(isStored: Bool) async throws(DeploymentError) -> Plan {
        let looks = try await looks(isStored: isStored)
        var lines: [DeployProgress] = []
        if looks.contains(where: { $0.server != nil }) {
            for look in order(looks) where look.server != nil {
                lines.append(
                    DeployProgress(
                        node: look.node.id,
                        look.isStandby
                            ? "stop PostgreSQL"
                            : "end the sessions, drop the slots once the standbys have all WAL and "
                                + "are stopped, and stop PostgreSQL"))
            }
        }
        lines += looks.flatMap { look in
            look.report.parts.flatMap(\.lines).map { DeployProgress(node: look.node.id, $0) }
        }
        if let admin { lines += try await deployment.machinePlan(.remove, as: admin) }
        lines = lastOfEach(lines)
        func told(_ texts: KeyPath<MachineReport, [String]>) -> [DeployProgress] {
            looks.flatMap { look in
                look.report[keyPath: texts].map { DeployProgress(node: look.node.id, $0) }
            }
        }
        return Plan(steps: lines, notes: told(\.notes), kept: told(\.kept))
    }

    /// A folder or network that nodes of one machine share goes with the last of them.
    private func lastOfEach(_ lines: [DeployProgress]) -> [DeployProgress] {
        var told: Set<[String]> = []
        let kept = lines.reversed().filter { line in
            let isShared = ["+ rmdir ", "+ docker network rm "].contains(where: line.text.hasPrefix)
            guard isShared, let node = line.node.flatMap(settings.node) else { return true }
            return told.insert([node.sshHost, String(node.sshPort), line.text]).inserted
        }
        return kept.reversed()
    }

    /// Locks and stops all servers; no file is touched. `stamp` is of a revision that the store has;
    /// nil: no store knows the cluster.
    public func stop(
        under stamp: Stamp?, progress: @escaping @Sendable (DeployProgress) -> Void
    ) async throws(DeploymentError) {
        let looks = try await looks(isStored: stamp != nil)
        try await stop(looks, under: stamp, ChangeLog(progress))
    }

    /// Takes the files away, of nodes whose servers are stopped.
    public func remove(
        progress: @escaping @Sendable (DeployProgress) -> Void
    ) async throws(DeploymentError) {
        let log = ChangeLog(progress)
        _ = try await onEachNode { node throws(DeploymentError) in
            let report = try await remove(on: node, isDryRun: false)
            if let refusal = report.refusal {
                throw DeploymentError(
                    .node, "cannot take the files of \(node.id) away", because: refusal.because,
                    next: refusal.next)
            }
            for line in report.parts.flatMap(\.lines) { await log.add(node.id, line) }
            for note in report.notes { await log.tell(node.id, note) }
        }
        if let admin {
            // The scheduler's key goes last: until then all of this can be done again.
            _ = try await deployment.changeMachines(.remove, as: admin, progress: progress)
        }
    }

    // MARK: - Looking

    struct Look: Sendable {
        var node: NodeSettings
        var report: MachineReport
        /// Its process, while a server of ours runs.
        var server: Int?
        var isStandby: Bool
    }

    private func looks(isStored: Bool) async throws(DeploymentError) -> [Look] {
        let looks = try await onEachNode { node throws(DeploymentError) in
            let report = try await remove(on: node, isDryRun: true)
            if let refusal = report.refusal {
                throw DeploymentError(
                    .refused, "cannot take \(node.id) away; nothing was changed",
                    because: refusal.because, next: refusal.next)
            }
            let isStandby = report.server == nil ? false : try await isStandby(node)
            return Look(node: node, report: report, server: report.server, isStandby: isStandby)
        }
        // Another machine's scheduler may be looking after it at this moment.
        let alive = looks.first { ($0.report.stamp?.term ?? Term(0)) > Term(0) }
        guard !isStored, let look = alive else { return looks }
        throw DeploymentError(
            .storeMissing, "cannot take \(settings.cluster) away; nothing was changed",
            because: "\(look.node.id) belongs to a running cluster, and the store in "
                + "\(settings.scheduler.directory) knows nothing of it",
            next: "run this on the scheduler's machine, or restore its store there")
    }

    /// All at once; what fails on one node does not end the others.
    private func onEachNode<Value: Sendable>(
        _ body: @escaping @Sendable (NodeSettings) async throws(DeploymentError) -> Value
    ) async throws(DeploymentError) -> [Value] {
        let results = await withTaskGroup(of: (NodeID, Result<Value, DeploymentError>).self) {
            group in
            for node in settings.nodes {
                group.addTask {
                    do throws(DeploymentError) {
                        return (node.id, .success(try await body(node)))
                    } catch {
                        return (node.id, .failure(error))
                    }
                }
            }
            var results: [NodeID: Result<Value, DeploymentError>] = [:]
            for await (node, result) in group { results[node] = result }
            return results
        }
        var values: [Value] = []
        for node in settings.nodes {
            if let result = results[node.id] { values.append(try result.get()) }
        }
        return values
    }

    private func isStandby(_ node: NodeSettings) async throws(DeploymentError) -> Bool {
        try await deployment.query(
            ["SELECT pg_is_in_recovery()"], on: node, "ask \(node.id) for its role"
        ).hasPrefix("t")
    }

    /// As the owner of the data, so that nothing else can be hit.
    private func remove(
        on node: NodeSettings, isDryRun: Bool
    ) async throws(DeploymentError) -> MachineReport {
        let entry = Catalogue.entry(named: "tmpfiles.conf")
        let path = admin == nil ? entry?.path(on: node, in: settings) : nil
        var facts = MachineFacts(
            values: deployment.environment(of: node).sorted { $0.key < $1.key }
                .map { (name: $0.key, value: $0.value) } + [
                    ("TOOLKIT_REMOVE_DATA", removesData ? "1" : "0"),
                    ("TMPFILES_PATH", path ?? ""),
                ])
        var script = try deployment.script("unfinished") + deployment.script("remove")
        if node.docker != nil {
            let container = try deployment.script("container", in: "lib")
            facts.values += [
                ("TOOLKIT_CLUSTER", settings.cluster), ("TOOLKIT_NODE_NAME", node.id.rawValue),
                ("CONTAINER_SCRIPT", String(decoding: container, as: UTF8.self)),
            ]
            script = try deployment.script("remove-container") + script
        }
        let input = facts.script(.remove, part: "all", isDryRun: isDryRun, script)
        let result: CommandResult
        do throws(ExecutionError) {
            let runner = admin?.runner(node) ?? deployment.runner(node)
            let shell = admin?.shell(as: node.sshUser) ?? ["/bin/sh", "-s"]
            result = try await runner.run(
                Command(shell, standardInput: input, timeout: .seconds(600)))
        } catch {
            throw DeploymentError(error, on: node)
        }
        let report = MachineReport(output: result.output)
        guard report.refusal != nil || (result.isSuccess && report.isWhole) else {
            throw DeploymentError(
                .node, "cannot take the files of \(node.id) away", because: result.because,
                next: "mend it, then undeploy again: it goes on where it was")
        }
        return report
    }
}
