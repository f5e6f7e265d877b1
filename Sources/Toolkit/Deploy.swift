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
            Checks all nodes first and refuses before anything is changed. Then initialises the
            first node, opens it, and clones the others. Run again, it goes on where it stopped
            and changes nothing that is in place.
            With --adopt it takes over the data of servers that another tool ran: stop them
            cleanly, the primary first. No data are moved; see `toolkit import`.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Print the plan and change nothing.") var dryRun = false
    @Option(
        help: ArgumentHelp(
            "Take over the data of a set-up whose primary was this node.", valueName: "node"))
    var adopt: NodeID?

    func run() async throws {
        let settings = try options.settings()
        var deployment = try settings.deployment
        deployment.adopting = try adopt.map { try settings.checked($0).id }
        let stored = try await settings.storedCluster()
        do {
            if dryRun {
                let plan = try await deployment.plan(
                    systemIdentifier: stored?.systemIdentifier)
                return say(plan, deployment, isStored: stored != nil)
            }
            let rollout = Rollout(settings: settings, deployment: deployment)
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

    private func say(_ plan: [DeployProgress], _ deployment: Deployment, isStored: Bool) {
        for line in plan { Console.say("\(line.node.map { "\($0): " } ?? "")\(line.text)") }
        if !isStored {
            let first = deployment.firstNode?.id
            let others = deployment.settings.nodes.map(\.id).filter { $0 != first }
            if let first { Console.say("\(first): open it") }
            let way =
                adopt == nil ? "clone it" : "start it on its data (or clone it, if it has none)"
            for node in others { Console.say("\(node): \(way), and count it for commits") }
        }
        if plan.isEmpty, isStored { Console.say("nothing to do") }
    }
}
