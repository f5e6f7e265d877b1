import ArgumentParser
import ClusterFile
import FailoverCore
import Scheduler

/// How the operator agrees to a plan.
struct Consent: ParsableArguments, Sendable {
    @Flag(help: "Print the plan and change nothing.") var dryRun = false
    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
}

/// An order, given to the daemon or, while none runs, to a scheduler in this process.
struct Operation: Sendable {
    let settings: ClusterSettings
    let command: OperatorCommand
    /// The node that the operator says is stopped for good.
    var nodeSaidDown: NodeID?
    /// Says nothing but why it failed: it is a part of another command.
    var isQuiet = false

    func run(_ consent: Consent) async throws {
        try await run(isDryRun: consent.dryRun, isAgreed: consent.yes)
    }

    /// Of what can be undone by the opposite order nobody has to be asked.
    func run(isDryRun: Bool = false, isAgreed: Bool = true) async throws {
        let client = SchedulerClient(settings)
        guard let view = try await client.stateIfRunning() else {
            Console.note("no scheduler runs: this command decides by itself until it is done")
            return try await InProcess(settings: settings).with { scheduler in
                await scheduler.untilSeen(within: .seconds(10), isReady: isReady)
                try checkSaidDown(await scheduler.view)
                if case .rejoin(let node) = command, !isDryRun,
                    await scheduler.isAtWork(on: node)
                {
                    return try await follow(scheduler, untilBack: node)
                }
                try await carryOut(Desk.here(scheduler), isDryRun: isDryRun, isAgreed: isAgreed)
            }
        }
        try checkSaidDown(view)
        try await carryOut(Desk.daemon(client), isDryRun: isDryRun, isAgreed: isAgreed)
    }

    /// A scheduler that has just begun learns first what the order is about.
    private func isReady(_ view: ClusterView) -> Bool {
        switch command {
        case .pause, .resume: true
        case .failover, .failoverWithLoss:
            [.suspect, .sealing, .blocked].contains(view.phase) || view.pausedSinceWallMs != nil
        default: view.waitingFor.isEmpty || view.pausedSinceWallMs != nil
        }
    }

    /// A slip of the name would declare a node dead that serves.
    private func checkSaidDown(_ view: ClusterView) throws(Refusal) {
        guard let nodeSaidDown, nodeSaidDown != view.lastPrimary else { return }
        throw Refusal(
            "cannot take \(nodeSaidDown) for the old primary that is down",
            because: "the last primary is \(view.lastPrimary)",
            next: "make sure that \(view.lastPrimary) is stopped, and name it")
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

    private func carryOut(_ desk: Desk, isDryRun: Bool, isAgreed: Bool) async throws {
        try await follow(desk.order(command, isDryRun: true), tellsPlan: true)
        guard !isDryRun else { return }
        guard isAgreed || Console.confirms("Go on?") else {
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
                if tellsPlan, !isQuiet { for line in lines { Console.say(line) } }
            case .event(let event): if !isQuiet { Console.progress(event) }
            case .finished(let isDone, let summary):
                guard isDone else {
                    throw Failure(
                        ExitStatus.unfinished, "the order was not carried out",
                        because: summary, next: "look at `toolkit state` and `toolkit events`")
                }
                if !isQuiet { Console.say(summary) }
            }
        }
    }
}
