import ArgumentParser
import ClusterFile
import Deployment
import FailoverCore
import Scheduler
import Store

struct Deploy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the cluster up on its machines.",
        discussion: """
            Checks all nodes first and refuses before anything is changed. Then initialises the \
            first node, opens it, and clones the others. Run again, it goes on where it stopped \
            and changes nothing that is in place.
            With --admin it makes bare machines ready first: PostgreSQL's packages, its owner with \
            the scheduler's key, folders, sudoers, kernel settings and units (for a docker node \
            Docker, its group, image and network); USER is root, or one with `sudo -n`.
            With --adopt it takes over servers that another tool ran, and moves no data. A primary \
            that runs goes on running, standbys that run are started anew; what is stopped has to \
            be stopped cleanly, the primary first. See `toolkit import`.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Print the plan and change nothing.") var dryRun = false
    @Option(
        help: ArgumentHelp(
            "Take over the data of a set-up whose primary was this node.", valueName: "node"))
    var adopt: NodeID?
    @Flag(help: "The plan of --dry-run as JSON.") var json = false
    @OptionGroup var admin: AdminOptions

    func validate() throws {
        if json, !dryRun { throw ValidationError("--json belongs to --dry-run.") }
    }

    func run() async throws {
        let settings = try options.settings()
        try await settings.refuseTakenAway()
        var deployment = try settings.deployment
        deployment.adopting = try adopt.map { try settings.checked($0).id }
        do {
            if dryRun { return try await plan(deployment) }
            var rollout = Rollout(settings: settings, deployment: deployment)
            rollout.admin = admin.login(settings)
            let outcome = try await rollout.run { Console.progress($0) }
            Console.say(
                outcome.isUnchanged
                    ? "\(settings.cluster) is up; nothing was changed"
                    : "\(settings.cluster) is up")
            Console.say(StateReport(outcome.view, settings).text(isColoured: Console.isTerminal))
            if !outcome.hasScheduler {
                Console.say("next: keep it up with `toolkit run`")
            }
        } catch let error as DeploymentError where !error.failures.isEmpty {
            Console.note(
                CheckReport(results: error.failures).text(isColoured: Console.isTerminal))
            throw error
        }
    }

    private func plan(_ deployment: Deployment) async throws {
        let stored = try await deployment.settings.storedCluster()
        var machines: [DeployProgress] = []
        if let login = admin.login(deployment.settings) {
            machines = try await deployment.machinePlan(.prepare, as: login)
            if !json { for line in machines { Console.say(line.sentence) } }
        }
        var plan: [DeployProgress]
        do {
            plan = try await deployment.plan(systemIdentifier: stored?.systemIdentifier)
        } catch {
            // The checks ask for what the commands above would make.
            guard !machines.isEmpty, !error.failures.isEmpty else { throw error }
            plan = foreseen(deployment, isStored: stored != nil)
        }
        plan += opening(deployment, isStored: stored != nil)
        guard !json else {
            return Console.say(json: DeployPlan(deployment.settings, machines + plan))
        }
        for line in plan { Console.say(line.sentence) }
        if machines.isEmpty, plan.isEmpty { Console.say("nothing to do") }
    }

    /// What follows on machines that are made ready.
    private func foreseen(_ deployment: Deployment, isStored: Bool) -> [DeployProgress] {
        var plan = deployment.settings.nodes.map { node in
            DeployProgress(node: node.id, "write configuration and programs; lock and seal it")
        }
        if let first = deployment.firstNode, !isStored, adopt == nil {
            plan.append(DeployProgress(node: first.id, "initdb in \(first.dataDirectory)"))
            plan.append(DeployProgress(node: first.id, "start it, locked, and make the roles"))
        }
        return plan
    }

    /// The scheduler's part, at the beginning of a cluster's life.
    private func opening(_ deployment: Deployment, isStored: Bool) -> [DeployProgress] {
        guard !isStored, let first = deployment.firstNode?.id else { return [] }
        let others = deployment.settings.nodes.map(\.id).filter { $0 != first }
        let way =
            adopt == nil ? "clone it" : "start it on its data (or clone it, if it has none)"
        return [DeployProgress(node: first, "open it")]
            + others.map { DeployProgress(node: $0, "\(way), and count it for commits") }
    }
}

/// What `deploy --dry-run` foretells, as JSON.
private struct DeployPlan: Encodable {
    struct Step: Encodable {
        /// Absent: on the scheduler's machine.
        var node: String?
        var text: String
    }

    var cluster: String
    var steps: [Step]

    init(_ settings: ClusterSettings, _ lines: [DeployProgress]) {
        cluster = settings.cluster
        steps = lines.map { Step(node: $0.node?.rawValue, text: $0.text) }
    }
}

/// How root is reached, for what a node's own user may not do.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Do what needs root on the machines, too, as this user: root, or one with `sudo -n`.",
            valueName: "user"))
    var admin: String?
    @Option(
        help: ArgumentHelp(
            "Private key of that user (default: ssh.identity_file, else the ssh-agent's).",
            valueName: "file"))
    var adminKey: String?

    func validate() throws {
        if adminKey != nil, admin == nil {
            throw ValidationError("--admin-key needs --admin: it is that user's key.")
        }
        if let admin, admin.hasPrefix("-") || admin.isEmpty {
            throw ValidationError("--admin names a user of the machines.")
        }
    }

    func login(_ settings: ClusterSettings) -> AdminLogin? {
        admin.map { AdminLogin(settings, user: $0, identityFile: adminKey) }
    }
}

extension DeployProgress {
    var sentence: String { "\(node.map { "\($0): " } ?? "")\(text)" }
}
