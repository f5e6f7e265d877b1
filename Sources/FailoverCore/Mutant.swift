#if TOOLKIT_MUTANTS
    /// Deliberate faults of the protocol (PROTOCOL 6.3), one at a time, in the simulator's build only:
    /// each must break a promise that the simulator sees.
    public enum Mutant: String, Hashable, Sendable, CaseIterable {
        /// M1: |S| − k sealed voters suffice.
        case sealsOneTooFew
        /// M3: a voter that does not answer counts as sealed where it was last seen.
        case countsSilentAsSealed
        /// M5: the highest (timeline, LSN) wins, whatever its lineage.
        case ignoresLineage
        /// M6: the highest priority wins, whatever it lacks.
        case choosesByPriority
        /// M8: only the new config counts from the start.
        case dropsJointRule
        /// M13: the seals are not looked at again before the opening.
        case opensUnverified
        /// M15: a voter whose seal timed out is taken for dead and counts no more.
        case timeoutIsDeath
        /// M19: a voter's data are replaced while it is counted.
        case clonesVoters
        /// M21: "streaming" is proof enough.
        case trustsStreaming
        /// M23: the opening of a candidate is given up for the old primary.
        case abortsOpening
        /// M26: stamps above the store's are not noticed.
        case missesRewoundStore
        /// M27: a lost candidate is waited for.
        case missesLostCandidate
        /// M29: a restarted primary is opened, whoever is ahead of it.
        case reopensBlindly
        /// M31: history and LSN prove a place, without an attachment.
        case trustsHistory
        /// M33: the certificate is used across an opening.
        case keepsCertificate
        /// M35: the floor is not raised by an opening.
        case forgetsFloor
        /// A follower that is ahead of the new timeline is counted at once.
        case countsFollowersAhead
        /// The last voter is dropped although `synchronous.alone` is `block`.
        case ignoresBlock
        /// Names changed by another hand are not noticed.
        case missesTampering
        /// A failover begins although the voters hear from the primary.
        case ignoresFedQuorum
        /// A timeline that another node made under the same number and history is taken for ours.
        case missesTwins
        /// A standby that the primary does not hear is left as it is.
        case missesMispointed
        /// M20: two connections under one name count as two copies.
        case acceptsDuplicates
        /// A node that was run as a primary while it was left alone is taken for what it was.
        case forgetsStrays
        /// The attach number stays when a node gets another primary.
        case keepsNumbers
        /// A standby past the fork whose receiver waits is left as it is.
        case missesWaiting
    }

    extension Situation {
        func mutate(_ positions: inout [NodeID: LSN]) {
            for member in standbys {
                let facts = facts(member.id)
                if policy.mutant == .ignoresLineage, let seal = facts.seal {
                    positions[member.id] = seal.proof.position
                }
                if policy.mutant == .countsSilentAsSealed, answer(member.id) == nil {
                    positions[member.id] = facts.observation?.position
                }
            }
        }

        /// What a mutant takes for proven where the rules do not; nil: as the rules have it.
        func mutantFloor(_ sealed: [NodeID: LSN]) -> LSN? {
            switch policy.mutant {
            case .keepsCertificate: return cluster.certificate == nil ? nil : cluster.floor
            case .choosesByPriority:
                return election.provenFloor(sealed) == nil ? nil : .zero
            case .forgetsFloor: return election.provenFloor(sealed)
            case .sealsOneTooFew, .timeoutIsDeath: break
            default: return nil
            }
            var floor = LSN.zero
            for config in cluster.configs {
                var voters = config.voters
                if policy.mutant == .timeoutIsDeath { voters.removeAll(where: sealHasFailed) }
                let required = min(config.required, voters.count)
                var needed = voters.count - required + 1
                if policy.mutant == .sealsOneTooFew { needed = max(needed - 1, 1) }
                let positions = voters.compactMap { sealed[$0] }.sorted()
                guard required > 0, positions.count >= needed else { return nil }
                floor = max(floor, positions[needed - 1])
            }
            return max(floor, cluster.floor)
        }

        /// Nil: as the rules have it.
        var mutantCanSeal: Bool? {
            switch policy.mutant {
            case .countsSilentAsSealed: return cluster.configs.allSatisfy { !$0.voters.isEmpty }
            case .sealsOneTooFew:
                return cluster.configs.allSatisfy { config in
                    guard let needed = config.sealsNeeded else { return false }
                    return config.voters.count { answer($0) != nil } >= max(needed - 1, 1)
                }
            default: return nil
            }
        }

        private func sealHasFailed(_ id: NodeID) -> Bool {
            guard let stamp = cluster.intent?.stamp, facts(id).seal == nil else { return false }
            return attempts(effect(.seal, on: id, stamp).id).endedAt != nil || answer(id) == nil
        }

        func mutateOpening(_ next: inout Cluster) {
            if policy.mutant == .forgetsFloor { next.floor = cluster.floor }
            if policy.mutant == .keepsCertificate { next.certificate = cluster.certificate }
        }

        /// The old primary's opening in place of the candidate's, while that is under way.
        var mutantAbort: Verdict? {
            guard policy.mutant == .abortsOpening, cluster.phase == .opening,
                cluster.lineage.count > 1
            else { return nil }
            let old = cluster.lineage[cluster.lineage.count - 2].node
            guard old != cluster.elect, let seen = answer(old), !seen.isInRecovery else {
                return nil
            }
            let (next, stamp) = changed(raisingTerm: true) { next, stamp in
                next.lineage.removeLast()
                next.elect = next.lastPrimary
                next.intent = intent(.open(.abort), stamp)
            }
            return .act(
                because: "mutant", cluster: next, effects: [opening(of: next, stamp)])
        }
    }
#endif
