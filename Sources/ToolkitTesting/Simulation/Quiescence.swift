import FailoverCore

/// After the last fault: the cluster must converge, and then be as it was promised.
extension Simulation {
    func healCheck() {
        if !isHealed { heal() }
        guard now < plan.healAt + Plan.convergence else {
            return judge.report("I4", "not healthy again within 600 s: \(complaint)")
        }
        guard now > plan.healAt + 3_000_000, complaint.isEmpty else {
            return put(.healCheck, after: 250_000)
        }
        if settledAt == nil {
            // A little longer: what is still on its way must change nothing.
            settledAt = now
            releaseZombies()
            return put(.healCheck, after: 4_000_000)
        }
        checkDurability(judge.lastOpened?.node ?? 0, "the primary at the end")
        isOver = true
    }

    /// Late commands arrive now: each is of an older step, or done already.
    private func releaseZombies() {
        for index in jobs.indices {
            if case .travelling = jobs[index].stage {
                jobs[index].loses = true
                put(.remoteArrive(job: index), after: 1_000)
            }
        }
    }

    /// Why the cluster is not as it should be; empty when it is.
    var complaint: String {
        guard schedulers[0].isAlive else { return "no scheduler" }
        let machine = schedulers[0].machine
        let cluster = machine.cluster
        guard let elect = cluster.elect else { return "nobody is elect (\(cluster.phase))" }
        let primary = index(elect)
        guard nodes[primary].isWritable else { return "\(elect) is not open" }
        for index in nodes.indices where index != primary {
            guard nodes[index].server == .running, nodes[index].isInRecovery,
                let source = nodes[index].receiver?.upstream.node,
                source == primary || policy.nodes[index].upstream == ids[source]
            else { return "\(ids[index]) does not follow \(elect)" }
        }
        let view = machine.view(at: instant)
        guard view.isHealthy else {
            return "phase \(view.phase), waits for \(view.waitingFor), alarms \(view.alarms), "
                + "configs \(view.configs)"
        }
        return nodes[primary].conf.names.text == cluster.standbyNames(cluster.configs[0])
            ? "" : "other names are in force"
    }
}
