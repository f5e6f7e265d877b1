/// The primary does not answer: is it gone, or is it me?
extension Rulebook {
    static let suspicionRules: [Rule] = [
        Rule(
            "suspect.begin", in: [.steady, .following, .opening], leadsTo: [.suspect],
            "A probe of the primary failed: ask everyone at once, decide nothing yet."
        ) { view in
            guard let elect = view.cluster.elect, view.primary == nil,
                view.facts(elect).isSettled, !view.mayBeOpening(elect)
            else { return nil }
            let (cluster, _) = view.changed { next, _ in
                next.phase = .suspect
                if case .open? = next.intent?.kind { next.intent = nil }
            }
            return .act(because: "\(elect) \(view.silence(elect))", cluster: cluster, effects: [])
        },
        Rule(
            "suspect.stalled", in: [.steady, .following, .suspect], leadsTo: [.sealing],
            alters: .quorum,
            "The primary answers, but its disk takes no write: another node has to go on."
        ) { view in
            guard let elect = view.cluster.elect, view.openPrimary != nil,
                let why = view.reasonToLeaveStalled(elect)
            else { return nil }
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(&next, stamp, preferred: nil, need: FenceNeed(.stalled))
            }
            return .act(because: why, cluster: cluster, effects: view.seals(stamp))
        },
        Rule(
            "suspect.cleared", in: [.suspect], leadsTo: [.following],
            "The primary answers again."
        ) { view in
            guard let elect = view.cluster.elect, view.primary != nil else { return nil }
            let (cluster, _) = view.changed { next, _ in next.phase = .following }
            return .act(because: "\(elect) answers again", cluster: cluster, effects: [])
        },
        Rule(
            "suspect.start_primary", in: [.suspect],
            "No standby may take its place: start the crashed primary, locked, to open it again."
        ) { view in
            guard let step = view.startOfLostPrimary, view.mayBegin(step) else { return nil }
            return .act(
                because: "only \(step.node) itself can go on", cluster: nil, effects: [step])
        },
        Rule(
            "suspect.hold", in: [.suspect],
            "No failover while one could be wrong or can't be proven safe."
        ) { view in view.reasonAgainstFailover.map(Verdict.hold) },
        Rule(
            "suspect.validate", in: [.suspect],
            "Ask failover_validation_command; while it refuses there is no failover."
        ) { view in
            guard view.policy.validatesFailover else { return nil }
            let question = view.validation
            if view.proof(question) != nil { return nil }
            if view.mayBegin(question) {
                return .act(
                    because: "a failover is due", cluster: nil, effects: [question])
            }
            return .hold("failover_validation_command to agree\(view.refusalOfValidation)")
        },
        Rule(
            "suspect.confirmed", in: [.suspect], leadsTo: [.sealing],
            "The primary is lost and so many standbys answer that no acknowledged commit can be: "
                + "begin a failover."
        ) { view in
            let (cluster, stamp) = view.changed(raisingTerm: true) { next, stamp in
                view.beginSealing(&next, stamp, preferred: nil)
            }
            let lost = view.cluster.lastPrimary
            return .act(
                because: "\(lost) \(view.silence(lost)), and too few voters hear from it to "
                    + "acknowledge a commit",
                cluster: cluster, effects: view.seals(stamp))
        },
    ]
}

extension Situation {
    /// Its standbys hear from a primary with a hung disk, and no commit returns (D17).
    func reasonToLeaveStalled(_ elect: NodeID) -> String? {
        guard let since = facts(elect).stalledSince, now.since(since) >= timers.stallTimeout,
            facts(elect).isStallConfirmed, policy.stall == .failover, policy.mode == .automatic,
            !isTampered, !lacksProof, canSealQuorum,
            cluster.intent == nil || cluster.intent?.kind == .reconfigure,
            observed.unconfirmedFailoverAt.map({ now.since($0) >= timers.minInterval }) ?? true
        else { return nil }
        return "no write of \(elect) reached its disk for \(timers.stallTimeout) ms "
            + "(\(facts(elect).stalledOn))"
    }

    /// An answer "in recovery" may come from before the promotion, later than its end: the opening
    /// that is under way tells.
    func mayBeOpening(_ elect: NodeID) -> Bool {
        guard let open = openIntent, answer(elect) != nil else { return false }
        return attempts(open.id).isInFlight
    }

    /// "refused 2 probes in a row", for a node that does not answer as it should.
    func silence(_ id: NodeID) -> String {
        let facts = facts(id)
        if let reason = facts.unreachable {
            let times = facts.failures == 1 ? "once" : "\(facts.failures) times in a row"
            return "did not answer \(times) (\(reason.rawValue))"
        }
        if let seen = facts.observation, !isOurs(seen) {
            return "is another database system (\(seen.systemIdentifier))"
        }
        return "is in recovery"
    }

