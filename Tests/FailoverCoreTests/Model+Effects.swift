import FailoverCore

/// One attempt of an effect on its way: it begins late, may take some time, and its result may be
/// lost, or be told long after.
struct ModelJob {
    enum Stage: Hashable {
        case waiting
        /// Data is being replaced, or a barrier proven: position to be covered.
        case running(Int)
        case over
    }

    var effect: Effect
    var stage = Stage.waiting
    /// When it acts next.
    var at: Int64
    /// When its deadline is told as unknown, though it may still act.
    var deadline: Int64
    var resultDelay: Int64
    /// The scheduler that asked for it.
    var owner: Int
}

extension Model {
    /// Nil: still running.
    mutating func act(_ job: inout ModelJob) -> Outcome? {
        let effect = job.effect
        let id = effect.node
        if case .running(let goal) = job.stage { return goOn(effect, goal) }
        if effect.id.name == "validate" { return .done(.none) }
        if case .inspect = effect.action {
            return self[id].sshIsUp ? .done(.inspected(inspection(id))) : .failed("no ssh")
        }
        guard self[id].sshIsUp || self[id].answersSQL && !needsSSH(effect.action) else {
            return .failed("can't be reached")
        }
        if case .dropSlots = effect.action { return .done(.none) }
        if let stamp = self[id].stamp, effect.stamp < stamp { return .stale }
        self[id].stamp = effect.stamp
        let outcome = begin(effect)
        if outcome == nil { job.stage = .running(self[id].wal.count) }
        return outcome
    }

    private func needsSSH(_ action: Effect.Action) -> Bool {
        switch action {
        case .seal, .promote, .open, .reconfigure, .follow, .quiesce, .fastForward, .dropSlots:
            false
        case .rejoin, .clone, .start, .fence, .stopForSwitchover, .inspect, .validate: true
        }
    }

    private mutating func begin(_ effect: Effect) -> Outcome? {
        let id = effect.node
        switch effect.action {
        case .seal:
            lock(id)
            guard self[id].answersSQL else { return .tryAgain("no session") }
            return .done(
                .sealed(
                    SealProof(
                        position: self[id].position, timeline: self[id].history.timeline,
                        history: self[id].history, isOutOfRecovery: !self[id].isInRecovery,
                        postmasterStart: "\(self[id].run)")))
        case .promote:
            lock(id)
            guard self[id].answersSQL else { return .tryAgain("no session") }
            promote(id)
            let node = self[id]
            return .done(
                .promoted(
                    PromotionProof(timeline: node.history.timeline, history: node.history)))
        case .open(let names):
            self[id].upstream = nil
            let wasOpen = self[id].isOpen
            self[id].opening = .init(names: names, term: effect.stamp.term)
            guard self[id].answersSQL else { return .tryAgain("no session") }
            guard !self[id].isInRecovery else { return .failed("in recovery") }
            note("\(id) is \(wasOpen ? "still " : "")open, \(names)")
            opened(id, in: effect.stamp.term)
            return .done(.opened(bootID: self[id].sshIsUp ? "\(self[id].boot)" : ""))
        case .reconfigure(let change):
            self[id].opening = .init(names: change.standbyNames, term: effect.stamp.term)
            return self[id].answersSQL && self[id].isOpen ? nil : .tryAgain("not open")
        case .follow(let attachment):
            lock(id)
            self[id].upstream = .init(
                node: attachment.upstream, name: attachment.applicationName)
            return .done(.none)
        case .rejoin(_, let attachment, _), .clone(let attachment):
            guard self[attachment.upstream].isOpen, isLinked(id, attachment.upstream) else {
                return .tryAgain("the source is down")
            }
            stop(id)
            self[id].startsAt = nil
            lock(id)
            self[id].upstream = .init(
                node: attachment.upstream, name: attachment.applicationName)
            if case .rejoin(.start, _, _) = effect.action {
                self[id].hasStandbySignal = true
                start(id)
                return .done(.rejoined(rewoundFrom: nil))
            }
            if case .clone = effect.action {
                self[id].marker = .cloning
            } else {
                self[id].marker = .rewinding
            }
            return nil
        case .start(let isSealed):
            if isSealed { lock(id) }
            start(id)
            return self[id].isRunning ? .done(.none) : .failed("it does not start")
        case .fence:
            lock(id)
            stop(id)
            self[id].startsAt = nil
            return .done(.none)
        case .stopForSwitchover:
            lock(id)
            return stopCleanly(id)
        case .quiesce:
            self[id].opening = nil
            self[id].waiting = []
            guard self[id].answersSQL else { return .tryAgain("no session") }
            self[id].wal.append(newRecord())
            return nil
        case .fastForward(let attachment, _):
            lock(id)
            self[id].upstream = .init(
                node: attachment.upstream, name: attachment.applicationName)
            return nil
        case .dropSlots: return .done(.none)
        case .inspect, .validate:
            return .failed("unreachable")
        }
    }

