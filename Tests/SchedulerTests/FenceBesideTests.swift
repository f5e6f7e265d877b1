import ClusterFile
import FailoverCore
import Foundation
import Glibc
import Store
import Testing
import ToolkitTesting

@testable import Scheduler

/// No wrapper compares stamps there: the scheduler asks itself whether it still decides.
@Suite("A fence beside the scheduler", .serialized)
struct FenceBesideTests {
    private static let yaml = """
        hooks:
          fence_command: { command: 'touch "$TOOLKIT_STATE_DIR/fenced"', run_on: scheduler }
        """

    @Test(.timeLimit(.minutes(4)))
    func runsOnlyWhileNobodyHasDecidedSince() async throws {
        try await TestCluster.withNodes(2, yaml: Self.yaml) { nodes, _, cluster in
            let stored = cluster.fencing("node1")
            let stamp = try #require(stored["node1"]?.work?.stamp)
            let fence = Effect(
                id: Effect.ID(stamp: stamp, node: "node1", name: "fence"), action: .fence)
            let executor = nodes.executor(storing: stored)
            try await theStoreTells(nodes, fence, stored)
            // A busy machine may start it too late: it is asked for again then.
            try await until("it is fenced") {
                await executor.run(fence, in: stored).outcome == .done(.none)
            }
            #expect(try nodes.takesFence())

            // Nobody can tell what was decided since: the old primary's word is not enough.
            kill(try #require(nodes.postmaster("node2")), SIGSTOP)
            let alone = await executor.run(fence, in: stored)
            kill(try #require(nodes.postmaster("node2")), SIGCONT)
            #expect(
                alone.outcome
                    == .tryAgain(
                        "fence_command: no other node answers: nothing tells that nobody decided "
                            + "since"))

            // A node that has accepted a newer term tells, though this store does not.
            let seal = cluster.nextEffect(.seal, on: "node2")
            let sealed = await executor.run(seal, in: stored)
            guard case .done = sealed.outcome else {
                Issue.record("not sealed: \(sealed)")
                return
            }
            #expect(
                await executor.run(fence, in: stored).outcome
                    == .tryAgain("fence_command: node2 is in term 2: somebody decided since"))
            #expect(try !nodes.takesFence())
        }
    }

    private func theStoreTells(
        _ nodes: TestCluster, _ fence: Effect, _ stored: Cluster
    ) async throws {
        var moved = stored
        moved.term = stored.term.next
        var done = stored
        done["node1"]?.work = nil
        for other in [moved, done] {
            let report = await nodes.executor(storing: other).run(fence, in: stored)
            #expect(
                report.outcome
                    == .tryAgain("fence_command: by the store it is not asked for any more"))
        }
        let replaced = await nodes.executor(storing: stored, holdsLock: false)
            .run(fence, in: stored)
        #expect(
            replaced.outcome
                == .tryAgain("fence_command: the scheduler's lock is not ours any more")
        )
        #expect(try !nodes.takesFence())
    }
}

extension Cluster {
    /// A failover is over, the old primary is to be stopped yet.
    fileprivate func fencing(_ id: NodeID) -> Cluster {
        var next = self
        next.revision = revision.next
        let stamp = Stamp(term: term, step: next.revision)
        next[id]?.work = NodeWork(kind: .fence, stamp: stamp, because: "a test")
        return next
    }
}

extension TestCluster {
    /// Whether a fence has run; takes its trace away.
    fileprivate func takesFence() throws -> Bool {
        let trace = node("node1").stateDirectory + "/fenced"
        guard FileManager.default.fileExists(atPath: trace) else { return false }
        try FileManager.default.removeItem(atPath: trace)
        return true
    }
}
