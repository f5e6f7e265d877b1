import ArgumentParser
import ClusterFile
import Execution
public import FailoverCore
import Foundation
public import Hooks
import Scheduler
import Store

struct HookRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run one hook on a node, as the scheduler would.",
        discussion: """
            It runs under the term and step that the node has accepted last: what that step has \
            done already is not done again. The primary and the timeline come from the store. With \
            --dry-run it prints the command and its facts, and a shipped hook says what it would do; \
            nothing is changed. What can't be undone asks first, unless --yes is said.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "The hook, such as service_status_command.") var hook: HookName
    @Option(help: "The node that it is about.") var node: NodeID
    @Option(
        name: .customLong("fact"),
        help: ArgumentHelp(
            "One more fact, such as TOOLKIT_STOP_MODE=immediate; may be repeated.",
            valueName: "NAME=value"))
    var facts: [Fact] = []
    @Flag(help: "Print the command and its facts; change nothing.") var dryRun = false
    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false

    struct Fact: ExpressibleByArgument {
        var name: String
        var value: String

        init?(argument: String) {
            guard let match = argument.wholeMatch(of: /([A-Z_][A-Z0-9_]*)=((?s).*)/) else {
                return nil
            }
            name = String(match.1)
            value = String(match.2)
        }

        /// Others than TOOLKIT_ are a hook's own.
        var isKnown: Bool {
            !name.hasPrefix("TOOLKIT_") || HookFact.all.contains { $0.name == name }
        }
    }

    func run() async throws {
        let settings = try options.settings()
        let node = try settings.checked(self.node)
        let runners = Runners(settings)
        for fact in facts where !fact.isKnown {
            throw Failure(
                ExitStatus.usage, "--fact \(fact.name) is no fact of a hook",
                because: "no hook would read it", next: "see the facts in docs/hooks.md")
        }
        let isOnNode = HookCatalogue.place(of: hook, in: settings) == .node
        // A dry run tells all it can, of a node that doesn't answer, too.
        let stamp =
            !isOnNode
            ? nil
            : dryRun ? try? await accepted(node, runners) : try await accepted(node, runners)
        let hooks = HookRunner(
            settings: settings, sharedHooks: try ShareFolder.find().hooks, runner: runners.runner,
            local: runners.local)
        let call = call(on: node, stamp, try await settings.storedCluster(), settings)
        guard !dryRun else {
            try show(call, settings)
            // One of the cluster's own may not know that fact, and would act.
            guard hooks.runsShipped(hook), !hooks.hasDropIns(hook), stamp != nil else { return }
            Console.say("# it says:")
            return try report(await hooks.run(call))
        }
        try agree()
        try report(await hooks.run(call))
    }

    /// What can't be taken back by another hook, or costs sessions.
    private static let drastic: Set<HookName> = [
        .fenceCommand, .promoteCommand, .cloneCommand, .rejoinCommand, .serviceStopCommand,
        .serviceRestartCommand,
    ]

    private func agree() throws {
        guard Self.drastic.contains(hook), !yes else { return }
        guard Console.confirms("Run \(hook) on \(node) now?") else {
            throw Failure(
                ExitStatus.failed, "\(hook) was not run", because: "nobody said yes",
                next: "say --yes, or answer y")
        }
    }

    private func call(
        on node: NodeSettings, _ stamp: Stamp?, _ cluster: Cluster?, _ settings: ClusterSettings
    ) -> HookCall {
        let last = cluster.flatMap { settings.node($0.lastPrimary) }
        let primary = hook == .promoteCommand ? node : cluster?.elect.flatMap(settings.node) ?? last
        return HookCall(
            hook, on: node, term: stamp?.term.number ?? 0, step: stamp?.step.number ?? 0,
            primary: primary, oldPrimary: last == primary ? nil : last,
            timeline: cluster?.tip.timeline.number, switchLSN: cluster?.tip.begin,
            reason: "by hand", isDryRun: dryRun,
            extra: Dictionary(facts.map { ($0.name, $0.value) }) { $1 })
    }

    private func show(_ call: HookCall, _ settings: ClusterSettings) throws {
        let row = HookRow(HookCatalogue.entry(hook), settings, try settings.hookScripts())
        for path in row.dropIns where HookScripts.isBefore(path) { Console.say("# \(path)") }
        Console.say("# \(row.command)")
        for path in row.dropIns where !HookScripts.isBefore(path) { Console.say("# \(path)") }
        let variables = try HookEnvironment(settings: settings).variables(for: call)
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            Console.say("\(name)=\(ShellWord.quote(value))")
        }
    }

    private func accepted(_ node: NodeSettings, _ runners: Runners) async throws -> Stamp {
        let outcome = await NodeApply().stamp(of: node, via: runners.runner(node))
        switch outcome {
        case .applied(let applied): return applied.stamp
        case .notStarted(let error): throw error
        default:
            throw Failure(
                ExitStatus.failed, "cannot run \(hook) on \(node.id)",
                because: "its node-apply does not answer: \(outcome)",
                next: "deploy the node first with `toolkit deploy`")
        }
    }

    private func report(_ outcome: HookOutcome) throws {
        func failed(_ because: String) -> Failure {
            Failure(
                ExitStatus.failed, "\(hook) on \(node) has not succeeded", because: because,
                next: "see what it printed, and look at the node")
        }
        func said(_ output: String) -> String {
            output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        switch outcome {
        case .done(_, let output): Console.say(said(output).isEmpty ? "done" : said(output))
        case .tryAgain(let output): throw failed("it is not ready yet: \(said(output))")
        case .stale: throw failed("the node has accepted a higher term or step")
        case .failed(let status, let output):
            throw failed("it exited with \(status): \(said(output))")
        case .unknown(let span, let output):
            throw failed("it did not end within \(span): \(said(output))")
        case .notStarted(let error): throw error
        case .skipped:
            throw Failure(
                ExitStatus.failed, "nothing runs as \(hook)", because: "it has no command",
                next: "name one under hooks in cluster.yaml")
        }
    }
}
