import FailoverCore

/// A command on its way to a node over SSH, and what it does there: `node-apply`, a look, or a hook
/// under its wrapper. Nothing ends it but its own end: whoever asked may be gone for long.
struct RemoteJob {
    enum Kind {
        case nodeApply(NodeRequest)
        case inspect
        case hook(Hook, Effect.Attachment?, switchLSN: LSN?)
    }

    enum Result {
        case applied(boot: Int)
        case inspected(NodeInspection)
        case done(rewoundFrom: LSN?)
        case stale
        case tryAgain(String)
        case failed(String)
        /// It never began.
        case notStarted(String)
        /// Nobody will hear of it.
        case lost
    }

    enum Stage {
        case travelling
        case waiting
        case working(Int)
        case over
    }

    var kind: Kind
    /// What a stop makes room for: done in this step, there is nothing to stop any more.
    var before: Hook?
    var node: Int
    var stamp: Stamp
    var place: Int
    var run: Int
    var slot: Int
    var runToken: Int
    var stage = Stage.travelling
    var token = 0
    var deadline: Int64
    var result = Result.lost
    var loses = false
    /// What a copy goes by.
    var sourceVersion = 0
}

/// What `node-apply` leaves on a node.
struct NodeRequest {
    enum Opening {
        case removed
        case contents(SyncNames)
    }

    var upstream: Upstream?
    var opening: Opening
}

extension Simulation {
    /// Sends a command on its way; the run is woken with its result.
    func startRemote(
        _ kind: RemoteJob.Kind, on node: Int, _ run: EffectRun, slot: Int, timeout: Int64,
        before: Hook? = nil
    ) {
        let place = schedulers[run.scheduler].place
        run.results[slot] = nil
        run.slotTokens[slot] += 1
        var job = RemoteJob(
            kind: kind, before: before, node: node, stamp: run.effect.stamp, place: place,
            run: run.index,
            slot: slot, runToken: run.slotTokens[slot], deadline: now + timeout)
        let index = jobs.count
        if !nodes[node].isUp || !network.isOpenBothWays(.ssh, place, node)
            || nodes[node].isMachineFrozen
        {
            job.result = .notStarted("connect timed out")
            jobs.append(job)
            return put(.remoteReturn(job: index), after: 5_000_000)
        }
        guard nodes[node].hasSSH else {
            job.result = .notStarted("connection refused")
            jobs.append(job)
            return put(.remoteReturn(job: index), after: 2_000)
        }
        var travel = 2_000 + network.latency(place, node, &remoteRandom)
        if plan.zombiePercent > 0, !isHealed, remoteRandom.chance(plan.zombiePercent) {
            let limits: [Int64] = [2_000_000, 20_000_000, 120_000_000, 600_000_000]
            travel += Int64(remoteRandom.below(Int(remoteRandom.pick(limits))))
            job.loses = remoteRandom.chance(70)
        } else if plan.lossPercent > 0, !isHealed, remoteRandom.chance(plan.lossPercent) {
            job.loses = true
        }
        if nodes[node].sshIsStuckUntil > now {
            travel += nodes[node].sshIsStuckUntil - now
            job.loses = true
        }
        jobs.append(job)
        put(.remoteArrive(job: index), after: travel)
    }

    func arrive(_ index: Int) {
        let job = jobs[index]
        guard case .travelling = job.stage else { return }
        guard nodes[job.node].isUp else { return endJob(index, .lost) }
        if nodes[job.node].isMachineFrozen {
            return put(.remoteArrive(job: index), after: 500_000)
        }
        trace.add(.remote, at: now, node: job.node, index, "command \(job.stamp) \(job.kind.name)")
        switch job.kind {
        case .inspect: endJob(index, .inspected(inspection(job.node)), after: 5_000)
        case .nodeApply(let request):
            endJob(index, apply(request, job.stamp, on: job.node, over: .ssh), after: 4_000)
        case .hook(let hook, _, _): arrive(index, hook)
        }
    }

    // MARK: - node-apply

    enum CommandChannel {
        case ssh
        case sql
    }

