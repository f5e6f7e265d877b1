import ClusterFile
import Deployment
import FailoverCore
import Rendering
import Scheduler

/// `toolkit render --apply`: puts what differs on the nodes, lets PostgreSQL read it again, and
/// restarts what has to be, one node after the other.
///
/// A standby whose limits (`max_connections` and friends) are lower than its primary's stops
/// replaying. So a raised limit reaches the standbys first, and a lowered one the primary first:
/// the standbys keep their files until the primary has been restarted.
struct RenderApply {
    let settings: ClusterSettings
    let deployment: Deployment
    let found: [RenderDiff.Found]
    let isAgreed: Bool

    private enum Order { case standbysFirst, primaryFirst }

    func run() async throws {
        for found in found {
            if case .failure(let error) = found.outcome { throw error }
        }
        let changed = found.filter { !changes($0).isEmpty }
        guard !changed.isEmpty else {
            return Console.say("nothing to apply: the files on the nodes are as rendered")
        }
        for difference in changed.flatMap(changes) { Console.say(difference.text, end: "") }
        var servers: [NodeID: LiveServer] = [:]
        for node in settings.nodes { servers[node.id] = await deployment.liveServer(on: node) }
        let order = try await order(of: changed, servers)
        try agree("Put these files in place and reload?")

        let primary = servers.first { !$0.value.isInRecovery }?.key
        let isLast = { (found: RenderDiff.Found) in
            (found.node.id == primary) == (order == .standbysFirst)
        }
        for part in [changed.filter { !isLast($0) }, changed.filter(isLast)] {
            for found in part { try await put(found) }
            for found in part { try await restart(found.node, isPrimary: found.node.id == primary) }
        }
    }

    /// An administrator's files are shown by `--diff` and stay the administrator's.
    private func changes(_ found: RenderDiff.Found) -> [FileDifference] {
        found.differences.filter { $0.entry.installer == .deploy }
    }

    private func agree(_ question: String) throws {
        guard isAgreed || Console.confirms(question) else {
            throw Failure(
                ExitStatus.failed, "nothing more was changed", because: "nobody said yes",
                next: "say --yes, or answer y")
        }
    }

    // MARK: - Which way

    /// Tests each new postgresql.conf with the node's own PostgreSQL, and compares its limits with
    /// what runs. Nothing is in place yet when this refuses.
    private func order(
        of changed: [RenderDiff.Found], _ servers: [NodeID: LiveServer]
    ) async throws -> Order {
        var after = servers.mapValues(\.standbyLimits)
        for found in changed where servers[found.node.id] != nil {
            let file = changes(found).map(\.file).first { $0.name == "postgresql.conf" }
            guard let file else { continue }
            let values = try await deployment.values(
                of: LiveServer.limitNames, in: file, on: found.node)
            after[found.node.id]?.merge(values.compactMapValues { Int($0) }) { $1 }
        }
        let moved = servers.keys.flatMap { node in
            LiveServer.limitNames.map { name in
                (name, (after[node]?[name] ?? 0) - (servers[node]?.standbyLimits[name] ?? 0))
            }
        }
        let raised = Set(moved.filter { $0.1 > 0 }.map(\.0)).sorted().joined(separator: ", ")
        let lowered = Set(moved.filter { $0.1 < 0 }.map(\.0)).sorted().joined(separator: ", ")
        guard raised.isEmpty || lowered.isEmpty else {
            throw Failure(
                ExitStatus.refused, "cannot apply this in one go",
                because:
                    "\(raised) must reach the standbys first, and \(lowered) the primary first",
                next: "raise in one `render --apply`, lower in another")
        }
        try refuseLowerStandby(servers, after)
        return lowered.isEmpty ? .standbysFirst : .primaryFirst
    }

    /// With `--node`, or while a node is away, the others keep what they have.
    private func refuseLowerStandby(
        _ servers: [NodeID: LiveServer], _ after: [NodeID: [String: Int]]
    ) throws(Failure) {
        guard let primary = servers.first(where: { !$0.value.isInRecovery })?.key else { return }
        for standby in servers.keys where standby != primary {
            for name in LiveServer.limitNames {
                guard let wanted = after[primary]?[name], let has = after[standby]?[name],
                    has < wanted
                else { continue }
                throw Failure(
                    ExitStatus.refused, "cannot apply this",
                    because: "\(name) of \(standby) would be \(has), lower than \(wanted) on the "
                        + "primary \(primary), and it would stop replaying",
                    next: "leave --node out, so that both get it")
            }
        }
    }

    // MARK: - Doing it

    private func put(_ found: RenderDiff.Found) async throws {
        let node = found.node
        let files = changes(found).map(\.file)
        let isRead = try await deployment.replace(files, on: node)
        for file in files { Console.progress("\(node.id): wrote \(file.path)") }
        guard isRead else {
            return Console.progress("\(node.id): no server answers; it reads them at its start")
        }
        Console.progress("\(node.id): reloaded")
    }

    private func restart(_ node: NodeSettings, isPrimary: Bool) async throws {
        guard let pending = try await pending(on: node), !pending.isEmpty else { return }
        Console.say(
            "\(node.id)\(isPrimary ? ", the primary," : "") has to be restarted for "
                + pending.joined(separator: ", "))
        try agree("Restart PostgreSQL on \(node.id)?")
        if isPrimary {
            try await restartPrimary(node)
        } else {
            try await deployment.restart(node)
        }
        Console.progress("\(node.id): restarted")
        try await untilBack(node)
    }

    /// A reload takes effect a moment after it was asked for; nil: no server runs.
    private func pending(on node: NodeSettings) async throws -> [String]? {
        let deadline = ContinuousClock.now + .seconds(1)
        var last = await deployment.liveServer(on: node)?.pendingRestart
        while last == [], ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            last = await deployment.liveServer(on: node)?.pendingRestart
        }
        return last
    }

    /// The scheduler looks on meanwhile, and opens the node again afterwards: it started locked.
    private func restartPrimary(_ node: NodeSettings) async throws {
        guard try await SchedulerClient(settings).stateIfRunning() != nil else {
            throw Failure(
                ExitStatus.unreachable, "cannot restart the primary \(node.id)",
                because: "no scheduler runs, and nobody would open it again",
                next: "start `toolkit run`, then apply again")
        }
        try await Operation(settings: settings, command: .pause).run()
        do {
            try await deployment.restart(node)
        } catch {
            Console.note("decisions are paused: `toolkit resume` ends that")
            throw error
        }
        try await Operation(settings: settings, command: .resume).run()
    }

    /// The next node waits until this one serves its part again.
    private func untilBack(_ node: NodeSettings) async throws {
        let client = SchedulerClient(settings)
        guard try await client.stateIfRunning() != nil else { return }
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            let view = try await client.state()
            if view.isHealthy { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Failure(
            ExitStatus.unfinished, "the cluster is not whole after the restart of \(node.id)",
            because: "\(settings.cluster) was not healthy within two minutes",
            next: "look at `toolkit state`, then apply again: it goes on where it stopped")
    }
}