    private mutating func lock(_ id: NodeID) {
        self[id].opening = nil
        self[id].upstream = nil
        self[id].waiting = []
    }

    private mutating func stopCleanly(_ id: NodeID) -> Outcome {
        self[id].startsAt = nil
        if self[id].isRunning {
            let checkpoint = self[id].wal.count
            self[id].wal.append(newRecord())
            let source = self[id]
            for other in senders(of: id) where !self[other].isLagging {
                receive(other, from: source, atMost: 10_000)
            }
            stop(id)
            self[id].shutdownCheckpoint = checkpoint
        }
        guard let checkpoint = self[id].shutdownCheckpoint else {
            return .unknown("pg_control says in production")
        }
        return .done(
            .stopped(
                StopProof(
                    checkpoint: LSN(UInt64(checkpoint)), timeline: self[id].history.timeline)))
    }

    private mutating func goOn(_ effect: Effect, _ goal: Int) -> Outcome? {
        let id = effect.node
        // Whoever brought a higher stamp has ended it.
        guard self[id].stamp == effect.stamp else { return .stale }
        switch effect.action {
        case .reconfigure(let change):
            guard self[id].answersSQL, self[id].isOpen else { return .unknown("session lost") }
            guard change.required > 0 else { return .done(.none) }
            let flushed = senders(of: id)
                .filter { change.voters.contains(self[$0].upstream?.name ?? "") }
                .map { self[$0].wal.count }.sorted(by: >)
            guard flushed.count >= change.required, flushed[change.required - 1] >= goal else {
                return nil
            }
            return .done(.none)
        case .quiesce(let target):
            guard self[id].answersSQL, !self[id].isInRecovery else { return .unknown("lost") }
            let hasIt = senders(of: id).contains {
                self[$0].upstream?.name == target && self[$0].wal.count >= goal
            }
            guard hasIt else { return nil }
            return .done(
                .quiesced(
                    QuiesceProof(
                        end: LSN(UInt64(goal)), timeline: self[id].history.timeline)))
        case .fastForward(_, let target):
            guard self[id].answersSQL else { return .unknown("session lost") }
            return self[id].position >= target ? .done(.none) : nil
        case .rejoin(_, let attachment, _):
            let source = self[attachment.upstream]
            guard source.isOpen, isLinked(id, attachment.upstream) else {
                return .failed("the source is gone")
            }
            // pg_rewind trusts the number: equal ones need "no rewind" (F22a).
            if source.history.timeline != self[id].history.timeline { copy(source, to: id) }
            return arrive(id)
        case .clone(let attachment):
            let source = self[attachment.upstream]
            guard source.isOpen, isLinked(id, attachment.upstream) else {
                return .failed("the source is gone")
            }
            copy(source, to: id)
            return arrive(id)
        default: return .failed("nothing to go on with")
        }
    }

    private mutating func copy(_ source: ModelNode, to id: NodeID) {
        self[id].wal = source.wal
        self[id].history = source.history
    }

    private mutating func arrive(_ id: NodeID) -> Outcome {
        self[id].marker = .none
        self[id].hasData = true
        self[id].hasStandbySignal = true
        start(id)
        return .done(.rejoined(rewoundFrom: nil))
    }

    // MARK: what is seen

    func inspection(_ id: NodeID) -> NodeInspection {
        let node = self[id]
        return NodeInspection(
            bootID: "\(node.boot)", stamp: node.stamp, isPostmasterRunning: node.isRunning,
            dataDirectory: node.hasData ? .present : .missing, marker: node.marker,
            systemIdentifier: node.hasData ? "42" : nil,
            controlState: node.shutdownCheckpoint == nil ? "in production" : "shut down",
            checkpoint: LSN(UInt64(node.shutdownCheckpoint ?? node.wal.count)),
            timeline: node.history.timeline, history: node.history,
            hasStandbySignal: node.hasStandbySignal)
    }

    func observation(_ id: NodeID) -> NodeObservation {
        let node = self[id]
        let rows = senders(of: id)
        return NodeObservation(
            systemIdentifier: "42", isInRecovery: node.isInRecovery,
            timeline: node.history.timeline, history: node.history, position: node.position,
            receiver: streams(id) ? .init(status: "streaming", messageAgeMs: 10) : nil,
            senders: rows.map {
                .init(
                    applicationName: self[$0].upstream?.name ?? "", state: "streaming",
                    flush: self[$0].position, replyTime: "\(now)")
            },
            slots: ids.map {
                .init(name: $0.slot, isActive: rows.contains($0), walStatus: "reserved")
            },
            standbyNames: node.opening?.names ?? NodeObservation.lockedNames,
            isReadOnly: node.opening == nil, attachedAs: node.upstream?.name, stamp: node.stamp,
            postmasterStart: "\(node.run)")
    }
}
