import FailoverCore

/// I10: whatever ran last runs once more when all is at rest, and nothing comes of it.
extension Simulation {
    /// What the last effects have brought about. Slots are left out: they are made and dropped without
    /// a stamp, and the core looks at them again with every probe.
    struct Rest: Equatable {
        struct Node: Equatable {
            var run: Int
            var isInRecovery: Bool
            var history: TimelineHistory
            var makers: [Int32]
            var dataVersion: Int
            var setAside: Int
            var upstream: Upstream?
            var names: String
            var isReadOnly: Bool
            var openTerm: Int?
            var stamp: Stamp?
        }

        var cluster: Cluster
        var nodes: [Node]
    }

    var rest: Rest {
        Rest(
            cluster: store.cluster,
            nodes: nodes.map { node in
                Rest.Node(
                    run: node.run, isInRecovery: node.isInRecovery, history: node.branch.history,
                    makers: node.branch.makers, dataVersion: node.dataVersion,
                    setAside: node.setAside.count, upstream: node.conf.upstream,
                    names: node.conf.names.text, isReadOnly: node.conf.isReadOnly,
                    openTerm: node.conf.openTerm, stamp: node.stamp)
            })
    }

    private static let repeated = 50

    /// As a command that was on its way for long: nobody waits for what comes of it.
    func repeatLastEffects() {
        // What a node has never accepted is no repetition; where another hand has changed a file since,
        // the same step rightly writes its own again, and a file that the server could not read (F34)
        // is read now.
        let known = runs.filter { run in
            let node = nodes[run.node]
            return node.nodeConf.upstream == node.nodeConf.written
                && node.nodeConf.upstream == node.conf.upstream
                && node.stamp.map { run.effect.stamp <= $0 } ?? false
        }
        for last in known.suffix(Self.repeated) {
            let run = EffectRun(
                index: runs.count, effect: last.effect, node: last.node, scheduler: 0,
                epoch: schedulers[0].epoch, isRepeated: true)
            run.program = program(run.effect, run.node)
            run.startOperation(at: now)
            runs.append(run)
            trace.add(
                .effect, at: now, node: run.node, run.effect.stamp.step.number,
                run.effect.stamp.term.number,
                "\(run.effect.action.name) \(run.effect.stamp) begins once more")
            put(.wakeRun(run: run.index, token: run.token), after: 300)
        }
    }

    func checkRest(since before: Rest) {
        let after = rest
        for (node, (old, new)) in zip(before.nodes, after.nodes).enumerated() where old != new {
            judge.report(
                "I10", "what began once more changes \(ids[node]): \(old.changes(to: new))")
        }
        guard before.cluster != after.cluster else { return }
        judge.report(
            "I10",
            "what began once more changes the cluster: revision \(before.cluster.revision) to "
                + "\(after.cluster.revision), \(before.cluster.phase) to \(after.cluster.phase)")
    }
}

extension Simulation.Rest.Node {
    func changes(to new: Self) -> String {
        let parts = [
            run == new.run ? nil : "its server ran anew",
            isInRecovery == new.isInRecovery ? nil : "its role",
            history == new.history && makers == new.makers ? nil : "its timelines",
            dataVersion == new.dataVersion && setAside == new.setAside ? nil : "its data",
            upstream == new.upstream ? nil : "its upstream",
            names == new.names ? nil : "names '\(names)' to '\(new.names)'",
            isReadOnly == new.isReadOnly && openTerm == new.openTerm ? nil : "its opening",
            stamp == new.stamp ? nil : "its stamp",
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}
