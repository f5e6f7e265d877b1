import ArgumentParser
import ClusterFile
import Execution
public import FailoverCore
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
            --dry-run it prints the command and its facts, and runs nothing.
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
    @Flag(help: "Print the command and its facts; run nothing.") var dryRun = false

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
    }

    func run() async throws {
        let settings = try options.settings()
        let node = try settings.checked(self.node)
        let runners = Runners(settings)
        let stamp = dryRun ? nil : try await accepted(node, runners)
        let call = call(on: node, stamp, try await settings.storedCluster(), settings)
        guard !dryRun else { return try show(call, settings) }
        let hooks = HookRunner(
            settings: settings, sharedHooks: try ShareFolder.find().hooks, runner: runners.runner,
            local: runners.local)
        try report(await hooks.run(call))
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
        switch outcome {
        case .done(_, let output): Console.say(output.isEmpty ? "done" : output)
        case .tryAgain(let output): throw failed("it is not ready yet: \(output)")
        case .stale: throw failed("the node has accepted a higher term or step")
        case .failed(let status, let output):
            throw failed("it exited with \(status): \(output)")
        case .unknown(let span, let output):
            throw failed("it did not end within \(span): \(output)")
        case .notStarted(let error): throw error
        case .skipped: Console.say("no command is configured")
        }
    }
}
