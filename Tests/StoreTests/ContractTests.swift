import Store
import Testing

@testable import FailoverCore

/// What every store promises, the one in memory too: a test of the scheduler means what it says.
@Suite("Every store")
struct ContractTests {
    enum Kind: CaseIterable {
        case memory
        case sqlite
    }

    let scratch = try! Scratch()

    func store(_ kind: Kind, retention: Retention = .standard) async throws -> any ClusterStore {
        switch kind {
        case .memory: MemoryStore(retention: retention)
        case .sqlite: try await SQLiteStore(path: scratch.store, retention: retention)
        }
    }

    @Test(arguments: Kind.allCases)
    func isEmptyAtFirst(_ kind: Kind) async throws {
        let store = try await store(kind)
        #expect(try await store.load() == nil)
        #expect(try await store.events(after: nil, limit: 10, newestFirst: true).isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func givesBackWhatWasSaved(_ kind: Kind) async throws {
        let store = try await store(kind)
        try await store.save(.shop(revision: 1), events: [.tick(1)], after: nil)
        try await store.save(
            .shop(revision: 2, term: 2), events: [.tick(2), .tick(3)], after: Revision(1))
        #expect(try await store.load() == .shop(revision: 2, term: 2))
        let events = try await store.events(after: nil, limit: 10, newestFirst: false)
        #expect(events.map(\.summary) == ["event 1", "event 2", "event 3"])
        #expect(events.map(\.id) == [1, 2, 3])
    }

    struct Race: CustomTestStringConvertible {
        var says: String
        var stored: Int?
        var after: Int?
        var saves: Int
        var testDescription: String { says }
    }
    static let races = [
        Race(says: "first save, but one is there", stored: 1, after: nil, saves: 2),
        Race(says: "a change of a state that is not there", stored: nil, after: 1, saves: 2),
        Race(says: "another one saved meanwhile", stored: 3, after: 2, saves: 3),
        Race(says: "the store was set back", stored: 1, after: 2, saves: 3),
        Race(says: "a revision that does not grow", stored: 2, after: 2, saves: 2),
        Race(says: "a revision that falls", stored: 2, after: 2, saves: 1),
    ]

    @Test(arguments: races, Kind.allCases)
    func refusesASaveThatIsNotBasedOnTheStoredState(_ race: Race, _ kind: Kind) async throws {
        let store = try await store(kind)
        if let stored = race.stored {
            try await store.save(.shop(revision: stored), events: [.tick(stored)], after: nil)
        }
        let before = try await store.load()
        let code = await storeErrorCode {
            try await store.save(
                .shop(revision: race.saves, term: 9), events: [.tick(99)],
                after: race.after.map { Revision($0) })
        }
        #expect(code == .movedOn)
        #expect(try await store.load() == before)
        let events = try await store.newestEvents(10)
        #expect(!events.contains { $0.summary == "event 99" })
    }

    @Test(arguments: Kind.allCases)
    func readsEventsFromBothEnds(_ kind: Kind) async throws {
        let store = try await store(kind)
        try await store.append((1...5).map { .tick($0) })
        func ids(_ after: Int64?, _ limit: Int, _ newestFirst: Bool) async throws -> [Int64?] {
            try await store.events(after: after, limit: limit, newestFirst: newestFirst).map(\.id)
        }
        #expect(try await ids(nil, 2, false) == [1, 2])
        #expect(try await ids(nil, 2, true) == [5, 4])
        #expect(try await ids(3, 10, false) == [4, 5])
        #expect(try await ids(3, 10, true) == [5, 4])
        #expect(try await ids(5, 10, false) == [])
        #expect(try await ids(nil, 0, false) == [])
        #expect(try await store.newestEvents(2).map(\.id) == [4, 5])
    }

