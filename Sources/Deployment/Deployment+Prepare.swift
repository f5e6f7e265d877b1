import ClusterFile
import FailoverCore
import Rendering

extension Deployment {
    /// What `prepare` would do, a line for each step; changes nothing.
    public func plan(
        systemIdentifier: String? = nil
    ) async throws(DeploymentError) -> [DeployProgress] {
        try await work(systemIdentifier).steps
    }

    /// Checks all nodes, then puts everything in place on them and, unless the store knows the
    /// cluster (`systemIdentifier`), initialises the first one, locked. Refuses before anything is
    /// changed; what was changed before a failure is found in place by the next run. `whenChecked` runs
    /// beside the changes.
    public func prepare(
        systemIdentifier: String? = nil,
        progress: @escaping @Sendable (DeployProgress) -> Void = { _ in },
        whenChecked: @escaping @Sendable () async -> Void = {}
    ) async throws(DeploymentError) -> Prepared {
        let work = try await work(systemIdentifier)
        try await refuseUntaken(work.nodes)
        async let aside: Void = whenChecked()
        let log = ChangeLog(progress)
        for warning in work.warnings {
            if let node = warning.node {
                await log.tell(node, "\(warning.found); \(warning.next)")
            }
        }
        if !work.arePasswordsKept {
            try work.passwords.write(settings)
            await log.add(nil, "wrote \(Passwords.path(settings))")
        }
        guard let first = work.first else {
            try await place(work.nodes, log)
            return Prepared(changes: await log.changes, beginning: nil)
        }
        // Beside initdb, the others' files cost no time. Servers that run are not touched before all
        // files are in place.
        let others = work.nodes.filter { $0.node.id != first.node.id }
        if adopting != nil { try await place(work.nodes, log) }
        async let placing = placed(adopting == nil ? others : [], log)
        var beginning = try await begin(on: first, work.passwords, log)
        if let failure = await placing { throw failure }
        await aside
        if adopting != nil {
            for standby in work.nodes
            where standby.node.id != first.node.id && standby.survey.data == .pgdata {
                try await bringRoles(to: standby, from: first.node, log)
                beginning.adopted.append(standby.node.id)
            }
        }
        return Prepared(changes: await log.changes, beginning: beginning)
    }

    /// All that is missing, found before anything is changed.
    struct Work: Sendable {
        var passwords: Passwords
        var arePasswordsKept: Bool
        var nodes: [NodeWork]
        /// The node that begins the cluster; nil when the store knows the cluster.
        var first: NodeWork?
        /// What a running server that is adopted will do otherwise at its next start.
        var warnings: [CheckResult]

        var steps: [DeployProgress] {
            var steps = nodes.filter { !$0.isNothing }.flatMap(\.steps)
            if !arePasswordsKept {
                steps.insert(DeployProgress(node: nil, "generate the roles' passwords"), at: 0)
            }
            if let first {
                if first.survey.dataIsEmpty {
                    steps.append(
                        DeployProgress(
                            node: first.node.id, "initdb in \(first.node.dataDirectory)"))
                }
                steps.append(
                    DeployProgress(
                        node: first.node.id,
                        first.survey.runsOnItsOwn
                            ? "make the roles, and have it read our configuration, opened, while "
                                + "it runs"
                            : "start it, locked, and make the roles"))
            }
            return steps
                + warnings.map { DeployProgress(node: $0.node, "\($0.found); \($0.next)") }
        }
    }

    func work(_ systemIdentifier: String?) async throws(DeploymentError) -> Work {
        // Beside what is rendered; the survey says what went wrong.
        async let logins: Void = logIn()
        let (passwords, isKept) = try Passwords.kept(
            settings, rolesExist: systemIdentifier != nil)
        var files: [NodeID: [DesiredFile]] = [:]
        for node in settings.nodes { files[node.id] = try self.files(for: node, passwords) }
        let asked = files.mapValues { $0.map(\.path) }
        await logins
        let surveys = try await surveys { node in
            // The last one tells whether node-apply has been at work.
            (asked[node.id] ?? []) + [NodeFiles.nodePath(of: node)]
        }
        let adoption = adopting.map { adoptionChecks($0, surveys, files) } ?? []
        // Faulty files are what the next ones may repair.
        let checks = results(of: surveys, systemIdentifier).filter { $0.name != "configuration" }
        try refuse(checks + adoption)
        let nodes = surveys.compactMap { found in
            found.survey.map {
                work(on: found.node, $0, files: files[found.node.id] ?? [])
            }
        }
        if !isKept { try await refuseForeignRoles(nodes) }
        return Work(
            passwords: passwords, arePasswordsKept: isKept, nodes: nodes,
            first: systemIdentifier == nil ? try first(of: nodes) : nil,
            warnings: adoption.filter { $0.status == .warning })
    }

    /// Whoever uses a role of these names now would be shut out by its new password.
    private func refuseForeignRoles(_ nodes: [NodeWork]) async throws(DeploymentError) {
        guard let work = nodes.first(where: { $0.node.id == adopting }), work.survey.runsOnItsOwn
        else { return }
        let found = try await query(
            ["SELECT rolname FROM pg_roles WHERE rolname IN (\(try roleLiterals))"], on: work.node,
            "look for roles on \(work.node.id)")
        guard found.isEmpty else {
            let roles = found.split(separator: "\n").joined(separator: ", ")
            throw DeploymentError(
                .refused, "cannot adopt \(work.node.id); nothing was changed",
                because: "it has roles of these names: \(roles), and they would get new passwords",
                next: "name others as postgresql.role and postgresql.replication_role")
        }
    }

    private func refuse(_ results: [CheckResult]) throws(DeploymentError) {
        let failures = results.filter { $0.status == .failed }
        guard let worst = failures.first else { return }
        let others = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
        throw DeploymentError(
            .refused,
            "cannot deploy \(settings.cluster): the check \(worst.name)"
                + "\(worst.node.map { " of \($0)" } ?? "") failed; nothing was changed",
            because: worst.found + others, next: worst.next, failures: failures)
    }

    /// The node to initialise, or the one whose initialisation goes on.
    private func first(of nodes: [NodeWork]) throws(DeploymentError) -> NodeWork? {
        let filled = nodes.filter { !$0.survey.dataIsEmpty }
        if let adopting { return try adopted(adopting, of: filled) }
        guard let begun = filled.first else {
            return nodes.first { $0.node.id == firstNode?.id }
        }
        // A term above 0 was given by a scheduler, whose store must know the cluster.
        guard filled.count == 1, begun.survey.stamp?.term == Term(0) else {
            throw storeMissing(filled)
        }
        return begun
    }

    func storeMissing(_ filled: [NodeWork]) -> DeploymentError {
        let names = filled.map(\.node.id.rawValue).joined(separator: ", ")
        return DeploymentError(
            .storeMissing, "cannot deploy \(settings.cluster)",
            because: "\(names) hold data of a running cluster, and the store in "
                + "\(settings.scheduler.directory) knows nothing of it",
            next: "run this on the scheduler's machine, or restore its store there")
    }
}

/// What was done so far, told as it happens.
actor ChangeLog {
    private(set) var changes: [DeployProgress] = []
    private let progress: @Sendable (DeployProgress) -> Void

    init(_ progress: @escaping @Sendable (DeployProgress) -> Void) { self.progress = progress }

    func add(_ node: NodeID?, _ text: String) {
        let change = DeployProgress(node: node, text)
        changes.append(change)
        progress(change)
    }

    /// What is no change: that something was begun.
    func tell(_ node: NodeID, _ text: String) { progress(DeployProgress(node: node, text)) }
}