    /// A look at the lost primary, then its start, when too few voters answer for a failover and it
    /// was seen crashed. What was shut down cleanly was shut down by somebody: it is left alone.
    var startOfLostPrimary: Effect? {
        let lost = cluster.lastPrimary
        let facts = facts(lost)
        guard !isTampered, !canSealQuorum, facts.unreachable == .refused,
            facts.administratorStopAt == nil, let since = facts.unreachableSince
        else { return nil }
        guard let seen = facts.inspection, let at = facts.inspectedAt, at.since(since) >= 0 else {
            return lookEffect(lost)
        }
        guard !seen.isPostmasterRunning, seen.dataDirectory == .present, seen.marker == .none,
            !seen.hasStandbySignal, seen.systemIdentifier == cluster.systemIdentifier,
            seen.controlState != "shut down"
        else { return nil }
        return effect(
            .start(isSealed: false), on: lost,
            Stamp(term: cluster.term, step: cluster.revision))
    }

    /// The question of this very suspicion: nothing is stored while it lasts.
    var validation: Effect {
        let visible = cluster.members.count { answer($0.id) != nil }
        return effect(
            .validate(visible: visible, total: cluster.members.count), on: cluster.lastPrimary,
            Stamp(term: cluster.term, step: cluster.revision))
    }

    var refusalOfValidation: String {
        guard case .failed(let why)? = attempts(validation.id).outcome else { return "" }
        return ": \(why)"
    }

    /// Why a failover may not begin now; nil when it may.
    var reasonAgainstFailover: String? {
        if policy.mode == .manual { return "failover.mode is manual: an operator decides" }
        return reasonUnproven ?? reasonToWait(cluster.lastPrimary)
    }

    /// Why a failover can't be proven safe, whoever asks for it; nil when it can.
    var reasonUnproven: String? {
        let lost = cluster.lastPrimary
        if isTampered {
            return "synchronous_standby_names of \(lost) were changed by another hand: a copy of "
                + "every commit is not proven; \(lost) must come back"
        }
        if lacksProof {
            return "no standby was proven to have every commit: only \(lost) itself can go on"
        }
        if !canSealQuorum {
            return "too few voters answer to prove that no acknowledged commit is lost: "
                + cluster.configs.map(missingVoters).joined(separator: "; ")
        }
        #if TOOLKIT_MUTANTS
            if policy.mutant == .ignoresFedQuorum { return nil }
        #endif
        if quorumIsFed {
            return "\(lost) is silent, but enough voters hear from it: the scheduler is cut off"
        }
        return nil
    }

    /// Names that are not ours were seen in force: a commit may have been acknowledged alone. One
    /// sighting is enough to wait.
    var isTampered: Bool {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .missesTampering { return false }
        #endif
        return cluster.quorumIsTampered || facts(cluster.lastPrimary).showsForeignNames
    }

    /// Grace, hysteresis and confirmation: what time alone will end.
    private func reasonToWait(_ lost: NodeID) -> String? {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .ignoresFedQuorum { return nil }
        #endif
        let facts = facts(lost)
        let isDead = facts.unreachable == .refused && everyReachableReceiverIsGone
        let failuresNeeded = facts.unreachable == nil ? 0 : timers.reconnectAttempts
        if facts.failures < failuresNeeded {
            return "probe \(facts.failures) of \(timers.reconnectAttempts) of \(lost) failed"
        }
        if let at = facts.administratorStopAt, now.since(at) < timers.cleanStopGrace {
            return "\(lost) was stopped by hand and has \(timers.cleanStopGrace) ms to come back"
        }
        if let since = facts.startingSince, now.since(since) < timers.crashRestartGrace {
            return "\(lost) is starting and has \(timers.crashRestartGrace) ms"
        }
        let confirm = isDead ? timers.confirmRefused : timers.confirm
        guard let since = quorumLostSince, now.since(since) >= confirm else {
            return "the loss of \(lost) to be confirmed for \(confirm) ms"
        }
        if !isDead, let last = observed.unconfirmedFailoverAt, now.since(last) < timers.minInterval
        {
            return "the last failover that no crash confirmed is less than "
                + "\(timers.minInterval) ms ago"
        }
        return nil
    }

    private func missingVoters(_ config: QuorumConfig) -> String {
        if isAsynchronous {
            let silent = electables.filter { answer($0) == nil }
            return "\(electablesNeeded) of \(electables.count) standbys needed, "
                + "\(silent.isEmpty ? "all answer" : "\(Rulebook.names(silent)) silent")"
        }
        let silent = config.voters.filter { answer($0) == nil }
        return "\(config.sealsNeeded ?? 0) of \(Rulebook.names(config.voters)) needed, "
            + (silent.isEmpty ? "all answer" : "\(Rulebook.names(silent)) silent")
    }

    /// From here on nobody may write until a node is opened. `need` says why the old primary must
    /// be seen stopped before; an asynchronous one always must, unless the policy waives that.
    func beginSealing(
        _ next: inout Cluster, _ stamp: Stamp, preferred: NodeID?, need: FenceNeed? = nil
    ) {
        let isFreeToAcknowledge = isAsynchronous && !policy.acceptsSplitBrainWindow
        next.fenceNeed = need ?? (isFreeToAcknowledge ? FenceNeed(.asynchronous) : nil)
        next.acceptedLoss = nil
        next.elect = nil
        next.phase = .sealing
        next.intent = intent(.seal(preferred: preferred), stamp)
        next.outageSinceWallMs = next.outageSinceWallMs ?? now.wallMs
        for index in next.members.indices { next.members[index].work = nil }
    }
}
