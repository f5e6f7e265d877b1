import Foundation
import Store
import Testing

@testable import FailoverCore

@Suite("A cluster in the store")
struct ClusterCodingTests {
    static let stamp = Stamp(term: Term(4), step: Revision(17))

    static let intents: [Intent.Kind?] =
        [nil, .reconfigure, .seal(preferred: nil), .seal(preferred: "node2")]
        + [.promote(candidate: "node3"), .switchover(from: "node1", to: "node2")]
        + [.fastForward(candidate: "node2", source: "node3", to: LSN(0x5_0000_0000))]
        + [Intent.OpenReason.bootstrap, .failover, .restart, .abort].map { .open($0) }

    static let works: [NodeWork.Kind?] = [
        nil, .seal, .fence, .follow, .start(isSealed: true), .start(isSealed: false),
        .rejoin(.start), .rejoin(.rewind), .clone,
    ]

    static func cluster(_ phase: Phase, _ intent: Intent.Kind?, _ work: NodeWork.Kind?) -> Cluster {
        let history = TimelineHistory(
            timeline: TimelineID(2),
            ancestors: [.init(timeline: TimelineID(1), end: LSN(0x1_0000_0028))])
        var cluster = Cluster.shop(revision: 17, term: 4)
        cluster.phase = phase
        cluster.intent = intent.map {
            Intent(kind: $0, stamp: stamp, sinceWallMs: 1_763_728_609_123)
        }
        cluster.configs = [
            QuorumConfig(required: 1, voters: ["node2", "node3"]),
            QuorumConfig(required: 1, voters: ["node2"]),
        ]
        cluster.lineage.append(
            LineageEntry(
                timeline: TimelineID(2), begin: LSN(0x1_0000_0028), term: Term(3), node: "node2",
                history: history))
        cluster.floor = LSN(UInt64.max)
        cluster.certificate = Certificate(
            term: Term(4), positions: [.init(node: "node2", lsn: LSN(42))])
        cluster["node3"]?.attach = Member.Attach(number: 5, term: Term(4))
        cluster["node3"]?.upstream = "node2"
        cluster["node3"]?.work = work.map {
            NodeWork(
                kind: $0, stamp: stamp, upstream: "node2", because: "it's \"past\" the fork")
        }
        cluster["node2"]?.maintenance = .init(untilWallMs: 1_763_728_609_123, isEntered: true)
        cluster["node3"]?.maintenance = .init(untilWallMs: nil, isEntered: false)
        cluster["node1"]?.quiescedAt = LSN(0x1_0000_0000)
        cluster.fenceNeed = FenceNeed(.quiesced, isConfirmed: true)
        cluster.acceptedLoss = AcceptedLoss(candidate: "node2")
        cluster.pausedSinceWallMs = 1_763_728_609_123
        cluster.openedBootID = "4f0c…"
        cluster.quorumIsTampered = true
        cluster.outageSinceWallMs = .max
        return cluster
    }

    @Test(arguments: Phase.allCases)
    func comesBackAsItWas(in phase: Phase) async throws {
        let scratch = try Scratch()
        let store = try await SQLiteStore(path: scratch.store)
        var last: Revision?
        for intent in Self.intents {
            for work in Self.works {
                var cluster = Self.cluster(phase, intent, work)
                cluster.revision = last?.next ?? Revision(1)
                try await store.save(cluster, events: [], after: last)
                #expect(try await store.load() == cluster)
                last = cluster.revision
            }
        }
    }

    /// What a release stored that knew neither fences that come first, nor losses that are
    /// accepted, nor pauses, nor maintenance.
    @Test func anOlderStoreIsRead() throws {
        let cluster = try JSONDecoder().decode(Cluster.self, from: Data(Self.older.utf8))
        #expect(cluster.revision == Revision(17))
        #expect(cluster.lastPrimary == "node1")
        #expect(cluster.intent?.kind == .switchover(from: "node1", to: "node2"))
        #expect(cluster["node2"]?.work?.kind == .rejoin(.rewind))
        #expect(cluster.fenceNeed == nil && cluster.acceptedLoss == nil)
        #expect(cluster.pausedSinceWallMs == nil)
        #expect(cluster.members.allSatisfy { $0.maintenance == nil && $0.quiescedAt == nil })
    }

    static let older = """
        {"schema": 1, "name": "shop", "systemIdentifier": "7301234567890123456", "revision": 17,
         "term": 4, "phase": "switchover",
         "configs": [{"required": 1, "voters": ["node2", "node3"]}],
         "lineage": [{"timeline": 1, "begin": "0/0", "term": 1, "node": "node1",
                      "history": {"timeline": 1, "ancestors": []}}],
         "floor": "0/5000000",
         "members": [
          {"id": "node1", "attach": {"number": 1, "term": 1}},
          {"id": "node2", "attach": {"number": 2, "term": 4}, "upstream": "node1",
           "work": {"kind": {"rejoin": {"_0": "rewind"}}, "stamp": {"term": 4, "step": 16},
                    "upstream": "node1", "because": "its WAL went on"}},
          {"id": "node3", "attach": {"number": 1, "term": 1}, "upstream": "node1"}],
         "intent": {"kind": {"switchover": {"from": "node1", "to": "node2"}},
                    "stamp": {"term": 4, "step": 17}, "sinceWallMs": 1763728609123},
         "openedBootID": "4f0c", "quorumIsTampered": false, "outageSinceWallMs": 1763728609123}
        """
}
