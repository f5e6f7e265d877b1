/// Changes of the quorum on an open primary: through two configs at a time, forward only, closed
/// when the barrier is proven (PROTOCOL 2.3).
extension Rulebook {
    static let quorumRules: [Rule] = [
        Rule(
            "quorum.close", in: openPhases, alters: .quorum,
            "The new quorum is in force and holds all that the old one acknowledged."
        ) { view in
            guard let work = view.reconfiguring, view.proof(work) != nil,
                let config = view.cluster.configs.last
            else { return nil }
            let (cluster, _) = view.changed { next, _ in
                next.configs = [config]
                next.intent = nil
                next.quorumIsTampered = false
            }
            return .act(because: "quorum is \(config)", cluster: cluster, effects: [])
        },
        Rule(
            "quorum.divert", in: openPhases, alters: .quorum,
            "A voter is lost before the new quorum could be proven: go on to one without it. A "
                + "failover must satisfy all of them until then."
        ) { view in
            guard view.reconfiguring != nil, view.openPrimary != nil,
                view.intentAgeMs >= view.timers.degradeAfter,
                let config = view.cluster.configs.last,
                view.cluster.configs.count > 1 || view.cluster.quorumIsTampered,
                let (voter, why) = view.lostVoter
            else { return nil }
            return view.reconfigure(
                to: config.dropping(voter, alone: view.aloneForDrops), because: why)
        },
        Rule(
            "quorum.apply", in: openPhases, alters: .quorum,
            "Bring the new quorum into force on the primary and prove it."
        ) { view in
            guard let work = view.reconfiguring, view.openPrimary != nil, view.mayBegin(work) else {
                return nil
            }
            return .act(because: "the new quorum is not proven yet", cluster: nil, effects: [work])
        },
        Rule(
            "quorum.resume", in: openPhases, alters: .quorum,
            "A change of the quorum was interrupted: go on with it."
        ) { view in
            guard
                view.mayChangeQuorum(from: view.cluster.configs.count),
                view.cluster.configs.count > 1 || view.cluster.quorumIsTampered
            else { return nil }
            let (cluster, stamp) = view.changed { next, stamp in
                next.intent = view.intent(.reconfigure, stamp)
            }
            return .act(
                because:
                    "the proof of \(cluster.configs[cluster.configs.count - 1]) was interrupted",
                cluster: cluster, effects: [view.reconfiguration(of: cluster, stamp)])
        },
        Rule(
            "quorum.drop", in: openPhases, alters: .quorum,
            "A voter is lost: commits must not wait for it."
        ) { view in
            guard view.mayChangeQuorum(from: 1), let (voter, why) = view.lostVoter else {
                return nil
            }
            return view.reconfigure(
                to: view.cluster.configs[0].dropping(voter, alone: view.aloneForDrops), because: why
            )
        },
        Rule(
            "quorum.add", in: openPhases, alters: .quorum,
            "A standby has caught up: count it for commits."
        ) { view in
            guard view.mayChangeQuorum(from: 1), view.policy.numberSyncStandbys > 0,
                let voter = view.uncountedStandbys.first(where: { view.isReadyToVote($0.id) })?.id
            else { return nil }
            return view.reconfigure(
                to: view.cluster.configs[0].adding(voter), because: "\(voter) has caught up")
        },
        Rule(
            "quorum.raise", in: openPhases, alters: .quorum,
            "Enough standbys are fresh for the configured number of copies."
        ) { view in
            let config = view.cluster.configs[0]
            let raised = config.required + 1
            guard view.mayChangeQuorum(from: 1), config.required > 0,
                raised <= min(view.policy.numberSyncStandbys, config.voters.count),
                config.voters.count(where: { view.isFresh($0) }) >= raised
            else { return nil }
            return view.reconfigure(
                to: QuorumConfig(required: raised, voters: config.voters),
                because: "\(raised) voters are fresh")
        },
        Rule(
            "quorum.lower", in: openPhases, alters: .quorum,
            "Fewer copies are configured than commits wait for."
        ) { view in
            let config = view.cluster.configs[0]
            let wanted = max(view.policy.numberSyncStandbys, 0)
            guard view.mayChangeQuorum(from: 1), config.required > wanted else { return nil }
            let next =
                wanted == 0 ? .none : QuorumConfig(required: wanted, voters: config.voters)
            return view.reconfigure(to: next, because: "number_sync_standbys is \(wanted)")
        },
    ]
}

extension Situation {
    /// What is left when the last voter is dropped.
    var aloneForDrops: Policy.Alone {
        #if TOOLKIT_MUTANTS
            if policy.mutant == .ignoresBlock { return .allow }
        #endif
        return policy.alone
    }

    func mayChangeQuorum(from configs: Int) -> Bool {
        takesQuorumChanges && cluster.configs.count == configs
    }

    var reconfiguring: Effect? {
        guard hasIntent, let intent = cluster.intent, intent.kind == .reconfigure,
            cluster.elect != nil
        else {
            return nil
        }
        return reconfiguration(of: cluster, intent.stamp)
    }

