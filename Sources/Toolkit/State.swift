import ArgumentParser
import ClusterFile
import FailoverCore
import Foundation
import Scheduler

struct State: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the cluster as it is now.",
        discussion: """
            Asks the scheduler; while none runs, shows what the store holds and says so. Ends with \
            2 when the cluster is not as it should be.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Show it again whenever something changes.") var watch = false
    @Flag(help: "As JSON; with --watch one object per line.") var json = false

    func run() async throws {
        let settings = try options.settings()
        let client = SchedulerClient(settings)
        guard !watch else { return try await follow(client, settings) }
        let report = try await report(client, settings)
        if json {
            Console.say(json: report)
        } else {
            Console.say(report.text(isColoured: Console.isTerminal))
        }
        if !report.isHealthy { throw ExitStatus.degraded }
    }

    private func report(
        _ client: SchedulerClient, _ settings: ClusterSettings
    ) async throws -> StateReport {
        if let view = try await client.stateIfRunning() { return StateReport(view, settings) }
        guard let cluster = try await settings.storedCluster() else {
            throw Failure(
                ExitStatus.unreachable, "cannot show the cluster \(settings.cluster)",
                because: "no scheduler runs, and the store "
                    + "\(SchedulerPaths(settings).store) holds nothing yet",
                next: "bring the cluster up with `toolkit deploy`")
        }
        let machine = FailoverMachine(cluster: cluster, policy: settings.policy)
        let now = Instant(monotonicMs: 0, wallMs: Int64(Date().timeIntervalSince1970 * 1000))
        return StateReport(machine.view(at: now), settings, hasScheduler: false)
    }

    private func follow(_ client: SchedulerClient, _ settings: ClusterSettings) async throws {
        let isTerminal = Console.isTerminal
        var recent: [String] = []
        for try await update in client.watch() {
            let report = StateReport(update.view, settings)
            if json {
                Console.say(json: report, isOnOneLine: true)
                continue
            }
            recent = (recent + update.events.map(Console.line)).suffix(12)
            let text = report.text(isColoured: isTerminal)
            if isTerminal {
                // Home, the text, and what is left below it cleared.
                Console.say(
                    "\u{1B}[H\u{1B}[2J" + ([text, ""] + recent).joined(separator: "\n"))
            } else {
                Console.say(text + "\n")
            }
        }
    }
}
