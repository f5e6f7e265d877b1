import ClusterFile
public import FailoverCore
import Store

/// An order that was taken, until its end was seen.
struct OrderWatch {
    let id: Int
    let command: OperatorCommand
    let isDryRun: Bool
    let since = ContinuousClock.now
    /// Who was opened last when it was given.
    let primaryBefore: NodeID
    let term: Term
    let deadline: ContinuousClock.Instant
    let progress: AsyncStream<OrderProgress>.Continuation
    /// Whether its plan was told and the order was noted.
    var isPlanned = false
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
    ) {
        nextOrder += 1
        orders.append(
            OrderWatch(
                id: nextOrder, command: command, isDryRun: isDryRun,
                primaryBefore: machine.cluster.lastPrimary, term: machine.cluster.term,
                deadline: .now + .milliseconds(2 * settings.policy.timers.switchoverTimeout),
                progress: progress))
    }

    /// Gives the core every order that it has not acted on yet, unless it is refused by now. Before every
    /// node was asked it would be refused for what nobody has looked at.
    func giveOrders() async {
        for order in orders where !order.isTaken && !waitsForLook(order) {
            // A store that failed for the order before this one has made the machine forget.
            guard trouble == nil, machine.hasAskedEveryNode else { return }
            let work = workUnderWay(order.command)
            if work == nil, let refusal = machine.refusal(of: order.command, at: clock.now) {
                order.progress.yield(.refused(refusal))
                end(order)
                continue
            }
            if !order.isPlanned {
                let plan = work.map { [$0] } ?? machine.plan(of: order.command, at: clock.now)
                order.progress.yield(.planned(plan ?? []))
                if order.isDryRun {
                    end(order)
                    continue
                }
                note(order.command)
            }
            var isTaken = work != nil
            if !isTaken {
                let rules = await step(.ordered(order.command))
                isTaken = rules.contains { $0.rawValue.hasPrefix("order.") }
            }
            guard let index = orders.firstIndex(where: { $0.id == order.id }) else { continue }
            orders[index].isPlanned = true
            orders[index].isTaken = isTaken
        }
    }

    /// A node that gives no SQL answer is looked at before anything is said about its way back.
    private func waitsForLook(_ order: OrderWatch) -> Bool {
        guard case .rejoin(let node) = order.command, unseen.contains(node) else { return false }
        return ContinuousClock.now - order.since < .seconds(5)
    }

    /// What is done about the node anyway: the order has only to see its end.
    private func workUnderWay(_ command: OperatorCommand) -> String? {
        guard case .rejoin(let node) = command, node != machine.cluster.elect,
            let work = machine.cluster[node]?.work
        else { return nil }
        return "\(node): its \(work.kind.name) is under way (\(work.because)); see it through"
    }

    private func note(_ command: OperatorCommand) {
        unsaved.append(
            EventRecord(
                wallMs: clock.now.wallMs, revision: machine.cluster.revision,
                term: machine.cluster.term, kind: .operator, summary: "ordered: \(command.words)"))
    }

    private func end(_ order: OrderWatch) {
        order.progress.finish()
        orders.removeAll { $0.id == order.id }
    }
}