    func reconfigure(to config: QuorumConfig, because: String) -> Verdict {
        let (next, stamp) = changed { next, stamp in
            next.configs.append(config)
            #if TOOLKIT_MUTANTS
                if policy.mutant == .dropsJointRule { next.configs = [config] }
            #endif
            next.intent = intent(.reconfigure, stamp)
        }
        return .act(
            because: because, cluster: next, effects: [reconfiguration(of: next, stamp)])
    }

    /// The work that brings the last of `next.configs` into force.
    func reconfiguration(of next: Cluster, _ stamp: Stamp) -> Effect {
        let (old, new) = (next.configs.dropLast(), next.configs[next.configs.count - 1])
        let everyVoter = Set(next.configs.flatMap(\.voters)).sorted().map(next.applicationName)
        return effect(
            .reconfigure(
                Effect.Reconfiguration(
                    standbyNames: next.standbyNames(new),
                    required: new.voters.isEmpty ? 0 : new.required,
                    voters: new.voters.map(next.applicationName), everyVoter: everyVoter,
                    // Restored names may have been empty: the flag is proven anew then, too.
                    startsFromNone: !new.voters.isEmpty
                        && (old.contains { $0.required == 0 } || next.quorumIsTampered))),
            on: next.lastPrimary, stamp)
    }

    /// A voter that must not be waited for, and why; asked while the primary is open.
    var lostVoter: (NodeID, String)? {
        guard let primary = cluster.elect else { return nil }
        let primaryFacts = facts(primary)
        guard let heard = primaryFacts.observedAt else { return nil }
        for index in lastVoters {
            if let why = reasonToRemove(at: index)
                ?? reasonNotToWait(at: index, heard: heard, primaryFacts.replies)
            {
                return (ids[index], why)
            }
        }
        return nil
    }

    /// It would not count rightly, or it can't come back as it is.
    private func reasonToRemove(at index: Int) -> String? {
        if let why = reasonToDrop(at: index) { return why }
        if hasDuplicate(ids[index]) {
            return "two connections carry the name of \(ids[index])"
        }
        if let member = standbysOutOfPlace.first(where: { $0.id == ids[index] }),
            let why = needsData(member)
        {
            return "\(member.id) can come back only with new data: \(why)"
        }
        return nil
    }

    /// It is silent, for the primary or for the scheduler. The primary was `heard` last at this moment:
    /// the time that the scheduler slept since is no evidence.
    private func reasonNotToWait(
        at index: Int, heard: Instant, _ replies: [Observed.Reply]
    ) -> String? {
        let voter = ids[index]
        let isLast = lastVoters.count == 1
        // Alone, the last one is waited for while it can still come back as it is.
        if isLast, aloneForDrops == .block { return nil }
        let silentSince = replies.silentSince(applicationName(at: index))
        if let silentSince, heard.since(silentSince) >= timers.degradeAfter {
            return "\(voter) was not heard by the primary for \(timers.degradeAfter) ms"
        }
        // A voter that never attached has no row whose absence could be dated.
        if silentSince == nil, isOverdue(voter) {
            return "\(voter) did not attach within \(timers.degradeAfter) ms"
        }
        if !isLast, let since = facts(at: index).unreachableSince,
            now.since(since) >= timers.voterUnreachable,
            lastVoters.contains(where: { $0 != index && facts(at: $0).answer != nil })
        {
            return "\(voter) could not be reached for \(timers.voterUnreachable) ms: "
                + "it could not be cut off in a failover"
        }
        return nil
    }

    /// The primary has been watched for `degradeAfter` without a row of this voter.
    private func isOverdue(_ voter: NodeID) -> Bool {
        guard let primary = cluster.elect, let since = facts(primary).openSince else {
            return false
        }
        return now.since(since) >= timers.degradeAfter
    }

    /// Proven on the lineage, seen on its tip, streaming under its current name, close to the
    /// primary's end. What it must hold in the end is proven by the barrier, not here.
    func isReadyToVote(_ id: NodeID) -> Bool {
        guard !isVoter(id), policy.node(id)?.replicationQuorum == true,
            let member = member(id), member.maintenance == nil,
            let attached = member.attach.term, attached >= cluster.tip.term, member.work == nil,
            isFresh(id), hasArrived(id), !hasDuplicate(id),
            let row = sender(id), let flush = row.flush,
            let primary = openPrimary, flush <= primary.position,
            primary.position.position - flush.position <= Self.caughtUpBytes,
            primary.slots.contains(where: { $0.name == id.slot && $0.isActive })
        else { return false }
        return true
    }

    /// A standby past the fork has a row that streams too, now and then, and what it reports as flushed
    /// is another branch's: as many bytes, other records (F35).
    private func hasArrived(_ id: NodeID) -> Bool {
        settledAnswer(id)?.history == cluster.tip.history
    }

    /// One WAL segment of the usual size: the rest arrives while the barrier is being proven.
    static let caughtUpBytes: UInt64 = 16 * 1024 * 1024
}
