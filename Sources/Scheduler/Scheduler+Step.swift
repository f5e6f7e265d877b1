import ClusterFile
import FailoverCore
import Logging
import Store

extension Scheduler {
    /// Rules that one event may cause in a row. A longer chain would be a loop between rules.
    private static let rulesPerEvent = 50

    /// Steps the machine with `event`, then with ticks until it holds. A change is stored before
    /// its effects begin; what could not be stored is not done.
    ///
    /// Returns the rules that fired.
    @discardableResult
    func step(_ event: Event) async -> [RuleID] {
        var event = event
        var rules: [RuleID] = []
        for _ in 0..<Self.rulesPerEvent {
            // Nobody is shown what is not stored.
            var next = machine
            guard
                case .act(let rule, let because, let effects, let isStored) = next.step(
                    event, at: clock.now)
            else {
                machine = next
                return rules
            }
            let decision = record(rule, because, from: machine.cluster, to: next.cluster, effects)
            if isStored {
                guard await save(next, decision) else { return rules }
                Failpoint.reach("after-store:\(rule)")
                lastQuietRule = nil
            } else {
                machine = next
                if lastQuietRule != rule {
                    lastQuietRule = rule
                    unsaved.append(decision)
                    tell([decision])
                }
            }
            for effect in effects { begin(effect) }
            rules.append(rule)
            event = .tick
        }
        logger.error("more than \(Self.rulesPerEvent) rules fired for one event")
        return rules
    }

    /// The same effect is asked for again until it is done; one attempt at a time.
    private func begin(_ effect: Effect) {
        guard inFlight[effect.id] == nil else { return }
        Failpoint.reach("before-effect:\(effect.action.name)")
        let cluster = machine.cluster
        inFlight[effect.id] = Task { [executor, post, logger] in
            logger.debug("\(effect.id) begins")
            let report = await executor.run(effect, in: cluster)
            Failpoint.reach("after-effect:\(effect.action.name)")
            post.yield(.ended(effect, report))
        }
    }

    // MARK: - The store

    private func save(_ next: FailoverMachine, _ decision: EventRecord) async -> Bool {
        let events = unsaved + [decision]
        do throws(StoreError) {
            try await store.save(next.cluster, events: events, after: machine.cluster.revision)
            machine = next
            unsaved = []
            lastQuietSave = clock.now
            tell([decision])
            return true
        } catch {
            await lost(error)
            return false
        }
    }

    /// The decision is void, and what is stored now is unknown until it was read.
    private func lost(_ error: StoreError) async {
        logger.error("\(error)")
        trouble = error
        _ = await recoverStore()
    }

    /// Whether the store works again: then the machine begins anew from what it holds.
    func recoverStore() async -> Bool {
        let now = clock.now
        if let last = lastRecovery, now.since(last) < 500 { return false }
        lastRecovery = now
        do throws(StoreError) {
            guard let cluster = try await store.load() else { return false }
            let because = trouble?.description ?? ""
            // Proves that it can be written, too.
            try await store.append(
                unsaved + [
                    scheduler("went on from the stored state", because: because, cluster)
                ])
            unsaved = []
            machine = FailoverMachine(cluster: cluster, policy: settings.policy)
            trouble = nil
            for observer in observers.values { await observer.probeNow() }
            return true
        } catch {
            trouble = error
            return false
        }
    }

    /// Stores what changed no state: soon while nothing urgent is on, else now and then.
    func saveQuietly(isUrgent: Bool = false) async {
        let now = clock.now
        guard !unsaved.isEmpty else { return }
        if isUrgent, let last = lastQuietSave, now.since(last) < 2_000 { return }
        lastQuietSave = now
        let events = unsaved
        do throws(StoreError) {
            try await store.append(events)
            unsaved.removeFirst(events.count)
        } catch {
            await lost(error)
        }
    }

    func refuseWhileBroken(_ input: Input) {
        switch input {
        case .ended(let effect, _): inFlight[effect.id] = nil
        case .childrenTold(let id, _, _): inFlight[id] = nil
        case .order(_, _, let progress):
            let error = trouble
            progress.yield(
                .refused(
                    Refusal(
                        "the order is not taken", because: error?.because ?? "the store fails",
                        next: error?.next ?? "see the scheduler's log")))
            progress.finish()
        case .event: break
        }
    }
}

// MARK: - Events

extension Scheduler {
    private func record(
        _ rule: RuleID, _ because: String, from before: Cluster, to now: Cluster,
        _ effects: [Effect]
    ) -> EventRecord {
        let begun = effects.map { "\($0.action.name) on \($0.node)" }.joined(separator: ", ")
        let hasMoved = before.phase != now.phase
        return EventRecord(
            wallMs: clock.now.wallMs, revision: now.revision, term: now.term, kind: .decision,
            rule: rule, fromPhase: hasMoved ? before.phase : nil,
            toPhase: hasMoved ? now.phase : nil,
            summary: ([hasMoved ? "\(before.phase) → \(now.phase)" : "", begun]
                .filter { !$0.isEmpty }).joined(separator: ", ").prefixed(by: rule),
            because: because)
    }

    /// A node that stays away is tried again and again: only what differs is an event.
    func note(_ effect: Effect, _ report: Executor.Report) {
        let (outcome, because) = report.outcome.words
        let ending = outcome + because
        guard lastEndings[effect.id] != ending else { return }
        if lastEndings.count > 100 { lastEndings = [:] }
        lastEndings[effect.id] = ending
        unsaved.append(record(effect, report))
    }

    private func record(_ effect: Effect, _ report: Executor.Report) -> EventRecord {
        let (outcome, because) = report.outcome.words
        let event = EventRecord(
            wallMs: clock.now.wallMs, revision: machine.cluster.revision, term: effect.stamp.term,
            kind: .effect, node: effect.node,
            summary: "\(effect.action.name) on \(effect.node): \(outcome)", because: because,
            effect: effect.id.description, outcome: outcome,
            durationMs: report.duration.milliseconds,
            output: report.output.isEmpty ? nil : report.output)
        tell([event])
        return event
    }

    func scheduler(_ summary: String, because: String, _ cluster: Cluster) -> EventRecord {
        EventRecord(
            wallMs: clock.now.wallMs, revision: cluster.revision, term: cluster.term,
            kind: .scheduler, summary: "the scheduler \(summary)", because: because)
    }
}

extension String {
    fileprivate func prefixed(by rule: RuleID) -> String {
        isEmpty ? "\(rule)" : "\(rule): \(self)"
    }
}

extension Outcome {
    /// As events name it, with what there is to say.
    var words: (outcome: String, because: String) {
        switch self {
        case .done(.rejoined(let end?)): ("done", "rewound from \(end)")
        case .done: ("done", "")
        case .failed(let because): ("failed", because)
        case .tryAgain(let because): ("try again", because)
        case .stale: ("stale", "the node has accepted a higher stamp")
        case .unknown(let because): ("unknown", because)
        }
    }
}
