import FailoverCore
import Hooks
import PostgresClient

extension Executor {
    /// For a fence beside the scheduler: that it is still ours to decide, by the lock, by the store
    /// and by the nodes, of which one beside the old primary has to answer.
    func permit(_ work: EffectWork) -> HookPermit {
        {
            if let refusal = await standing.refusal(of: work.effect.id) { return refusal }
            let terms = await termsInForce()
            if let newer = terms.first(where: { $0.value > work.stamp.term }) {
                return "\(newer.key) is in term \(newer.value): somebody decided since"
            }
            guard terms.keys.contains(where: { $0 != work.effect.node }) else {
                return "no other node answers: nothing tells that nobody decided since"
            }
            return nil
        }
    }

    /// The term of each node that answers at once, read in a new session.
    private func termsInForce() async -> [NodeID: Term] {
        await withTaskGroup(of: (NodeID, Term)?.self) { group in
            for (id, link) in links {
                group.addTask {
                    let row = try? await link.inNewSession(within: .seconds(1)) {
                        (session) throws(PostgresError) in
                        try await session.query(
                            "SELECT current_setting('toolkit.term', true)", timeout: .seconds(1)
                        ).single().values
                    }
                    return row?[0].flatMap { Int($0) }.map { (id, Term($0)) }
                }
            }
            var terms: [NodeID: Term] = [:]
            for await found in group {
                if let (id, term) = found { terms[id] = term }
            }
            return terms
        }
    }
}
