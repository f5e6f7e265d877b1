import ClusterFile
import Deployment
import FailoverCore
import Rendering
import Scheduler

/// What `toolkit render --apply` has to do, found out before anything is changed: files that differ,
/// files that a server has not read, and settings that wait for a restart. So it goes on wherever an
/// earlier one stopped.
struct RenderPlan: Sendable {
    /// A standby whose limits (`max_connections` and friends) are lower than its primary's stops
    /// replaying. So a raised limit reaches the standbys first, and a lowered one the primary first.
    enum Order: String, Sendable {
        case standbysFirst = "standbys_first"
        case primaryFirst = "primary_first"
    }

    /// One node's part.
    struct Part: Sendable {
        var node: NodeSettings
        var look: RenderDiff.Look
        /// Settings that only a start takes over, and that do not run as they will stand in the files.
        var restart: [String] = []
        /// The limits that it will have.
        var limits: [String: Int] = [:]

        /// An administrator's files are shown by `--diff` and stay the administrator's.
        var changes: [FileDifference] {
            look.comparison.differences.filter { $0.entry.installer == .deploy }
        }

        var isNothing: Bool { changes.isEmpty && look.unread.isEmpty && restart.isEmpty }
    }

    let settings: ClusterSettings
    let parts: [Part]
    /// The limits of nodes that are left alone.
    let otherLimits: [NodeID: [String: Int]]
    let primary: NodeID?
    /// Without postgresql.conf among the files, nothing is restarted.
    let mayRestart: Bool
    private(set) var order = Order.standbysFirst

    /// Tests each new postgresql.conf with the node's own PostgreSQL, whether its server runs or not.
    init(
        _ settings: ClusterSettings, _ deployment: Deployment, _ found: [RenderDiff.Found],
        entries: [CatalogueEntry]
    ) async throws {
        try RenderDiff.refuseFailures(found)
        self.settings = settings
        mayRestart = entries.contains { $0.name == "postgresql.conf" }
        parts = try await Self.parts(found, deployment, mayRestart: mayRestart)
        var servers: [NodeID: LiveServer] = [:]
        var otherLimits: [NodeID: [String: Int]] = [:]
        for part in parts { servers[part.node.id] = part.look.server }
        for node in settings.nodes where !found.contains(where: { $0.node.id == node.id }) {
            servers[node.id] = await deployment.liveServer(on: node)
            // What is stopped starts with what its file says.
            otherLimits[node.id] =
                if let server = servers[node.id] {
                    server.standbyLimits
                } else {
                    (try? await deployment.values(of: LiveServer.limitNames, on: node))?
                        .compactMapValues { Int($0) }
                }
        }
        self.otherLimits = otherLimits
        primary = settings.nodes.first { servers[$0.id]?.isInRecovery == false }?.id
        order = try Self.order(parts)
        try refuseLowerStandby()
    }

    var isNothing: Bool { parts.allSatisfy(\.isNothing) }

    /// Who comes first, and who after them.
    var stages: [[Part]] {
        let changed = parts.filter { !$0.isNothing }
        let isLast = { (part: Part) in (part.node.id == primary) == (order == .standbysFirst) }
        return [changed.filter { !isLast($0) }, changed.filter(isLast)]
    }

    /// What is not said by the diffs.
    var lines: [String] {
        stages.flatMap(\.self).flatMap { part in
            let unread = part.look.unread.joined(separator: ", ")
            let restart = part.restart.joined(separator: ", ")
            return
                (unread.isEmpty
                ? [] : ["\(part.node.id): its server has not read \(unread): reload it"])
                + (restart.isEmpty ? [] : ["\(part.node.id): restart it for \(restart)"])
        }
    }

    // MARK: - Each node

    private static func parts(
        _ found: [RenderDiff.Found], _ deployment: Deployment, mayRestart: Bool
    ) async throws -> [Part] {
        let results = await withTaskGroup(of: (NodeID, Result<Part, DeploymentError>).self) {
            group in
            for found in found {
                group.addTask {
                    do throws(DeploymentError) {
                        return (
                            found.node.id,
                            .success(try await part(found, deployment, mayRestart: mayRestart))
                        )
                    } catch {
                        return (found.node.id, .failure(error))
                    }
                }
            }
            var results: [NodeID: Result<Part, DeploymentError>] = [:]
            for await (id, result) in group { results[id] = result }
            return results
        }
        try RenderDiff.refuse(
            found.compactMap { found in
                if case .failure(let error) = results[found.node.id] { error } else { nil }
            })
        return try found.compactMap { try results[$0.node.id]?.get() }
    }

