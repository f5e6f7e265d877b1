/// One row of the rulebook: in these phases, when `verdict` answers, this happens.
public struct Rule: Sendable {
    public let id: RuleID
    /// Where it is asked.
    public let phases: Set<Phase>
    /// Where it may lead; empty: the phase stays.
    public let leadsTo: Set<Phase>
    /// What it may change beside the phase; what it does not alter stays.
    public let alters: Alteration
    /// One sentence for the operator.
    public let says: String
    /// Nil: it does not apply, ask the next one.
    let verdict: @Sendable (Situation) -> Verdict?

    init(
        _ id: RuleID, in phases: Set<Phase>, leadsTo: Set<Phase> = [],
        alters: Alteration = [], _ says: String,
        _ verdict: @escaping @Sendable (Situation) -> Verdict?
    ) {
        self.id = id
        self.phases = phases
        self.leadsTo = leadsTo
        self.alters = alters
        self.says = says
        self.verdict = verdict
    }
}

extension Rule {
    /// Which assigned states a rule may change while their roles stay.
    public struct Alteration: OptionSet, Hashable, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// The configs, the work on them, or the proof that the old primary was stopped.
        public static let quorum = Alteration(rawValue: 1)
        /// Attachment or work of members.
        public static let members = Alteration(rawValue: 2)
        /// A member is to be left to the operator, is left, or is given back.
        public static let asksForMaintenance = Alteration(rawValue: 4)
        public static let entersMaintenance = Alteration(rawValue: 8)
        public static let endsMaintenance = Alteration(rawValue: 16)
        /// A member begins to fetch WAL from a peer, or ends it.
        public static let fetches = Alteration(rawValue: 32)

        static let ofStandbys: Alteration = [
            .members, .asksForMaintenance, .entersMaintenance, .endsMaintenance, .fetches,
        ]
    }
}

/// What a rule answers.
indirect enum Verdict {
    /// Nothing may happen now; the sentence says what is waited for.
    case hold(String)
    /// `cluster` is nil when only effects of a stored intent are asked for (again).
    case act(because: String, cluster: Cluster?, effects: [Effect])
}

/// All rules, in the order in which they are asked: the first that answers wins.
public enum Rulebook {
    public static let standard: [Rule] =
        vigilanceRules + orderRules + suspicionRules + switchoverRules + sealingRules
        + promotionRules + openingRules + quorumRules + maintenanceRules + memberRules

    /// Those that are asked in this phase.
    static func rules(in phase: Phase) -> [Rule] { byPhase[phase] ?? [] }

    private static let byPhase = Dictionary(
        uniqueKeysWithValues: Phase.allCases.map { phase in
            (phase, standard.filter { $0.phases.contains(phase) })
        })

    static let openPhases: Set<Phase> = [.steady, .following]
    static let everyPhase = Set(Phase.allCases)
}
