/// Decides; never does. The same state, event and instant give the same decision everywhere.
///
/// A decision that changed `cluster` must be stored (compare-and-swap on the revision before it)
/// before its effects run; when that fails, the machine is thrown away and made anew from the
/// stored cluster.
public struct FailoverMachine: Hashable, Sendable {
    private var premises: Premises
    private(set) var observed: Observed
    /// What the last step waited for.
    private(set) var waitingFor = ""

    public init(cluster: Cluster, policy: Policy) {
        var cluster = cluster
        for node in policy.nodes where cluster[node.id] == nil {
            cluster.members.append(Member(id: node.id))
        }
        cluster.members.sort { $0.id < $1.id }
        premises = Premises(cluster, policy)
        observed = Observed(premises.ids)
    }

    public var policy: Policy { premises.policy }

    public private(set) var cluster: Cluster {
        get { premises.cluster }
        set { premises = Premises(newValue, premises.policy) }
    }

    /// Grows the revision, so that every later step is higher than any predecessor's. To be stored
    /// before anything else.
    public mutating func takeOver() {
        cluster.revision = cluster.revision.next
    }

    /// Whether every node has answered, or was found silent, since this machine was made.
    public var hasAskedEveryNode: Bool {
        policy.nodes.allSatisfy { observed[$0.id].wasProbed }
    }

    /// Takes in one event and returns what must happen next. At most one rule fires: call again
    /// with `.tick` until it holds.
    public mutating func step(_ event: Event, at now: Instant) -> Decision {
        observed.absorb(event, premises, at: now)
        var order: OperatorCommand?
        if case .ordered(let command) = event { order = command }
        let view = situation(at: now, order: order)
        observed.quorumLostSince = view.quorumLostSince
        let rules = premises.rules
        for index in rules.indices {
            guard let verdict = rules[index].verdict(view) else { continue }
            return take(verdict, of: rules[index], at: now)
        }
        waitingFor = ""
        return .hold(rule: nil, because: "")
    }

    private mutating func take(_ verdict: Verdict, of rule: Rule, at now: Instant) -> Decision {
        switch verdict {
        case .hold(let reason):
            waitingFor = reason
            return .hold(rule: rule.id, because: reason)
        case .act(let because, let changed, let effects):
            if let changed {
                precondition(
                    changed.isLegalSuccessor(of: cluster)
                        && (changed.phase == cluster.phase || rule.leadsTo.contains(changed.phase)),
                    "rule \(rule.id) makes an illegal move from \(cluster) to \(changed)")
                noteFailover(changed, at: now)
                cluster = changed
                observed.forgetAttempts(except: cluster.openStamps)
            }
            observed.begin(effects, at: now)
            return .act(
                rule: rule.id, because: because, effects: effects, isStored: changed != nil)
        }
    }

    /// Remembers a failover that was begun without a refused connection, for `minInterval`, and
    /// who failed as a candidate.
    private mutating func noteFailover(_ changed: Cluster, at now: Instant) {
        if case .promote(let candidate)? = cluster.intent?.kind, changed.phase == .sealing {
            observed.failedCandidacies[candidate, default: 0] += 1
        }
        if case .fastForward(let candidate, _, _)? = cluster.intent?.kind,
            changed.intent != cluster.intent
        {
            observed.fetches[candidate, default: 0] += 1
        }
        if case .open? = cluster.intent?.kind, changed.phase == .sealing {
            observed.failedOpenings.insert(cluster.lastPrimary)
        }
        if changed.phase == .following {
            observed.failedCandidacies = [:]
            observed.failedOpenings = []
            observed.fetches = [:]
        }
        let isFailover = [.steady, .following, .suspect].contains(cluster.phase)
        guard isFailover, changed.phase == .sealing,
            observed[cluster.lastPrimary].unreachable != .refused
        else { return }
        observed.unconfirmedFailoverAt = now
    }

    func situation(at now: Instant, order: OperatorCommand? = nil) -> Situation {
        Situation(premises, observed, at: now, order: order)
    }
}

extension Cluster {
    /// The stamps under which effects may still be wanted.
    var openStamps: Set<Stamp> {
        Set(members.compactMap { $0.work?.stamp } + [intent?.stamp].compactMap(\.self))
            .union([Stamp(term: term, step: Revision(0))])
    }

    /// What no rule may ever do, whatever it says.
    func isLegalSuccessor(of old: Cluster) -> Bool {
        revision == old.revision.next && term >= old.term
            && (floor >= old.floor || old.acceptedLoss != nil)
            && !configs.isEmpty && !lineage.isEmpty
            && (elect == nil || elect == old.elect || term > old.term || old.elect == nil)
            && (elect == nil || elect == lastPrimary)
            && members.map(\.id) == old.members.map(\.id)
    }
}
