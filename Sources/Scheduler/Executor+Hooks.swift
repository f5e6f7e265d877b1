import ClusterFile
import Execution
import FailoverCore
import Hooks
import Rendering

extension Executor {
    /// Runs one hook for `work` on a node, with the facts that every hook gets.
    func runHook(
        _ hook: HookName, _ work: EffectWork, on link: NodeLink,
        attachment: Effect.Attachment? = nil, switchLSN: LSN? = nil, extra: [String: String] = [:],
        permit: HookPermit? = nil
    ) async -> HookOutcome {
        let upstream = attachment.flatMap { settings.node($0.upstream) }
        let primary =
            upstream
            ?? (hook == .promoteCommand ? link.node : work.cluster.elect.flatMap(settings.node))
        let oldPrimary = settings.node(work.cluster.lastPrimary)
        let call = HookCall(
            hook, on: link.node, term: work.stamp.term.number, step: work.stamp.step.number,
            primary: primary, oldPrimary: oldPrimary == primary ? nil : oldPrimary,
            timeline: work.cluster.lineage.last?.timeline.number, switchLSN: switchLSN,
            slot: attachment?.slot, applicationName: attachment?.applicationName,
            conninfo: attachment.flatMap { try? self.upstream($0, of: link).conninfo },
            reason: work.cluster[link.node.id]?.work?.because ?? "", extra: extra)
        let start = ContinuousClock.now
        let outcome = await hooks.run(call, permit: permit)
        work.notes.add("\(hook) took \((ContinuousClock.now - start).milliseconds) ms")
        note(outcome, hook, work.notes)
        return outcome
    }

    /// Exit 0 agrees to the failover; anything else holds it back.
    func validate(_ work: EffectWork, visible: Int, total: Int) async throws(Ended) -> Proof {
        let outcome = await runHook(
            .failoverValidationCommand, work, on: try link(of: work),
            extra: [
                "TOOLKIT_VISIBLE_NODES": String(visible), "TOOLKIT_TOTAL_NODES": String(total),
                "TOOLKIT_SHARED_UPSTREAM_NODES": String(max(visible - 1, 0)),
            ])
        try results(outcome, of: .failoverValidationCommand)
        return .none
    }

    func note(_ outcome: HookOutcome, _ hook: HookName, _ notes: Notes) {
        switch outcome {
        case .done(_, let output), .tryAgain(let output), .failed(_, let output),
            .unknown(_, let output):
            notes.add(output)
        case .notStarted(let error): notes.add("\(hook): \(error.description)")
        case .stale: notes.add("\(hook): the node has accepted a higher stamp")
        case .skipped: break
        }
    }

    /// The results of a hook that was done; anything else ends the effect.
    @discardableResult
    func results(_ outcome: HookOutcome, of hook: HookName) throws(Ended) -> [String: String] {
        switch outcome {
        case .done(let results, _): return results
        case .skipped: return [:]
        case .tryAgain(let output): throw .tryAgain("\(hook): \(tail(output))")
        case .stale: throw .stale
        case .failed(let status, let output):
            throw .failed("\(hook) ended with status \(status): \(tail(output))")
        case .unknown(let after, let output):
            throw .unknown("\(hook) was ended after \(after): \(tail(output))")
        case .notStarted(let error):
            throw .failed("\(hook) can't be started: \(error.because)")
        }
    }

    /// Whether the shipped script runs: only in its place may SQL do the same.
    func isDefault(_ hook: HookName) -> Bool {
        hooks.runsShipped(hook)
    }
}
