import FailoverCore

/// When an order is seen to be over, and whether it brought what was asked for.
extension Scheduler {
    func followOrders() {
        orders.removeAll { order in
            guard let (isDone, summary) = ending(of: order) else { return false }
            order.progress.yield(.finished(isDone: isDone, summary: summary))
            order.progress.finish()
            return true
        }
    }

    private func ending(of order: OrderWatch) -> (Bool, String)? {
        let isLate = ContinuousClock.now > order.deadline
        guard order.isTaken else { return isLate ? (false, "not begun in time") : nil }
        let ending: (Bool, String)? =
            switch order.command {
            case .bootstrap(let first): isOpen(first) ? (true, "\(first) is open") : nil
            case .switchover(let target): move(to: target, order)
            case .failover(let target): move(to: target, order)
            case .failoverWithLoss(let target, _): move(to: target, order)
            case .rejoin(let node): way(of: node)
            case .maintenance(let node, _): maintenance(of: node, order)
            case .endMaintenance(let node): way(of: node)
            case .pause:
                machine.cluster.pausedSinceWallMs == nil
                    ? (false, "it was resumed since") : (true, "paused")
            case .resume: (true, "resumed")
            }
        if let ending { return ending }
        guard isLate, !isCopying(order) else { return nil }
        let phase = "phase \(machine.cluster.phase.rawValue)"
        let waiting = view.waitingFor
        return (
            false,
            "not finished in time; \(phase)" + (waiting.isEmpty ? "" : ", waits for \(waiting)")
        )
    }

    private var isAtRest: Bool {
        let cluster = machine.cluster
        return (cluster.phase == .steady || cluster.phase == .following)
            && (cluster.intent == nil || cluster.intent?.kind == .reconfigure)
    }

    private func isOpen(_ node: NodeID) -> Bool {
        let cluster = machine.cluster
        return cluster.elect == node && (cluster.phase == .steady || cluster.phase == .following)
    }

    private func move(to target: NodeID?, _ order: OrderWatch) -> (Bool, String)? {
        guard isAtRest, let elect = machine.cluster.elect, order.term < machine.cluster.term else {
            return nil
        }
        guard elect != order.primaryBefore else { return (false, "undone: \(elect) is primary") }
        guard let target, elect != target else { return (true, "\(elect) is primary") }
        return (false, "\(elect) is primary, not \(target)")
    }

    private func way(of node: NodeID) -> (Bool, String)? {
        let seen = view.nodes.first { $0.id == node }
        guard seen?.reported == .secondary, machine.cluster[node]?.work == nil else { return nil }
        return (true, "\(node) is a secondary")
    }

    private func maintenance(of node: NodeID, _ order: OrderWatch) -> (Bool, String)? {
        guard let maintenance = machine.cluster[node]?.maintenance else {
            return (false, "\(node) was given back since")
        }
        if maintenance.isEntered { return (true, "\(node) is left to you") }
        // The move that comes first was undone.
        guard node == order.primaryBefore, isAtRest, machine.cluster.elect == node,
            order.term < machine.cluster.term
        else { return nil }
        return (false, "\(node) could not be moved away from: it is primary")
    }

    /// A copy may take hours.
    private func isCopying(_ order: OrderWatch) -> Bool {
        switch order.command {
        case .rejoin(let node), .endMaintenance(let node):
            inFlight.keys.contains { $0.node == node }
        default: false
        }
    }
}

extension OperatorCommand {
    var words: String {
        switch self {
        case .bootstrap(let first): "bootstrap with \(first)"
        case .switchover(let target): "switchover to \(target?.rawValue ?? "the best secondary")"
        case .rejoin(let node): "rejoin \(node)"
        case .failover(let target): "failover to \(target?.rawValue ?? "the best standby")"
        case .failoverWithLoss(let target, let isDown):
            "failover to \(target), with the loss of what it lacks"
                + (isDown ? "; the old primary is said to be down" : "")
        case .maintenance(let node, _): "maintenance of \(node)"
        case .endMaintenance(let node): "end of the maintenance of \(node)"
        case .pause: "pause"
        case .resume: "resume"
        }
    }
}
