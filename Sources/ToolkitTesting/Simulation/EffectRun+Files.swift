import FailoverCore

/// The program of each effect, and its steps that go through node-apply and hooks.
extension Simulation {
    func program(_ effect: Effect, _ node: Int) -> [EffectRun.Operation] {
        let lock = EffectRun.Operation.apply(upstream: nil, opening: .removed, overSQL: true)
        switch effect.action {
        case .seal: return [lock, .readBackSealed, .sealWatch]
        case .promote: return [.promotion]
        case .open(let names):
            return [
                .apply(
                    upstream: nil, opening: .contents(SyncNames(names)), overSQL: true),
                .readBackNames(names), .leavesRecovery,
            ]
        case .reconfigure(let change):
            let write = EffectRun.Operation.apply(
                upstream: nil, opening: .contents(SyncNames(change.standbyNames)),
                overSQL: true)
            return [write, .readBackNames(change.standbyNames)] + barrier(change)
        case .follow(let attachment):
            return [
                .slots(upstream: index(attachment.upstream)),
                .apply(upstream: upstream(attachment), opening: .removed, overSQL: true),
                .hook(.follow, attachment, switchLSN: nil),
            ]
        case .rejoin(let method, let attachment, let switchLSN):
            let source = index(attachment.upstream)
            return [
                .checkpoint(source, isNeeded: method == .rewind),
                .slots(upstream: source),
                .apply(upstream: upstream(attachment), opening: .removed, overSQL: false),
                .stopIfRunning,
                .hook(
                    method == .rewind ? .rejoinRewind : .rejoinStart, attachment,
                    switchLSN: switchLSN),
            ]
        case .clone(let attachment):
            return [
                .slots(upstream: index(attachment.upstream)),
                .apply(upstream: upstream(attachment), opening: .removed, overSQL: false),
                .stopIfRunning, .hook(.clone, attachment, switchLSN: nil),
            ]
        case .start(let isSealed):
            let start = EffectRun.Operation.hook(.start, nil, switchLSN: nil)
            return isSealed
                ? [.apply(upstream: nil, opening: .removed, overSQL: false), start] : [start]
        case .fence: return [.fence]
        case .stopForSwitchover:
            return [
                .checkpoint(node, isNeeded: false),
                .apply(upstream: nil, opening: .removed, overSQL: false), .stopProof,
            ]
        case .quiesce(let target):
            return [
                .checkpoint(node, isNeeded: false), lock, .lockSeen,
                .handOver(target: ApplicationName.number(target)),
            ]
        case .fastForward(let attachment, let end):
            return [
                .apply(
                    upstream: upstream(attachment, hasSlot: false), opening: .removed, overSQL: true
                ),
                .readBackUpstream, .replayed(Int(end.position)),
            ]
        case .dropSlots(let slots):
            return [.dropSlots(slots.compactMap { slot in ids.firstIndex { $0.slot == slot } })]
        case .inspect: return [.inspect]
        case .validate: return [.validate]
        }
    }

    private func barrier(_ change: Effect.Reconfiguration) -> [EffectRun.Operation] {
        guard change.required > 0 else { return [] }
        var steps: [EffectRun.Operation] = []
        if change.startsFromNone, plan.mutant != .skipsCanary { steps.append(.flag(change)) }
        if plan.mutant != .skipsSenders { steps.append(.senders(change)) }
        if plan.mutant != .skipsCatchUp { steps.append(.catchUp(change)) }
        return steps
    }

    private func upstream(_ attachment: Effect.Attachment, hasSlot: Bool = true) -> Upstream {
        Upstream(
            node: index(attachment.upstream),
            name: ApplicationName.number(attachment.applicationName), hasSlot: hasSlot)
    }

    // MARK: - node-apply on two channels

    private static let patience: Int64 = 700_000

    /// Over SSH; over SQL beside it when that is silent, or in its place when it can't begin.
    func applyStep(_ run: EffectRun, _ request: NodeRequest, _ overSQL: Bool) -> EffectRun.Step {
        if run.applying == 0 {
            run.applying = 1
            run.applyBegan = now
            startRemote(.nodeApply(request), on: run.node, run, slot: 0, timeout: 5_000_000)
            return .wait(overSQL ? Self.patience : 6_000_000)
        }
        switch run.applying {
        case 1:
            if let result = run.results[0] { return applied(run, result, request, overSQL) }
            guard overSQL else { return waitForApply(run) }
            guard now - run.applyBegan >= Self.patience else {
                return .wait(Self.patience - (now - run.applyBegan))
            }
            switch reach(run.node, from: schedulers[run.scheduler].place) {
            case .answers:
                run.applying = 2
                return .wait(rtt(run) + 4_000)
            case .refuses: run.applying = 3
            case .silent: run.applying = 4
            }
            return .wait(run.applying == 4 ? 2_000_000 : 1)
        case 2:
            run.applying = 3
            if case .answers = reach(run.node, from: schedulers[run.scheduler].place),
                case .applied = apply(request, run.effect.stamp, on: run.node, over: .sql)
            {
                run.bootID = ""
                return .next
            }
            return .wait(1)
        case 5:
            return applyOverSQL(run, request)
        default:
            if let result = run.results[0] { return applied(run, result, request, overSQL) }
            return waitForApply(run)
        }
    }

