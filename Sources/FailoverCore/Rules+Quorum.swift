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
                let (voter, why) = view.lostVoter(of: config)
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
            guard view.mayChangeQuorum(from: 1),
                let (voter, why) = view.lostVoter(of: view.cluster.configs[0])
            else {
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

    /// No change while another is under way, while the primary is not open and well, or while foreign
    /// names may be in force: their end must be proven down to the checkpointer's flag.
    func mayChangeQuorum(from configs: Int) -> Bool {
        !hasIntent && cluster.configs.count == configs && openPrimary != nil
            && (cluster.quorumIsTampered || !facts(cluster.lastPrimary).showsForeignNames)
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
    func lostVoter(of config: QuorumConfig) -> (NodeID, String)? {
        let isLast = config.voters.count == 1
        guard let primary = cluster.elect, let heard = observed[primary].observedAt else {
            return nil
        }
        let replies = facts(primary).replies
        for voter in config.voters {
            if !policy.nodes.contains(where: { $0.id == voter }) {
                return (voter, "\(voter) is not in cluster.yaml any more")
            }
            if policy.node(voter)?.replicationQuorum == false {
                return (voter, "replication_quorum of \(voter) is false")
            }
            if member(voter)?.maintenance != nil {
                return (voter, "\(voter) goes into maintenance")
            }
            if hasDuplicate(voter) {
                return (voter, "two connections carry the name of \(voter)")
            }
            if let member = standbysOutOfPlace.first(where: { $0.id == voter }),
                let why = needsData(member)
            {
                return (voter, "\(voter) can come back only with new data: \(why)")
            }
            // Alone, the last one is waited for while it can still come back as it is.
            #if TOOLKIT_MUTANTS
                let isHeld = policy.alone == .block && policy.mutant != .ignoresBlock
            #else
                let isHeld = policy.alone == .block
            #endif
            if isLast && isHeld { return nil }
            // Counted up to the last answer: the time that the scheduler slept is no evidence.
            let silentSince = replies.silentSince(applicationName(voter))
            if let silentSince, heard.since(silentSince) >= timers.degradeAfter {
                return (
                    voter,
                    "\(voter) was not heard by the primary for "
                        + "\(timers.degradeAfter) ms"
                )
            }
            // A voter that never attached has no row whose absence could be dated.
            if silentSince == nil, isOverdue(voter) {
                return (voter, "\(voter) did not attach within \(timers.degradeAfter) ms")
            }
            if !isLast, let since = facts(voter).unreachableSince,
                now.since(since) >= timers.voterUnreachable,
                config.voters.contains(where: { $0 != voter && answer($0) != nil })
            {
                return (
                    voter,
                    "\(voter) could not be reached for \(timers.voterUnreachable) ms: "
                        + "it could not be cut off in a failover"
                )
            }
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

    /// Proven on the lineage, streaming under its current name, close to the primary's end. What
    /// it must hold in the end is proven by the barrier, not here.
    func isReadyToVote(_ id: NodeID) -> Bool {
        guard !isVoter(id), policy.node(id)?.replicationQuorum == true,
            let member = member(id), member.maintenance == nil,
            let attached = member.attach.term, attached >= cluster.tip.term, member.work == nil,
            isFresh(id), !hasDuplicate(id), let row = sender(id), let flush = row.flush,
            let primary = openPrimary, flush <= primary.position,
            primary.position.position - flush.position <= Self.caughtUpBytes,
            primary.slots.contains(where: { $0.name == id.slot && $0.isActive })
        else { return false }
        return true
    }

    /// One WAL segment of the usual size: the rest arrives while the barrier is being proven.
    static let caughtUpBytes: UInt64 = 16 * 1024 * 1024
}
