public import ArgumentParser
import ClusterFile
import Execution
import FailoverCore
public import Hooks
import Scheduler

struct Hook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the hooks, and run one by hand.",
        subcommands: [List.self, Run.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what runs where, from which file, with which deadline.")

        @OptionGroup var options: ClusterOptions
        @Flag(help: "As JSON.") var json = false

        func run() throws {
            let settings = try options.settings()
            let scripts = HookScripts(
                settings: settings, sharedHooks: try ShareFolder.find().hooks)
            let rows = HookCatalogue.all.map { Row($0, settings, scripts) }
            guard !json else { return Console.say(json: rows) }
            var table = Table(["HOOK", "RUNS ON", "WHEN", "DEADLINE", "COMMAND"])
            for row in rows {
                table.add([
                    row.hook, row.runsOn, row.when, "\(row.deadlineSeconds) s", row.command,
                ])
            }
            Console.say(table.text(isColoured: false))
        }
    }

    struct Row: Encodable {
        var hook: String
        var runsOn: String
        var when: String
        var leaves: String
        var deadlineSeconds: Int
        var command: String

        init(_ entry: HookCatalogue.Entry, _ settings: ClusterSettings, _ scripts: HookScripts) {
            hook = entry.setting
            runsOn = entry.runsOn
            when = entry.when
            leaves = entry.leaves
            deadlineSeconds = HookEnvironment(settings: settings).timeoutSeconds(of: entry.hook)
            command =
                switch scripts.command(for: entry.hook) {
                case .file(let path): path
                case .inline(let text): text
                case .none: "-"
                case .missing(let path): "missing: \(path)"
                }
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run one hook on a node, as the scheduler would.",
            discussion: """
                It runs under the term and step that the node has accepted last: what that step has
                done already is not done again.
                """)

        @OptionGroup var options: ClusterOptions
        @Argument(help: "The hook, such as service_status_command.") var hook: HookName
        @Option(help: "The node that it is about.") var node: NodeID
        @Flag(help: "Print the command and its environment; run nothing.") var dryRun = false

        func run() async throws {
            let settings = try options.settings()
            let node = try settings.checked(self.node)
            let share = try ShareFolder.find()
            let runners = Runners(settings)
            let stamp = dryRun ? nil : try await accepted(node, runners)
            let call = HookCall(
                hook, on: node, term: stamp?.term.number ?? 0, step: stamp?.step.number ?? 0,
                reason: "by hand", isDryRun: dryRun)
            guard !dryRun else {
                let scripts = HookScripts(settings: settings, sharedHooks: share.hooks)
                let row = Row(HookCatalogue.entry(hook), settings, scripts)
                Console.say("# \(row.command)")
                let variables = HookEnvironment(settings: settings).variables(for: call)
                for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
                    Console.say("\(name)=\(ShellWord.quote(value))")
                }
                return
            }
            let hooks = HookRunner(
                settings: settings, sharedHooks: share.hooks, runner: runners.runner,
                local: runners.local)
            try report(await hooks.run(call))
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
}

extension HookName: ExpressibleByArgument {}
