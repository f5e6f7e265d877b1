import ClusterFile
public import FailoverCore
import Store

/// An order that was taken, until its end was seen.
struct OrderWatch {
    let id: Int
    let command: OperatorCommand
    let primaryBefore: NodeID?
    let term: Term
    let deadline: ContinuousClock.Instant
    let progress: AsyncStream<OrderProgress>.Continuation
    /// Whether a rule has acted on it. Until then something else came first.
    var isTaken = false
}

extension Scheduler {
    /// Takes an operator's order. The stream ends when it is refused, planned (in a dry run) or
    /// finished.
    public nonisolated func order(
        _ command: OperatorCommand, isDryRun: Bool = false
    ) -> AsyncStream<OrderProgress> {
        let (stream, progress) = AsyncStream.makeStream(of: OrderProgress.self)
        if case .terminated = post.yield(.order(command, isDryRun: isDryRun, progress)) {
            progress.finish()
        }
        return stream
    }

    func order(
        _ command: OperatorCommand, isDryRun: Bool,
        _ progress: AsyncStream<OrderProgress>.Continuation
    ) async {
        if let refusal = machine.refusal(of: command, at: clock.now) {
            progress.yield(.refused(refusal))
            return progress.finish()
        }
        progress.yield(.planned(machine.plan(of: command, at: clock.now) ?? []))
        guard !isDryRun else { return progress.finish() }
        unsaved.append(
            EventRecord(
                wallMs: clock.now.wallMs, revision: machine.cluster.revision,
                term: machine.cluster.term, kind: .operator, summary: "ordered: \(command.words)"))
        nextOrder += 1
        orders.append(
            OrderWatch(
                id: nextOrder, command: command, primaryBefore: machine.cluster.elect,
                term: machine.cluster.term,
                deadline: .now + .milliseconds(2 * settings.policy.timers.switchoverTimeout),
                progress: progress))
        await giveOrders()
    }

    /// Gives the core every order that it has not acted on yet, unless it is refused by now.
    func giveOrders() async {
        for order in orders where !order.isTaken {
            if let refusal = machine.refusal(of: order.command, at: clock.now) {
                order.progress.yield(.refused(refusal))
                order.progress.finish()
                orders.removeAll { $0.id == order.id }
                continue
            }
            let rules = await step(.ordered(order.command))
            guard rules.contains(where: { $0.rawValue.hasPrefix("order.") }),
                let index = orders.firstIndex(where: { $0.id == order.id })
            else { continue }
            orders[index].isTaken = true
        }
    }

    func followOrders() {
        orders.removeAll { order in
            guard let (isDone, summary) = ending(of: order) else { return false }
            order.progress.yield(.finished(isDone: isDone, summary: summary))
            order.progress.finish()
            return true
        }
    }

    private func ending(of order: OrderWatch) -> (Bool, String)? {
        let cluster = machine.cluster
        guard order.isTaken else {
            return ContinuousClock.now > order.deadline ? (false, "not begun in time") : nil
        }
        let isOver = ContinuousClock.now > order.deadline
        switch order.command {
        case .bootstrap(let first):
            if cluster.elect == first, cluster.phase == .steady || cluster.phase == .following {
                return (true, "\(first) is open")
            }
        case .switchover(let target):
            let isAtRest = cluster.phase == .steady || cluster.phase == .following
            if isAtRest, cluster.intent == nil || cluster.intent?.kind == .reconfigure,
                let elect = cluster.elect, order.term < cluster.term
            {
                let isDone = elect != order.primaryBefore && (target == nil || elect == target)
                return (isDone, isDone ? "\(elect) is primary" : "undone: \(elect) is primary")
            }
        case .rejoin(let node):
            let seen = view.nodes.first { $0.id == node }
            if seen?.reported == .secondary, cluster[node]?.work == nil {
                return (true, "\(node) is a secondary")
            }
        }
        return isOver ? (false, "not finished in time; phase \(cluster.phase)") : nil
    }
}

extension OperatorCommand {
    var words: String {
        switch self {
        case .bootstrap(let first): "bootstrap with \(first)"
        case .switchover(let target): "switchover to \(target?.rawValue ?? "the best secondary")"
        case .rejoin(let node): "rejoin \(node)"
        }
    }
}