    @Test(arguments: Kind.allCases)
    func keepsEveryFieldOfAnEvent(_ kind: Kind) async throws {
        let store = try await store(kind)
        let hostile = "it's \"quoted\"; DROP TABLE event; -- $(id) {{x}} %n\nünïcödé 🐘"
        var event = EventRecord(
            wallMs: 1_763_728_609_123, revision: Revision(7), term: Term(3), kind: .effect,
            rule: "promote.most_advanced", node: "node2", fromPhase: .sealing, toPhase: .promoting,
            summary: hostile, because: hostile, effect: "3.7.node2.promote", outcome: "done",
            durationMs: 412, output: hostile)
        try await store.append([event])
        event.id = 1
        #expect(try await store.newestEvents(1) == [event])

        var bare = EventRecord(
            wallMs: -1, revision: Revision(0), term: Term(0), kind: .scheduler, summary: "started")
        try await store.append([bare])
        bare.id = 2
        #expect(try await store.newestEvents(1) == [bare])
    }

    @Test(arguments: Kind.allCases)
    func showsNULInsteadOfEndingTheTextThere(_ kind: Kind) async throws {
        let store = try await store(kind)
        var event = EventRecord.tick(1)
        event.summary = "a\0b"
        event.output = "c\0d\0"
        try await store.append([event])
        let stored = try await store.newestEvents(1).first
        #expect(stored?.summary == "a␀b")
        #expect(stored?.output == "c␀d␀")
    }

    @Test(arguments: Kind.allCases)
    func forgetsTheOldestByNumber(_ kind: Kind) async throws {
        let store = try await store(
            kind, retention: Retention(events: 3, ageMs: 1_000_000, outputBytes: 10))
        for number in 1...5 { try await store.append([.tick(number)]) }
        #expect(try await store.newestEvents(10).map(\.id) == [3, 4, 5])
        try await store.save(.shop(revision: 1), events: [.tick(6)], after: nil)
        #expect(try await store.newestEvents(10).map(\.id) == [4, 5, 6])
    }

    @Test(arguments: Kind.allCases)
    func forgetsTheOldestByAge(_ kind: Kind) async throws {
        let store = try await store(
            kind, retention: Retention(events: 100, ageMs: 500, outputBytes: 10))
        for wallMs in [1_000, 1_400, 1_600, 1_900] as [Int64] {
            try await store.append([.tick(Int(wallMs), wallMs: wallMs)])
        }
        #expect(try await store.newestEvents(10).map(\.wallMs) == [1_400, 1_600, 1_900])
        try await store.append([.tick(9, wallMs: 9_000)])
        #expect(try await store.newestEvents(10).map(\.wallMs) == [9_000])
    }

    @Test(arguments: Kind.allCases)
    func keepsOnlyTheEndOfALongOutput(_ kind: Kind) async throws {
        let store = try await store(
            kind, retention: Retention(events: 100, ageMs: 1_000, outputBytes: 10))
        var event = EventRecord.tick(1)
        event.output = String(repeating: "x", count: 100) + "the end"
        try await store.append([event])
        #expect(try await store.newestEvents(1).first?.output == "xxxthe end")
    }

    @Test(arguments: Kind.allCases)
    func letsOneOfManyWritersWin(_ kind: Kind) async throws {
        let store = try await store(kind)
        try await store.save(.shop(revision: 1), events: [], after: nil)
        let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
            for term in 1...20 {
                group.addTask {
                    let code = await storeErrorCode {
                        try await store.save(
                            .shop(revision: 2, term: term), events: [.tick(term)],
                            after: Revision(1))
                    }
                    return code == nil
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(wins == 1)
        let events = try await store.newestEvents(50)
        #expect(events.map(\.revision.number) == [try await store.load()?.term.number])
    }
}

@Suite("The store in memory")
struct MemoryStoreTests {
    static let broken = StoreError(.unreachable, "cannot save", because: "a test", next: "nothing")

    @Test func failsBeforeOrAfterTheWrite() async throws {
        let store = MemoryStore()
        await store.fail(.save, .before(Self.broken))
        #expect(
            await storeErrorCode {
                try await store.save(.shop(revision: 1), events: [], after: nil)
            }
                == .unreachable)
        #expect(try await store.load() == nil)

        await store.fail(.save, .after(Self.broken))
        #expect(
            await storeErrorCode {
                try await store.save(.shop(revision: 1), events: [], after: nil)
            }
                == .unreachable)
        #expect(try await store.load() == .shop(revision: 1))
        #expect(await store.calls[.save] == 2)
    }
}