    private func waitForApply(_ run: EffectRun) -> EffectRun.Step {
        let left = run.applyBegan + 5_100_000 - now
        return left > 0 ? .wait(left) : .end(.unknown("node-apply did not end in time"))
    }

    private func applied(
        _ run: EffectRun, _ result: RemoteJob.Result, _ request: NodeRequest, _ overSQL: Bool
    ) -> EffectRun.Step {
        switch result {
        case .applied(let boot):
            run.bootID = String(boot)
            return .next
        case .stale: return .end(.stale)
        case .tryAgain(let why): return .end(.tryAgain(why))
        case .failed(let why): return .end(.failed(why))
        case .notStarted(let why):
            guard overSQL else { return .end(.failed(why)) }
            run.applying = 5
            return applyOverSQL(run, request)
        case .done, .inspected, .lost: return .end(.failed("no such result"))
        }
    }

    private func applyOverSQL(_ run: EffectRun, _ request: NodeRequest) -> EffectRun.Step {
        if let step = connect(run, to: run.node, within: 2_000_000) { return step }
        switch apply(request, run.effect.stamp, on: run.node, over: .sql) {
        case .applied:
            run.bootID = ""
            return .next
        case .stale: return .end(.stale)
        case .failed(let why): return .end(.failed(why))
        default: return .end(.tryAgain("the node's files are locked"))
        }
    }

    // MARK: - Hooks

    func hookTimeout(_ hook: Hook) -> Int64 {
        switch hook {
        case .promote: policy.timers.promoteTimeout * 1_000
        case .clone, .rejoinRewind: 120_000_000
        case .follow, .disconnect: 10_000_000
        case .fence, .rejoinStart, .start, .stop, .restart: 60_000_000
        }
    }

    func hookStep(
        _ run: EffectRun, _ hook: Hook, _ attachment: Effect.Attachment?, _ switchLSN: LSN?
    ) -> EffectRun.Step {
        if run.stage == 0 {
            run.stage = 1
            startRemote(
                .hook(hook, attachment, switchLSN: switchLSN), on: run.node, run, slot: 1,
                timeout: hookTimeout(hook))
        }
        guard let result = run.results[1] else {
            let left = run.began + hookTimeout(hook) + 1_000_000 - now
            return left > 0 ? .wait(left) : .end(.unknown("\(hook) was ended"))
        }
        switch result {
        case .done(let rewoundFrom):
            switch hook {
            case .rejoinStart, .rejoinRewind: run.proof = .rejoined(rewoundFrom: rewoundFrom)
            default: break
            }
            return .next
        case .notStarted(let why):
            // The upstream is written and reloaded: the shipped script does no more.
            return hook == .follow ? .next : .end(.failed(why))
        default: return .end(outcome(result))
        }
    }

    func outcome(_ result: RemoteJob.Result) -> Outcome {
        switch result {
        case .stale: .stale
        case .tryAgain(let why): .tryAgain(why)
        case .failed(let why), .notStarted(let why): .failed(why)
        case .applied, .inspected, .done, .lost: .failed("no such result")
        }
    }

    func stopIfRunning(_ run: EffectRun) -> EffectRun.Step {
        if run.stage == 0 {
            switch inspected(run) {
            case .step(let step): return step
            case .seen(let seen):
                guard seen.isPostmasterRunning else { return .next }
                run.stage = 2
                startRemote(
                    .hook(.stop, nil, switchLSN: nil), on: run.node, run, slot: 1,
                    timeout: hookTimeout(.stop), before: hookAfterStop(run.effect))
            }
        }
        guard let result = run.results[1] else {
            let left = run.began + hookTimeout(.stop) + 7_000_000 - now
            return left > 0 ? .wait(left) : .end(.unknown("the stop was ended"))
        }
        if case .done = result { return .next }
        return .end(outcome(result))
    }

    private func hookAfterStop(_ effect: Effect) -> Hook? {
        guard plan.mutant != .stopsAgain else { return nil }
        return switch effect.action {
        case .clone: .clone
        case .rejoin(.rewind, _, _): .rejoinRewind
        default: .rejoinStart
        }
    }

    enum Inspected {
        case step(EffectRun.Step)
        case seen(NodeInspection)
    }

    /// A look over SSH in slot 0.
    func inspected(_ run: EffectRun) -> Inspected {
        if run.applying == 0 {
            run.applying = 1
            run.applyBegan = now
            startRemote(.inspect, on: run.node, run, slot: 0, timeout: 5_000_000)
            return .step(.wait(6_000_000))
        }
        guard let result = run.results[0] else {
            let left = run.applyBegan + 6_000_000 - now
            return .step(left > 0 ? .wait(left) : .end(.failed("inspect did not end in time")))
        }
        run.applying = 0
        if case .inspected(let seen) = result { return .seen(seen) }
        return .step(.end(outcome(result)))
    }

    func inspectStep(_ run: EffectRun) -> EffectRun.Step {
        switch inspected(run) {
        case .step(let step): return step
        case .seen(let seen):
            run.proof = .inspected(seen)
            return .next
        }
    }

    func validateStep(_ run: EffectRun) -> EffectRun.Step {
        if run.stage == 0 {
            run.stage = 1
            return .wait(20_000)
        }
        return remoteRandom.chance(30) ? .end(.failed("not now")) : .next
    }
}
