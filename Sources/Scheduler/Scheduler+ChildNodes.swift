import ClusterFile
import FailoverCore
import Hooks
import Store

/// `child_nodes_disconnect_command`: beside the rules, which keep commits safe without it.
extension Scheduler {
    /// Only of a primary that is open in the stored term, while nothing moves it.
    func watchChildren(of node: NodeID, _ seen: NodeObservation) {
        let cluster = machine.cluster
        guard executor.hooks.runsAnything(.childNodesDisconnectCommand), node == cluster.elect,
            [.steady, .following].contains(cluster.phase), cluster.pausedSinceWallMs == nil,
            seen.isOpen, let stamp = seen.stamp, stamp.term == cluster.term
        else { return }
        let changes = children.absorb(
            seen, of: cluster, named: Set(settings.nodes.map(\.id)), at: clock.now)
        for change in changes {
            switch change {
            case .connected(let id): noteChild("child_node_new_connect", id, of: node)
            case .reconnected(let id): noteChild("child_node_reconnect", id, of: node)
            case .disconnected(let id): noteChild("child_node_disconnect", id, of: node)
            case .lost(let why): runChildrenCommand(on: node, stamp, because: why)
            }
        }
    }

    private func noteChild(_ what: String, _ id: NodeID, of primary: NodeID) {
        let event = EventRecord(
            wallMs: clock.now.wallMs, revision: machine.cluster.revision,
            term: machine.cluster.term, kind: .observation, node: id,
            summary: "\(what): \(id) of \(primary)")
        unsaved.append(event)
        tell([event])
    }

    /// Under the stamp that the primary has accepted: a higher one would make work of ours stale that
    /// is under way there.
    private func runChildrenCommand(on node: NodeID, _ stamp: Stamp, because: String) {
        let id = Effect.ID(
            stamp: stamp, node: node, name: HookName.childNodesDisconnectCommand.rawValue)
        guard inFlight[id] == nil else { return }
        let cluster = machine.cluster
        inFlight[id] = Task { [executor, post] in
            let report = await executor.childNodesDisconnect(id, in: cluster, because: because)
            post.yield(.childrenTold(id, report, because: because))
        }
    }

    func noteChildrenCommand(_ id: Effect.ID, _ report: Executor.Report, because: String) {
        let (outcome, why) = report.outcome.words
        let event = EventRecord(
            wallMs: clock.now.wallMs, revision: machine.cluster.revision, term: id.stamp.term,
            kind: .effect, node: id.node, summary: "\(id.name) on \(id.node): \(outcome)",
            because: why.isEmpty ? because : "\(because); \(why)", effect: id.description,
            outcome: outcome, durationMs: report.duration.milliseconds,
            output: report.output.isEmpty ? nil : report.output)
        unsaved.append(event)
        tell([event])
    }
}

extension Executor {
    /// Runs the command on the primary. It is asked for once: what it does, it does there.
    func childNodesDisconnect(
        _ id: Effect.ID, in cluster: Cluster, because: String
    ) async -> Report {
        let clock = ContinuousClock()
        let start = clock.now
        let notes = Notes()
        var outcome = Outcome.done(.none)
        do throws(Ended) {
            let link = try link(id.node)
            let call = HookCall(
                .childNodesDisconnectCommand, on: link.node, term: id.stamp.term.number,
                step: id.stamp.step.number, primary: link.node,
                timeline: cluster.tip.timeline.number, reason: because)
            let ended = await hooks.run(call)
            note(ended, .childNodesDisconnectCommand, notes)
            try results(ended, of: .childNodesDisconnectCommand)
        } catch {
            outcome = error.outcome
        }
        return Report(outcome: outcome, duration: clock.now - start, output: notes.text)
    }
}
