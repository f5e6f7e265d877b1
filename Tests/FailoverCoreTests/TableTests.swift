import Testing

@testable import FailoverCore

@Suite("Quorum arithmetic, positions, histories")
struct TableTests {
    /// required, voters, seals needed, `ANY …`
    @Test(
        arguments: [
            (0, [], nil, "", "none"),
            (1, [], nil, "ANY 1 (toolkit_nobody)", "none (commits wait)"),
            (1, ["b"], 1, "ANY 1 (b_1)", "ANY 1 (b)"),
            (1, ["c", "b"], 2, "ANY 1 (b_1, c_1)", "ANY 1 (b, c)"),
            (2, ["b", "c"], 1, "ANY 2 (b_1, c_1)", "ANY 2 (b, c)"),
            (1, ["b", "c", "d"], 3, "ANY 1 (b_1, c_1, d_1)", "ANY 1 (b, c, d)"),
            (2, ["b", "c", "d"], 2, "ANY 2 (b_1, c_1, d_1)", "ANY 2 (b, c, d)"),
            (3, ["b", "c", "d"], 1, "ANY 3 (b_1, c_1, d_1)", "ANY 3 (b, c, d)"),
            (2, ["b", "c", "d", "e"], 3, "ANY 2 (b_1, c_1, d_1, e_1)", "ANY 2 (b, c, d, e)"),
        ] as [(Int, [NodeID], Int?, String, String)])
    func aConfigNeedsSoManySeals(
        required: Int, voters: [NodeID], needed: Int?, names: String, words: String
    ) {
        let config = QuorumConfig(required: required, voters: voters)
        #expect(config.sealsNeeded == needed)
        #expect(config.standbyNames { "\($0)_1" } == names)
        #expect(config.description == words)
    }

