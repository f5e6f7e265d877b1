/// Nodes that are left to the operator, and what members leave behind.
extension Rulebook {
    static let maintenanceRules: [Rule] = [
        Rule(
            "maintenance.over", in: openPhases, alters: .endsMaintenance,
            "The time that the operator gave has passed: bring the node back."
        ) { view in
            let over = view.membersInMaintenance.first { member in
                member.maintenance?.untilWallMs.map { $0 <= view.now.wallMs } ?? false
            }
            return over.map { view.endMaintenance(of: $0.id, because: "its time is over") }
        },
        Rule(
            "maintenance.seal", in: openPhases, alters: .members,
            "It is not counted any more: cut it off before it is left alone."
        ) { view in
            guard let elect = view.cluster.elect, let member = view.nextForMaintenance,
                member.work == nil, view.facts(member.id).seal == nil,
                view.answer(member.id)?.isInRecovery == true
            else { return nil }
            return view.assign(
                Plan(.seal, "it goes into maintenance"), to: member.id, upstream: elect)
        },
        Rule(
            "maintenance.enter", in: openPhases, alters: .entersMaintenance,
            "Out of the quorum and cut off, or stopped: from here on nothing is done to it."
        ) { view in
            guard let member = view.nextForMaintenance, view.isReadyForMaintenance(member) else {
                return nil
            }
            let (cluster, _) = view.changed { next, _ in
                next[member.id]?.maintenance?.isEntered = true
                next[member.id]?.work = nil
            }
            return .act(
                because: "\(member.id) is left to the operator", cluster: cluster, effects: [])
        },
        Rule(
            "member.drop_slot", in: openPhases,
            "A slot on the primary that nobody will use holds WAL for ever: drop it."
        ) { view in
            guard let elect = view.cluster.elect, view.openPrimary != nil else { return nil }
            let slots = view.uselessSlots
            guard !slots.isEmpty else { return nil }
            let stamp = Stamp(term: view.cluster.term, step: view.cluster.revision)
            let drop = view.effect(.dropSlots(slots), on: elect, stamp)
            guard view.mayBegin(drop) else { return nil }
            return .act(
                because: "nobody uses \(slots.joined(separator: ", "))", cluster: nil,
                effects: [drop])
        },
    ]
}

extension Situation {
    /// Asked for, out of the quorum and not entered yet.
    var nextForMaintenance: Member? {
        if membersInMaintenance.isEmpty { return nil }
        return membersInMaintenance.first {
            $0.maintenance?.isEntered == false && $0.id != cluster.elect && !isVoter($0.id)
        }
    }

    /// A node that left recovery by itself is fenced before.
    func isReadyForMaintenance(_ member: Member) -> Bool {
        if facts(member.id).seal != nil { return true }
        guard member.work == nil, let since = facts(member.id).unreachableSince else {
            return false
        }
        return now.since(since) >= timers.degradeAfter
    }

    /// Of members that the file no longer names, and of cascaded ones that follow somebody else.
    var uselessSlots: [String] {
        guard let primary = openPrimary, primary.slots.contains(where: { !$0.isActive }) else {
            return []
        }
        let useless = cluster.members.filter { member in
            guard member.id != cluster.elect, !isVoter(member.id) else { return false }
            if policy.node(member.id) == nil { return true }
            return member.work == nil && member.upstream != nil && member.upstream != cluster.elect
                && member.upstream == upstream(for: member.id) && isFresh(member.id)
        }.map(\.id.slot)
        return useless.filter { slot in
            primary.slots.contains { $0.name == slot && !$0.isActive }
        }
    }

    /// Whom a member is to follow: the primary, or the standby that the file names while that one
    /// can be followed.
    func upstream(for id: NodeID) -> NodeID? {
        guard let elect = cluster.elect, let wanted = policy.node(id)?.upstream, wanted != id,
            wanted != elect, let peer = cluster[wanted], peer.maintenance == nil,
            peer.upstream == elect
        else { return cluster.elect }
        if isFresh(wanted) { return wanted }
        // Not left at the first missed message, nor returned to before it streams again.
        guard cluster[id]?.upstream == wanted else { return elect }
        let lost = facts(wanted).unreachableSince.map { now.since($0) >= timers.degradeAfter }
        return lost ?? false ? elect : wanted
    }
}