    private static func part(
        _ found: RenderDiff.Found, _ deployment: Deployment, mayRestart: Bool
    ) async throws(DeploymentError) -> Part {
        var part = Part(node: found.node, look: found.look)
        let server = found.look.server
        let new = part.changes.first { $0.file.name == "postgresql.conf" }
        let names = LiveServer.limitNames
        guard let new else {
            // As it lies there: what runs may not be what the next start brings.
            let waiting = Set((server?.pendingRestart ?? []) + (server?.startSettingsInFiles ?? []))
            if mayRestart { part.restart = waiting.sorted() }
            if let server, waiting.isDisjoint(with: names) {
                part.limits = server.standbyLimits
            } else if let values = try? await deployment.values(of: names, on: found.node) {
                part.limits = values.compactMapValues { Int($0) }
            }
            return part
        }
        let running = server?.startSettings ?? [:]
        let touched = Set(new.settings).intersection(running.keys)
        let values = try await deployment.values(
            of: names + touched.subtracting(names).sorted(), in: new.file, on: found.node)
        part.limits = values.compactMapValues { Int($0) }
        let waiting = Set(server?.pendingRestart ?? []).subtracting(touched)
        let moved = touched.filter { name in
            // -1 lets PostgreSQL choose: it says what it has chosen only while it runs.
            values[name] != running[name] && values[name] != "-1"
        }
        if mayRestart { part.restart = waiting.union(moved).sorted() }
        return part
    }

    // MARK: - Which way

    private static func order(_ parts: [Part]) throws(Failure) -> Order {
        let moved = parts.flatMap { part in
            LiveServer.limitNames.compactMap { name -> (String, Int)? in
                guard let will = part.limits[name], let has = part.look.server?.standbyLimits[name]
                else { return nil }
                return (name, will - has)
            }
        }
        let raised = Set(moved.filter { $0.1 > 0 }.map(\.0)).sorted().joined(separator: ", ")
        let lowered = Set(moved.filter { $0.1 < 0 }.map(\.0)).sorted().joined(separator: ", ")
        guard raised.isEmpty || lowered.isEmpty else {
            throw Failure(
                ExitStatus.refused, "cannot apply this in one go; nothing was changed",
                because:
                    "\(raised) must reach the standbys first, and \(lowered) the primary first",
                next: "raise in one `render --apply`, lower in another")
        }
        return lowered.isEmpty ? .standbysFirst : .primaryFirst
    }

    /// With `--node`, or while a node is away, the others keep what they have.
    private func refuseLowerStandby() throws(Failure) {
        var limits = otherLimits
        for part in parts { limits[part.node.id] = part.limits }
        guard !isNothing, let primary, let wanted = limits[primary] else { return }
        for standby in settings.nodes.map(\.id) where standby != primary {
            for name in LiveServer.limitNames {
                guard let wanted = wanted[name], let has = limits[standby]?[name], has < wanted
                else { continue }
                throw Failure(
                    ExitStatus.refused, "cannot apply this; nothing was changed",
                    because: "\(name) of \(standby) would be \(has), lower than \(wanted) on the "
                        + "primary \(primary), and it would stop replaying",
                    next: otherLimits.isEmpty
                        ? "give both the same, in cluster.yaml or the template"
                        : "leave --node out, so that both get it")
            }
        }
    }

    /// Before anything is changed: restarts that would leave the cluster half done.
    func refuseRestarts(_ view: ClusterView?) throws(Failure) {
        for part in parts where !part.restart.isEmpty {
            try Self.refuseRestart(
                of: part.node.id, for: part.restart, isPrimary: part.node.id == primary, view,
                "; nothing was changed")
        }
    }

    /// A restart starts a node locked, and only a scheduler that decides opens a primary again, and
    /// counts a standby. Nil for a view: none runs.
    static func refuseRestart(
        of node: NodeID, for settings: [String], isPrimary: Bool, _ view: ClusterView?,
        _ changed: String = ""
    ) throws(Failure) {
        let subject = "cannot restart \(isPrimary ? "the primary " : "")\(node)\(changed)"
        let need = "it is needed for \(settings.joined(separator: ", "))"
        guard let view else {
            guard isPrimary else { return }
            throw Failure(
                ExitStatus.unreachable, subject,
                because: "\(need), no scheduler runs, and nobody would open it again",
                next: "start `toolkit run`, then apply again")
        }
        guard view.pausedSinceWallMs == nil else {
            throw Failure(
                ExitStatus.refused, subject,
                because:
                    "\(need), and decisions are paused: nobody would \(isPrimary ? "open" : "count") "
                    + "it again",
                next: "say `toolkit resume`, then apply again")
        }
    }
}

extension FileDifference {
    /// The settings of a postgresql.conf whose lines differ.
    fileprivate var settings: [String] {
        text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("+") || line.hasPrefix("-") else { return nil }
            let name = line.dropFirst().drop { $0 == " " }.prefix { character in
                character.isLetter || character.isNumber || character == "_" || character == "."
            }
            return name.isEmpty ? nil : name.lowercased()
        }
    }
}
