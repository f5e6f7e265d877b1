import ArgumentParser
import ClusterFile
import Foundation
import HookKit
import Hooks

struct HookTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Try the hooks on a throw-away PostgreSQL here.",
        discussion: """
            Each hook must do its job, do no harm when run again, be refused under an older term, and \
            be ended at its deadline. It uses the hooks of cluster.yaml, or the shipped ones where \
            there is none, on two nodes in a folder of /tmp. A hook of yours that touches more than \
            its node, a switch or a service, really does so. Ends with 1 when one fails.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "Hooks to try instead of all.") var hooks: [HookName] = []
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
        let trial = try HookTrial(try settings(), sharedHooks: try ShareFolder.find().hooks)
        if let caveat = trial.caveat { Console.note(caveat) }
        let wanted = hooks.isEmpty ? HookName.allCases : hooks
        try trial.refuseRealNodes(wanted)
        for hook in hooks where !trial.runs(hook) {
            Console.note("\(hook): not tried: it has no command, or runs beside the scheduler")
        }
        var verdicts: [HookVerdict] = []
        try await trial.run(wanted) { verdict in
            verdicts.append(verdict)
            Console.progress("\(verdict.hook): \(verdict.isPassed ? "passed" : "FAILED")")
        }
        guard !verdicts.isEmpty else {
            throw Failure(
                ExitStatus.failed, "no hook was tried",
                because: "none of those has a command here that a throw-away node could run",
                next: "name it under hooks in cluster.yaml: `toolkit hook list` shows what runs")
        }
        if json {
            Console.say(json: verdicts)
        } else {
            show(verdicts)
        }
        guard verdicts.allSatisfy(\.isPassed) else { throw ExitStatus.failed }
    }

    private func settings() throws -> ClusterSettings {
        let isNamed = options.config != nil
        let exists = ClusterOptions.defaultPaths.contains(where: FileManager.default.fileExists)
        guard !isNamed, !exists else { return try options.settings() }
        Console.note("without a cluster.yaml: the shipped hooks are tried")
        return try ClusterFile.parse(
            "cluster: shipped\nnodes: [ { name: a, host: 127.0.0.1 } ]\n",
            baseDirectory: "/nonexistent"
        ).settings
    }

    private func show(_ verdicts: [HookVerdict]) {
        var table = Table(["HOOK", "DOES ITS JOB", "TWICE", "STALE REFUSED", "ENDED AT DEADLINE"])
        for verdict in verdicts { table.add([verdict.hook] + verdict.checks.map(\.check.word)) }
        Console.say(table.text(isColoured: false))
        for verdict in verdicts {
            for (name, check) in verdict.checks where check.isFailure {
                Console.say("\n\(verdict.hook), \(name): \(check.sentence ?? "")")
            }
        }
    }
}
