import ArgumentParser
import ClusterFile
import FailoverCore
import Scheduler

struct Switchover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move the primary to another node.",
        discussion: """
            Stops the primary cleanly, opens the other node with all of its commits, and brings the
            old one back as a standby. Undone, or named, when it does not finish in time.
            """)

    @OptionGroup var options: ClusterOptions
    @Option(help: "The node to move it to (default: the best standby).") var to: NodeID?
    @OptionGroup var consent: Consent

    func run() async throws {
        let settings = try options.settings()
        if let to { _ = try settings.checked(to) }
        try await Operation(settings: settings, command: .switchover(to: to)).run(consent)
    }
}

struct Rejoin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a node back now.",
        discussion: """
            Starts, rewinds or clones it, whatever its WAL demands, even when the last attempt
            failed. A directory that is replaced is moved aside, never deleted.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "The node to bring back.") var node: NodeID
    @OptionGroup var consent: Consent

    func run() async throws {
        let settings = try options.settings()
        _ = try settings.checked(node)
        try await Operation(settings: settings, command: .rejoin(node)).run(consent)
    }
}

/// How the operator agrees to a plan.
struct Consent: ParsableArguments, Sendable {
    @Flag(help: "Print the plan and change nothing.") var dryRun = false
    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
}

/// An order, given to the daemon or, while none runs, to a scheduler in this process.
struct Operation: Sendable {
    let settings: ClusterSettings
    let command: OperatorCommand

    func run(_ consent: Consent) async throws {
        let client = SchedulerClient(settings)
        guard try await client.stateIfRunning() != nil else {
            Console.note("no scheduler runs: this command decides by itself until it is done")
            return try await InProcess(settings: settings).with { scheduler in
                await scheduler.untilSeen(within: .seconds(10))
                if case .rejoin(let node) = command, !consent.dryRun,
                    await scheduler.isAtWork(on: node)
                {
                    return try await follow(scheduler, untilBack: node)
                }
                try await carryOut(Desk.here(scheduler), consent)
            }
        }
        try await carryOut(Desk.daemon(client), consent)
    }

    /// Who takes the order.
    private enum Desk: Sendable {
        case daemon(SchedulerClient)
        case here(Scheduler)

        func order(
            _ command: OperatorCommand, isDryRun: Bool
        ) -> AsyncThrowingStream<OrderProgress, any Error> {
            switch self {
            case .daemon(let client): return client.order(command, isDryRun: isDryRun)
            case .here(let scheduler):
                let (steps, told) = AsyncThrowingStream<OrderProgress, any Error>.makeStream()
                let task = Task {
                    for await step in scheduler.order(command, isDryRun: isDryRun) {
                        told.yield(step)
                    }
                    told.finish()
                }
                told.onTermination = { _ in task.cancel() }
                return steps
            }
        }
    }

    private func carryOut(_ desk: Desk, _ consent: Consent) async throws {
        try await follow(desk.order(command, isDryRun: true), tellsPlan: true)
        guard !consent.dryRun else { return }
        guard consent.yes || Console.confirms("Go on?") else {
            throw Failure(
                ExitStatus.failed, "nothing was changed",
                because: "nobody said yes to the plan", next: "say --yes, or answer y")
        }
        try await follow(desk.order(command, isDryRun: false), tellsPlan: false)
    }

    /// What the rules have begun by themselves is what was asked for.
    private func follow(_ scheduler: Scheduler, untilBack node: NodeID) async throws {
        for await update in await scheduler.updates() {
            for event in update.events { Console.progress(event) }
            guard let seen = update.view.nodes.first(where: { $0.id == node }) else { continue }
            if seen.work == nil, seen.reported == .secondary, seen.assigned == .secondary {
                return Console.say("\(node) is a secondary")
            }
        }
    }

    private func follow(
        _ steps: AsyncThrowingStream<OrderProgress, any Error>, tellsPlan: Bool
    ) async throws {
        for try await step in steps {
            switch step {
            case .refused(let refusal): throw refusal
            case .planned(let lines):
                if tellsPlan { for line in lines { Console.say(line) } }
            case .event(let event): Console.progress(event)
            case .finished(let isDone, let summary):
                guard isDone else {
                    throw Failure(
                        ExitStatus.unfinished, "the order was not carried out",
                        because: summary, next: "look at `toolkit state` and `toolkit events`")
                }
                Console.say(summary)
            }
        }
    }
}
