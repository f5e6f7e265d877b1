import ClusterFile
import Deployment
import FailoverCore
import Rendering
import Scheduler

/// `toolkit render --apply`: puts what differs on the nodes, lets PostgreSQL read it again, and
/// restarts what has to be, one node after the other.
struct RenderApply {
    let deployment: Deployment
    let plan: RenderPlan
    let consent: Consent
    /// The plan is told as JSON, and nothing else on standard output.
    let isJSON: Bool
    private var hasChanged = false
    private var settings: ClusterSettings { plan.settings }

    init(deployment: Deployment, plan: RenderPlan, consent: Consent, isJSON: Bool) {
        self.deployment = deployment
        self.plan = plan
        self.consent = consent
        self.isJSON = isJSON
    }

    mutating func run() async throws {
        if isJSON { Console.say(json: RenderReport(plan)) }
        guard !plan.isNothing else { return sayNothing() }
        for difference in plan.parts.flatMap(\.changes) { say(difference.text, end: "") }
        for line in plan.lines { say(line) }
        try plan.refuseRestarts(try await SchedulerClient(settings).stateIfRunning())
        guard !consent.dryRun else { return }
        try agree(
            plan.parts.contains { !$0.changes.isEmpty }
                ? "Put these files in place and reload?" : "Go on?")
        for stage in plan.stages {
            for part in stage { try await put(part) }
            for part in stage where part.look.server != nil { try await restart(part) }
        }
    }

    private func say(_ text: String, end: String = "\n") {
        if !isJSON { Console.say(text, end: end) }
    }

    private func sayNothing() {
        let left = plan.parts.flatMap { part in
            part.look.comparison.differences.map { "\(part.node.id):\($0.file.path)" }
        }
        let silent = plan.parts.filter { $0.look.server == nil }.map(\.node.id.rawValue)
        if !silent.isEmpty {
            say(
                "no server answers on \(silent.joined(separator: ", ")): "
                    + "what waits there for a reload or a restart is not known")
        }
        say(
            left.isEmpty
                ? "nothing to apply: the files on the nodes are as rendered"
                : "nothing to apply: only your own installations differ, and stay yours: "
                    + left.joined(separator: ", "))
    }

    private func agree(_ question: String) throws(Failure) {
        guard !consent.yes else { return }
        let subject =
            hasChanged
            ? "nothing more was changed; apply again, and it goes on from here"
            : "nothing was changed"
        guard Console.canAsk else {
            throw Failure(
                ExitStatus.failed, subject,
                because: "standard input is no terminal, and nobody can be asked: \(question)",
                next: "say --yes")
        }
        guard Console.confirms(question) else {
            throw Failure(
                ExitStatus.failed, subject, because: "the answer to '\(question)' was not y",
                next: "apply again, and answer y or say --yes")
        }
    }

    // MARK: - Files

    private mutating func put(_ part: RenderPlan.Part) async throws {
        let node = part.node
        let files = part.changes.map(\.file)
        guard !files.isEmpty || !part.look.unread.isEmpty else { return }
        hasChanged = true
        if files.isEmpty {
            let faults = try await deployment.fileFaults(of: node)
            guard faults.isEmpty else {
                throw Failure(
                    ExitStatus.failed, "PostgreSQL on \(node.id) would not read its files",
                    because: faults.prefix(3).joined(separator: "; "),
                    next: "correct cluster.yaml or the template, and apply again")
            }
            try await deployment.reload(node)
        } else {
            let isRead = try await deployment.replace(files, on: node)
            for file in files { Console.progress("\(node.id): wrote \(file.path)") }
            guard isRead else { return progressWithoutServer(node) }
        }
        try await untilRead(node)
    }

    private func progressWithoutServer(_ node: NodeSettings) {
        Console.progress(
            "\(node.id): no server answers; it reads them at its start, or when you apply again")
    }

    /// A reload takes effect a moment after it was asked for.
    private func untilRead(_ node: NodeSettings) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        repeat {
            guard let server = await deployment.liveServer(on: node) else {
                return progressWithoutServer(node)
            }
            if try await deployment.unread(by: server, on: node).isEmpty {
                return Console.progress("\(node.id): reloaded")
            }
            try await Task.sleep(for: .milliseconds(50))
        } while ContinuousClock.now < deadline
        throw Failure(
            ExitStatus.unfinished, "PostgreSQL on \(node.id) has not read its files again",
            because: "it was told to, and had not done so 10 s later",
            next: "look into its log, then apply again: it goes on from here")
    }

    // MARK: - Restarts

    private mutating func restart(_ part: RenderPlan.Part) async throws {
        let node = part.node
        let isPrimary = node.id == plan.primary
        guard plan.mayRestart, let server = await deployment.liveServer(on: node),
            !server.pendingRestart.isEmpty
        else { return }
        say(
            "\(node.id)\(isPrimary ? ", the primary," : "") has to be restarted for "
                + server.pendingRestart.sorted().joined(separator: ", "))
        try agree("Restart PostgreSQL on \(node.id)?")
        let wasStreaming = await deployment.isStreaming(node)
        if isPrimary {
            try await restartPrimary(node, for: server.pendingRestart)
        } else {
            hasChanged = true
            try await deployment.restart(node)
        }
        Console.progress("\(node.id): restarted")
        try await untilBack(node, streams: wasStreaming)
    }

    /// The scheduler looks on meanwhile, and opens the node again afterwards: it started locked.
    private mutating func restartPrimary(
        _ node: NodeSettings, for names: [String]
    ) async throws {
        try RenderPlan.refuseRestart(
            of: node.id, for: names, isPrimary: true,
            try await SchedulerClient(settings).stateIfRunning())
        hasChanged = true
        Console.progress("decisions are paused while \(node.id) restarts")
        try await Operation(settings: settings, command: .pause, isQuiet: true).run()
        do {
            try await deployment.restart(node)
        } catch {
            Console.note("decisions are paused: `toolkit resume` ends that")
            throw error
        }
        try await Operation(settings: settings, command: .resume, isQuiet: true).run()
    }

    /// The next node waits until this one serves its part again.
    private func untilBack(_ node: NodeSettings, streams: Bool) async throws {
        let client = SchedulerClient(settings)
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            if let view = try await client.stateIfRunning() {
                if view.isHealthy { return }
            } else if await deployment.liveServer(on: node) != nil {
                // Nobody counts it, but its primary waits for it.
                let isStreaming = await deployment.isStreaming(node)
                if isStreaming || !streams { return }
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Failure(
            ExitStatus.unfinished, "the cluster is not whole after the restart of \(node.id)",
            because: "\(settings.cluster) was not healthy within two minutes",
            next: "look at `toolkit state`, then apply again: it goes on where it stopped")
    }
}
