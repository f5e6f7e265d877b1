import ClusterFile
import Execution
import FailoverCore
import Hooks

/// One scene on its cluster: the four questions that are asked of a hook.
struct TrialStage {
    let scene: TrialScene
    let cluster: TrialCluster
    let ground: TrialGround

    private static let term = 5

    init(_ scene: TrialScene, _ cluster: TrialCluster, _ ground: TrialGround) {
        self.scene = scene
        self.cluster = cluster
        self.ground = ground
    }

    func job(step: Int) async throws -> HookVerdict.Check {
        let outcome = await run(step: step)
        guard case .done = outcome else { return .failed(outcome.sentence) }
        return try await missing()
    }

    func again(step: Int) async throws -> HookVerdict.Check {
        let outcome = await run(step: step)
        switch outcome {
        case .done: break
        case .failed where scene.mayRefuse: break
        default: return .failed(outcome.sentence)
        }
        return try await missing()
    }

    /// Under a lower term, then under a lower step of the same.
    func stale(step: Int) async throws -> HookVerdict.Check {
        let before = try await cluster.fingerprint()
        for term in [Self.term - 1, Self.term] {
            let outcome = await run(term: term, step: step)
            guard outcome == .stale else {
                return .failed("it was not refused: \(outcome.sentence)")
            }
        }
        return try await cluster.fingerprint() == before ? .passed : .failed("it changed the node")
    }

    /// Made to hang, it must be ended with all that it started; run again, it must do its job.
    func deadline(step: Int) async throws -> HookVerdict.Check {
        var hung = cluster.settings
        hung.hooks.byName[scene.hook.rawValue]?.timeoutMs = 1000
        hung.hooks.byName[scene.hook.rawValue]?.retries = 0
        let hang = TrialHang(scene.hook, cluster, settings: hung, sharedHooks: ground.sharedHooks)
        for way in hang.ways {
            let outcome = try await hang.run(way, await call(step: step))
            // A hook that says nothing ends before it hangs: it is frozen at its start instead.
            if case .done = outcome, way != hang.ways.last { continue }
            guard case .unknown = outcome else {
                return .failed("made to hang, \(outcome.sentence)")
            }
            break
        }
        let left = try await hang.processesLeft()
        guard left.isEmpty else { return .failed("its processes outlive it: \(left)") }
        let outcome = await run(step: step + 1)
        switch outcome {
        case .done: return try await missing()
        // What a rewind was ended in can only be cloned.
        case .failed(77, _) where scene.hook == .rejoinCommand: return .passed
        // Ended after its work: a second run may refuse.
        case .failed where scene.mayRefuse:
            return try await missing() == .passed
                ? .passed : .failed("run again, \(outcome.sentence)")
        default: return .failed("run again after its deadline, \(outcome.sentence)")
        }
    }

    private func run(term: Int = Self.term, step: Int) async -> HookOutcome {
        await cluster.hooks(sharedHooks: ground.sharedHooks).run(
            await call(term: term, step: step))
    }

    private func call(term: Int = Self.term, step: Int) async -> HookCall {
        let primary = scene.primary?(cluster)
        let other = primary?.id == cluster.a.id ? cluster.b : cluster.a
        return HookCall(
            scene.hook, on: scene.node(cluster), term: term, step: step, primary: primary,
            oldPrimary: primary == nil ? nil : other, timeline: 1,
            switchLSN: scene.needsFork ? await fork() : nil,
            applicationName: scene.node(cluster).id.rawValue, reason: "a trial", extra: scene.facts)
    }

    /// Where b's timeline leaves a's.
    private func fork() async -> LSN? {
        let report = try? await cluster.inspect(cluster.b)
        return report?.histories.first { $0.timeline.number == 2 }?.ancestors.last?.end
    }

    private func missing() async throws -> HookVerdict.Check {
        do {
            return try await scene.missing(cluster).map { .failed($0) } ?? .passed
        } catch let error as TrialError {
            // The server that was to be asked does not answer.
            return .failed(error.because)
        }
    }
}
