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
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Print the plan and change nothing.") var dryRun = false

    func run() async throws {
        let settings = try options.settings()
        let deployment = try settings.deployment
        let stored = try await settings.storedCluster()
        do {
            if dryRun {
                let plan = try await deployment.plan(
                    systemIdentifier: stored?.systemIdentifier)
                return say(plan, settings, isStored: stored != nil)
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

    private func say(_ plan: [DeployProgress], _ settings: ClusterSettings, isStored: Bool) {
        for line in plan { Console.say("\(line.node.map { "\($0): " } ?? "")\(line.text)") }
        if !isStored {
            let first = settings.deploymentFirst
            let others = settings.nodes.map(\.id).filter { $0 != first }
            if let first { Console.say("\(first): open it") }
            for node in others { Console.say("\(node): clone it, and count it for commits") }
        }
        if plan.isEmpty, isStored { Console.say("nothing to do") }
    }
}

extension ClusterSettings {
    fileprivate var deploymentFirst: NodeID? { try? deployment.firstNode?.id }
}