    /// Under the node's lock: the stamp first, then the files, whole.
    func apply(
        _ request: NodeRequest, _ stamp: Stamp, on node: Int, over channel: CommandChannel
    ) -> RemoteJob.Result {
        guard accepts(stamp, node, over: channel) else { return .stale }
        if nodes[node].isDiskFull { return .failed("no space left on device") }
        judge.writes(stamp, on: node, ids, nodes[node].stamp)
        endOlderHook(node, stamp)
        nodes[node].stamp = max(nodes[node].stamp ?? stamp, stamp)
        nodes[node].formerUpstream = nodes[node].nodeConf.upstream ?? nodes[node].formerUpstream
        nodes[node].nodeConf = NodeConf(
            upstream: request.upstream, written: request.upstream, stamp: stamp)
        nodes[node].tamperedNames = nil
        switch request.opening {
        case .removed:
            nodes[node].openConf = nil
        case .contents(let names):
            nodes[node].startsLocked = false
            nodes[node].openConf = OpenConf(names: names, stamp: stamp)
        }
        trace.add(
            .applied, at: now, node: node, stamp.term.number, stamp.step.number,
            "node files of \(stamp): upstream "
                + "\(request.upstream.map { "\(ids[$0.node]) as \($0.name)" } ?? "none"), "
                + "\(request.opening)")
        reload(node)
        return .applied(boot: nodes[node].boot)
    }

    func accepts(_ stamp: Stamp, _ node: Int, over channel: CommandChannel) -> Bool {
        guard let accepted = nodes[node].stamp, stamp < accepted else { return true }
        if plan.mutant == .ignoresStamps { return true }
        if plan.mutant == .ignoresStampsOverSQL, channel == .sql { return true }
        return false
    }

    /// A higher term ends what still runs for a lower one.
    private func endOlderHook(_ node: Int, _ stamp: Stamp) {
        guard let hook = nodes[node].hook, jobs[hook].stamp.term < stamp.term else { return }
        endJob(hook, .stale)
    }

    // MARK: - Hooks

    private func arrive(_ index: Int, _ hook: Hook) {
        let job = jobs[index]
        guard accepts(job.stamp, job.node, over: .ssh) else { return endJob(index, .stale) }
        judge.writes(job.stamp, on: job.node, ids, nodes[job.node].stamp)
        endOlderHook(job.node, job.stamp)
        let isDone = nodes[job.node].marks.contains {
            $0.stamp == job.stamp && ($0.hook == hook || $0.hook == job.before)
        }
        if isDone {
            return endJob(index, .done(rewoundFrom: nil), after: 3_000)
        }
        nodes[job.node].stamp = max(nodes[job.node].stamp ?? job.stamp, job.stamp)
        if nodes[job.node].hook != nil {
            jobs[index].stage = .waiting
            guard now < job.deadline else { return endJob(index, .tryAgain("another hook runs")) }
            return nextStage(index, after: 100_000)
        }
        nodes[job.node].hook = index
        jobs[index].stage = .working(0)
        nextStage(index, after: 10_000)
    }

    func nextStage(_ index: Int, after microseconds: Int64) {
        jobs[index].token += 1
        put(.remoteStage(job: index, token: jobs[index].token), after: microseconds)
    }

    func goOn(_ index: Int, _ token: Int) {
        let job = jobs[index]
        guard job.token == token else { return }
        guard nodes[job.node].isUp else { return endJob(index, .lost) }
        if nodes[job.node].isMachineFrozen { return nextStage(index, after: 500_000) }
        guard case .hook(let hook, let attachment, let switchLSN) = job.kind else { return }
        switch job.stage {
        case .travelling, .over: return
        case .waiting: arrive(index, hook)
        case .working(let stage):
            // Under a deadline of its own.
            guard now < job.deadline else {
                return endJob(index, .failed("the deadline has passed"))
            }
            work(index, hook, stage, attachment, switchLSN)
        }
    }

    func advance(_ index: Int, to stage: Int, after microseconds: Int64) {
        jobs[index].stage = .working(stage)
        nextStage(index, after: microseconds)
    }

    // MARK: - The end

    func endJob(_ index: Int, _ result: RemoteJob.Result, after microseconds: Int64 = 1_000) {
        let job = jobs[index]
        if case .over = job.stage { return }
        jobs[index].stage = .over
        jobs[index].token += 1
        jobs[index].result = result
        if nodes[job.node].hook == index {
            nodes[job.node].hook = nil
            if case .done = result, case .hook(let hook, _, _) = job.kind, hook.isMarked {
                nodes[job.node].marks.removeAll { $0.stamp != job.stamp }
                nodes[job.node].marks.append(HookMark(stamp: job.stamp, hook: hook))
            }
        }
        if case .lost = result { return }
        guard !job.loses, network.isOpen(.ssh, job.node, job.place) else { return }
        put(.remoteReturn(job: index), after: microseconds)
    }

    func giveBack(_ index: Int) {
        let job = jobs[index]
        let run = runs[job.run]
        guard run.slotTokens[job.slot] == job.runToken, !run.isOver else { return }
        run.results[job.slot] = job.result
        run.token += 1
        wake(job.run, run.token)
    }
}

extension RemoteJob.Kind {
    var name: String {
        switch self {
        case .nodeApply: "node-apply"
        case .inspect: "inspect"
        case .hook(let hook, _, _): "\(hook)"
        }
    }
}
