#if TOOLKIT_MUTANTS
    import FailoverCore
    import Testing
    import ToolkitTesting

    #if canImport(Glibc)
        import Glibc
    #endif

    @Suite("Simulation: deliberate faults of the protocol are seen")
    struct MutantTests {
        /// A fault, and the profile of schedules that is to show it.
        struct Case: Sendable {
            var name: String
            var profile: String?
            var apply: @Sendable (Plan) -> Plan
        }

        struct Caught: Sendable {
            var name: String
            var invariant: String?
            var seed: UInt64
            var says: String
        }

        static let cases: [Case] =
            Mutant.allCases.map { mutant in
                Case(
                    name: mutant.rawValue, profile: profiles[mutant.rawValue],
                    apply: { plan in
                        var plan = plan.with(mutant)
                        if mutant == .ignoresBlock { plan.policy.alone = .block }
                        return plan
                    })
            }
            + ModelMutant.allCases.map { mutant in
                Case(
                    name: mutant.rawValue, profile: profiles[mutant.rawValue],
                    apply: { plan in
                        var plan = plan.with(mutant)
                        if mutant == .skipsSenders, plan.policy.nodes.count > 2 {
                            plan.policy.numberSyncStandbys = 2
                        }
                        // Only there a fence decides.
                        if mutant == .timeoutIsSuccess {
                            plan.policy.numberSyncStandbys = 0
                            plan.policy.acceptsSplitBrainWindow = false
                        }
                        return plan
                    })
            }

        /// Where a fault needs troubles of a kind; the others are seen in the mix of all.
        static let profiles: [String: String] = [
            "opensUnverified": "lifted", "missesRewoundStore": "scheduler",
            "reopensBlindly": "resets", "missesTampering": "operators", "missesTwins": "forks",
            "trustsHistory": "forks", "missesMispointed": "operators",
            "sealLeavesArchive": "forks", "keepsLostSlots": "operators",
            "ignoresStampsOverSQL": "scheduler", "trustsNoRewindRequired": "twins",
            "skipsReadBack": "churn", "skipsCanary": "churn", "skipsSenders": "churn",
            "trustsReturnedCanary": "churn", "skipsCatchUp": "closings",
            "sealsByReload": "blind", "readsPositionEarly": "laggards", "sealsOneTooFew": "lags",
            "countsSilentAsSealed": "lags", "timeoutIsDeath": "laggards",
            "choosesByPriority": "lags", "forgetsFloor": "lags", "ignoresLineage": "twins",
            "countsFollowersAhead": "lags", "lockClearsNames": "lags",
            "readsReceivedPosition": "lags", "missesLostCandidate": "unseals",
            "acceptsDuplicates": "operators", "ignoresFedQuorum": "partitions",
            "ignoresBlock": "crashes", "timeoutIsSuccess": "stuck",
            "trustsStreaming": "calm", "keepsNumbers": "twins",
            "forgetsStrays": "strays", "dropsJointRule": "churn", "keepsCertificate": "lags",
        ]

        @Test(.enabled(if: Setting.number("TOOLKIT_SEED") == nil))
        func everyOneIsCaught() async {
            let only = Setting.text("TOOLKIT_MUTANT")
            let limit = Setting.number("TOOLKIT_MUTANT_SEEDS") ?? 2_000
            let cases = Self.cases.filter { only == nil || $0.name == only }
            let results = await withTaskGroup(of: [Caught].self) { group in
                for worker in 0..<2 {
                    group.addTask {
                        stride(from: worker, to: cases.count, by: 2).map {
                            Self.hunt(cases[$0], limit: limit)
                        }
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            for result in results.sorted(by: { $0.name < $1.name }) {
                print(
                    result.invariant.map {
                        "\(result.name): \($0) at seed \(result.seed): \(result.says.prefix(150))"
                    } ?? "\(result.name): NOT CAUGHT in \(result.seed) seeds")
            }
            let caught = results.count { $0.invariant != nil }
            print("\(caught) of \(results.count) mutants caught")
            #expect(results.filter { $0.invariant == nil }.map(\.name) == [])
        }

        static func hunt(_ mutant: Case, limit: UInt64) -> Caught {
            let profile = mutant.profile.flatMap { name in
                FaultProfile.named(name)
            }
            for seed in 1...limit {
                let result = Simulator.run(mutant.apply(Plan(seed: seed, profile: profile)))
                if let violation = result.violation {
                    // What the core breaks without it proves nothing.
                    let plain = Plan(seed: seed, profile: profile)
                    if Simulator.run(plain).violation != nil { continue }
                    print("\(mutant.name): \(violation.invariant) at seed \(seed)")
                    fflush(nil)
                    return Caught(
                        name: mutant.name, invariant: violation.invariant, seed: seed,
                        says: violation.says)
                }
            }
            print("\(mutant.name): not caught in \(limit) seeds")
            fflush(nil)
            return Caught(name: mutant.name, invariant: nil, seed: limit, says: "")
        }

        /// The checker can fail: disks that lie about a flush lose what was acknowledged.
        @Test(.enabled(if: Setting.number("TOOLKIT_SEED") == nil))
        func lyingDisksLoseCommits() {
            let crashes = FaultProfile.named("crashes")
            let violations = (UInt64(1)...100).lazy.compactMap {
                Simulator.run(Plan(seed: $0, profile: crashes).withLyingDisks()).violation
            }
            #expect(violations.contains { $0.invariant == "I1" })
        }
    }
#endif