    @Test func droppingTheLastVoterDependsOnThePolicy() {
        let config = QuorumConfig(required: 1, voters: ["b"])
        #expect(config.dropping("b") == .none)
        #expect(config.dropping("b", alone: .block) == .waiting)
        #expect(QuorumConfig.waiting.adding("b") == config)
        #expect(
            QuorumConfig(required: 2, voters: ["b", "c"]).dropping("b")
                == QuorumConfig(required: 1, voters: ["c"]))
    }

    /// The lowest maximum of a legal set, for one config and for several at a time.
    @Test(
        arguments: [
            ([(1, ["b"])], ["b": 100], 100),
            ([(1, ["b", "c"])], ["b": 100], nil),
            ([(1, ["b", "c"])], ["b": 100, "c": 90], 100),
            ([(2, ["b", "c"])], ["b": 100, "c": 90], 90),
            ([(2, ["b", "c", "d"])], ["b": 100, "c": 99, "d": 99], 99),
            ([(1, ["b", "c", "d"])], ["b": 100, "c": 99, "d": 99], 100),
            ([(3, ["b", "c", "d"])], ["d": 70], 70),
            ([(1, ["b", "c"]), (1, ["b"])], ["b": 90], nil),
            ([(1, ["b", "c"]), (1, ["b"])], ["b": 90, "c": 95], 95),
            ([(2, ["b", "c"]), (1, ["c"])], ["b": 90, "c": 95], 95),
            ([(0, [])], ["b": 90], nil),
            ([(1, ["b"]), (0, [])], ["b": 90], nil),
            ([(1, ["b"]), (1, [])], ["b": 90], nil),
            ([(1, ["b", "c"]), (2, ["b", "c"]), (1, ["c"])], ["b": 80, "c": 90], 90),
        ] as [([(Int, [NodeID])], [NodeID: UInt64], UInt64?)])
    func theFloorIsWhatALegalSetProves(
        configs: [(Int, [NodeID])], sealed: [NodeID: UInt64], floor: UInt64?
    ) {
        var cluster = Self.cluster()
        cluster.configs = configs.map { QuorumConfig(required: $0.0, voters: $0.1) }
        let proven = Election(cluster: cluster).provenFloor(sealed.mapValues { LSN($0) })
        #expect(proven == floor.map { LSN($0) })
    }

    @Test(arguments: [
        "", "/", "0", "0/", "/0", "G/0", "0/G", "0x1/0", "-1/0", "+1/0", "0/+1", "0/0/0", " 0/0",
        "0/0 ", "123456789/0", "0/123456789",
    ])
    func whatIsNoPositionIsRefused(text: String) { #expect(LSN(text) == nil) }

    @Test func aPositionIsReadAndWrittenAsPostgreSQLDoes() {
        #expect(LSN("16/B374D848")?.position == 0x16_B374_D848)
        #expect(LSN("FFFFFFFF/FFFFFFFF").map(\.description) == "FFFFFFFF/FFFFFFFF")
        #expect(LSN("0/0") == .zero)
    }

    @Test func aHistoryIsReadWithItsComments() {
        let text = "1\t0/3000\tno recovery target specified\n# by hand\n\n2\t0/5000\tx\n"
        let history = TimelineHistory(timeline: TimelineID(3), text: text)
        #expect(history?.ancestors.map(\.timeline.number) == [1, 2])
        #expect(history?.end(of: TimelineID(2)) == LSN(0x5000))
        #expect(history?.history(of: TimelineID(2))?.ancestors.count == 1)
        #expect(history?.history(of: TimelineID(7)) == nil)
        for bad in ["1", "x\t0/1\tr", "1\tx\tr", "1\t0/1\tr\n2"] {
            #expect(TimelineHistory(timeline: TimelineID(3), text: bad) == nil, "\(bad)")
        }
    }

    // MARK: lineage: a made 1, b made 2 at 0/100 in term 3, c made 3 at 0/200 in term 5

    static func cluster() -> Cluster {
        let ends: [(Int, UInt64)] = [(1, 0x100), (2, 0x200)]
        func history(_ number: Int) -> TimelineHistory {
            TimelineHistory(
                timeline: TimelineID(UInt32(number)),
                ancestors: ends.prefix(number - 1).map {
                    .init(timeline: TimelineID(UInt32($0.0)), end: LSN($0.1))
                })
        }
        func entry(_ number: Int, _ begin: UInt64, _ term: Int, _ node: NodeID) -> LineageEntry {
            LineageEntry(
                timeline: TimelineID(UInt32(number)), begin: LSN(begin), term: Term(term),
                node: node, history: history(number))
        }
        return Cluster(
            name: "shop", systemIdentifier: "42",
            members: ["a", "b", "c", "d"].map(Member.init(id:)),
            lineage: [entry(1, 0, 1, "a"), entry(2, 0x100, 3, "b"), entry(3, 0x200, 5, "c")])
    }

    static func proof(
        _ ancestors: [UInt64], at position: UInt64, isOutOfRecovery: Bool = false
    ) -> SealProof {
        let timeline = TimelineID(UInt32(ancestors.count + 1))
        return SealProof(
            position: LSN(position), timeline: timeline,
            history: TimelineHistory(
                timeline: timeline,
                ancestors: ancestors.enumerated().map {
                    .init(timeline: TimelineID(UInt32($0.offset + 1)), end: LSN($0.element))
                }), isOutOfRecovery: isOutOfRecovery, postmasterStart: "1")
    }

    /// Node d, attached in that term: may it follow, and up to where may it be promoted?
    @Test(
        arguments: [
            (proof([0x100, 0x200], at: 0x280), 5, true, 0x280),
            (proof([0x100], at: 0x180), 3, true, 0x180),
            (proof([], at: 0x100), 1, true, 0x100),
            // Past the place where the cluster left that timeline.
            (proof([], at: 0x101), 1, false, nil),
            (proof([0x100], at: 0x201), 3, false, nil),
            // A timeline that the cluster never took: what it shares is known, it can't follow.
            (proof([0x100, 0x200, 0x300], at: 0x380), 5, false, 0x300),
            (proof([0x100, 0x180], at: 0x190), 3, false, 0x180),
            // E10: number and history are the tip's, but it was never attached there; it is even ahead.
            (proof([0x100, 0x200], at: 0x500), 4, false, nil),
            (proof([0x100, 0x200], at: 0x500), nil, false, nil),
            // The same, attached, but it left recovery by itself.
            (proof([0x100, 0x200], at: 0x500, isOutOfRecovery: true), 5, true, nil),
            // It left timeline 1 before we did: only the floor can say whether that is enough.
            (proof([0x90, 0x200], at: 0x280), 5, false, 0x90),
        ] as [(SealProof, Int?, Bool, UInt64?)])
    func historyAndAttachmentDecideNeverTheNumber(
        proof: SealProof, attached: Int?, follows: Bool, electable: UInt64?
    ) {
        var cluster = Self.cluster()
        cluster["d"]?.attach = .init(number: 4, term: attached.map { Term($0) })
        let election = Election(cluster: cluster)
        #expect((election.refusesToFollow("d", proof) == nil) == follows)
        #expect(election.electablePosition("d", proof) == electable.map { LSN($0) })
    }

    /// A stopped node without standby.signal: how it comes back.
    @Test(
        arguments: [
            // The old primary of timeline 2, shut down before the cluster left it; and not.
            ("b", [0x100], 0x1F0, "shut down", 3, true, "rejoin"),
            ("b", [0x100], 0x200, "shut down", 3, true, "rewind"),
            ("b", [0x100], 0x1F0, "in production", 3, true, "rewind"),
            ("b", [0x100], 0x1F0, "in production", 3, false, "clone"),
            ("b", [0x90], 0x1F0, "shut down", 3, true, "rewind"),
            // Its own timeline 3 looks like ours.
            ("b", [0x100, 0x200], 0x2F0, "shut down", 5, true, "clone"),
            // Never attached to timeline 2, nor its maker.
            ("d", [0x100], 0x1F0, "shut down", nil, true, "clone"),
        ] as [(NodeID, [UInt64], UInt64, String, Int?, Bool, String)])
    func aStoppedNodeComesBackByTheCheapestProvenWay(
        id: NodeID, ancestors: [UInt64], checkpoint: UInt64, state: String, attached: Int?,
        canRewind: Bool, way: String
    ) {
        var cluster = Self.cluster()
        cluster[id]?.attach = .init(number: 4, term: attached.map { Term($0) })
        let history = Self.proof(ancestors, at: checkpoint)
        let seen = NodeInspection(
            bootID: "1", stamp: nil, isPostmasterRunning: false, dataDirectory: .present,
            systemIdentifier: "42", controlState: state, checkpoint: LSN(checkpoint),
            timeline: history.timeline, history: history.history, canRewind: canRewind)
        #expect(Election(cluster: cluster).wayBack(id, seen).kind.name == way)
    }
}
