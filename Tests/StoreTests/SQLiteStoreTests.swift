import Foundation
import GRDB
import Testing

@testable import FailoverCore
@testable import Store

@Suite("The store on disk")
struct SQLiteStoreTests {
    let scratch = try! Scratch()

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func survivesBeingReopened() async throws {
        try await {
            let store = try await SQLiteStore(path: scratch.store)
            try await store.save(.shop(revision: 1), events: [.tick(1)], after: nil)
        }()
        let store = try await SQLiteStore(path: scratch.store)
        #expect(try await store.load() == .shop(revision: 1))
        #expect(try await store.newestEvents(5).count == 1)
        try await store.save(.shop(revision: 2), events: [], after: Revision(1))
    }

    @Test func writesThroughToTheDiskInOneLog() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        let (journal, synchronous) = try await store.write { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(db, sql: "PRAGMA synchronous")
            )
        }
        #expect(journal == "wal")
        #expect(synchronous == 2)  // FULL: a commit is on the disk when it returns
    }

    @Test func belongsToItsOwnerAlone() async throws {
        let path = scratch.path + "/a/b/shop.sqlite"
        let store = try await SQLiteStore(path: path)
        try await store.save(.shop(revision: 1), events: [], after: nil)
        #expect(try mode(scratch.path + "/a") == 0o700)
        #expect(try mode(scratch.path + "/a/b") == 0o700)
        for suffix in ["", "-wal", "-shm"] { #expect(try mode(path + suffix) == 0o600) }
    }

    @Test func isMadePrivateAgain() async throws {
        _ = try await SQLiteStore(path: scratch.store)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644], ofItemAtPath: scratch.store)
        _ = try await SQLiteStore(path: scratch.store)
        #expect(try mode(scratch.store) == 0o600)
    }

    @Test func letsTwoProcessesRaceWithoutHarm() async throws {
        let one = try await SQLiteStore(path: scratch.store)
        let other = try await SQLiteStore(path: scratch.store)
        try await one.save(.shop(revision: 1), events: [], after: nil)
        try await other.save(.shop(revision: 2, term: 2), events: [.tick(2)], after: Revision(1))
        let code = await storeErrorCode {
            try await one.save(.shop(revision: 2, term: 5), events: [.tick(5)], after: Revision(1))
        }
        #expect(code == .movedOn)
        #expect(try await one.load() == .shop(revision: 2, term: 2))
        #expect(try await one.newestEvents(9).map(\.summary) == ["event 2"])
    }

    @Test func writesNothingWhenAnEventIsRefused() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        try await store.save(.shop(revision: 1), events: [], after: nil)
        var nameless = EventRecord.tick(2)
        nameless.summary = ""
        let code = await storeErrorCode {
            try await store.save(
                .shop(revision: 2), events: [.tick(2), nameless], after: Revision(1))
        }
        #expect(code == .refused)
        #expect(try await store.load() == .shop(revision: 1))
        #expect(try await store.newestEvents(9).isEmpty)
    }

    @Test func neverLetsATermFall() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        try await store.save(.shop(revision: 1, term: 5), events: [], after: nil)
        let code = await storeErrorCode {
            try await store.save(.shop(revision: 2, term: 4), events: [], after: Revision(1))
        }
        #expect(code == .refused)
        #expect(try await store.load()?.term == Term(5))
    }

    @Test func neverTakesAnotherClustersState() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        try await store.save(.shop(revision: 1), events: [], after: nil)
        var other = Cluster.shop(revision: 2)
        other.name = "bank"
        let code = await storeErrorCode {
            try await store.save(other, events: [], after: Revision(1))
        }
        #expect(code == .refused)
        #expect(try await store.load()?.name == "shop")
    }

    @Test func canBeReadBesideItsScheduler() async throws {
        let missing = await storeErrorCode {
            _ = try await SQLiteStore.openReadOnly(path: scratch.store)
        }
        #expect(missing == .missing)
        #expect(!FileManager.default.fileExists(atPath: scratch.store))

        let store = try await SQLiteStore(path: scratch.store)
        try await store.save(.shop(revision: 1), events: [.tick(1)], after: nil)
        let reader = try await SQLiteStore.openReadOnly(path: scratch.store)
        #expect(try await reader.load() == .shop(revision: 1))
        try await store.save(.shop(revision: 2), events: [.tick(2)], after: Revision(1))
        #expect(try await reader.load() == .shop(revision: 2))
        #expect(try await reader.newestEvents(9).count == 2)
        let code = await storeErrorCode { try await reader.append([.tick(3)]) }
        #expect(code == .unreachable)
    }

    @Test func savesEvenWhenItsTaskIsCancelled() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await store.save(.shop(revision: 1), events: [], after: nil)
        }
        try await task.value
        #expect(try await store.load() == .shop(revision: 1))
    }

    /// A save is on the way of a failover. Printed, so that a slow machine can be told from a slow
    /// store.
    @Test func isFast() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        var milliseconds: [Double] = []
        let clock = ContinuousClock()
        for revision in 1...300 {
            let took = try await clock.measure {
                try await store.save(
                    .shop(revision: revision), events: [.tick(revision), .tick(revision)],
                    after: revision == 1 ? nil : Revision(revision - 1))
            }
            milliseconds.append(took / .milliseconds(1))
        }
        milliseconds.sort()
        let (p50, p99) = (milliseconds[150], milliseconds[297])
        print("a save takes \(p50) ms (p50), \(p99) ms (p99)")
        #expect(p50 < 100)
    }
}

@Suite("A store that can't be used")
struct UnusableStoreTests {
    let scratch = try! Scratch()

    func error(_ body: () async throws -> Void) async -> StoreError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? StoreError
        }
    }

    @Test func namesADatabaseOfANewerRelease() async throws {
        _ = try await SQLiteStore(path: scratch.store)
        let queue = try DatabaseQueue(path: scratch.store)
        try await queue.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('9 from the future')")
        }
        try queue.close()
        for open in [Open.write, .read] {
            let error = await error { try await open.run(scratch.store) }
            #expect(error?.code == .newer)
            #expect(
                error?.description == """
                    cannot open the store \(scratch.store)
                      because a newer release of toolkit wrote it
                      next: use that release, or restore a backup that this one made
                    """)
        }
    }

    enum Open: CaseIterable {
        case write
        case read

        func run(_ path: String) async throws {
            switch self {
            case .write: _ = try await SQLiteStore(path: path)
            case .read: _ = try await SQLiteStore.openReadOnly(path: path)
            }
        }
    }

    @Test func namesAStateOfANewerRelease() async throws {
        let store = try await SQLiteStore(path: scratch.store)
        var cluster = Cluster.shop(revision: 1)
        cluster.schema = Cluster.currentSchema + 1
        try await store.save(cluster, events: [], after: nil)
        let error = await error { _ = try await store.load() }
        #expect(error?.code == .newer)
    }

    @Test(arguments: Open.allCases)
    func leavesAnotherProgramsDatabaseAlone(_ open: Open) async throws {
        let queue = try DatabaseQueue(path: scratch.store)
        try await queue.write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
        try queue.close()
        let error = await error { try await open.run(scratch.store) }
        #expect(error?.code == .corrupted)
        #expect(error?.because == "it is a database of another program")
        let tables = try await DatabaseQueue(path: scratch.store).read {
            try String.fetchAll($0, sql: "SELECT name FROM sqlite_master")
        }
        #expect(tables == ["theirs"])
    }

    @Test(arguments: Open.allCases)
    func namesAFileThatIsNoDatabase(_ open: Open) async throws {
        try Data(repeating: 0x2A, count: 8_192).write(to: URL(filePath: scratch.store))
        let error = await error { try await open.run(scratch.store) }
        #expect(error?.code == .corrupted)
        #expect(error?.next.contains("restore a backup") == true)
        #expect(try Data(contentsOf: URL(filePath: scratch.store)).first == 0x2A)
    }

    @Test func namesADamagedState() async throws {
        let queue = try DatabaseQueue(path: scratch.store)
        try Schema.migrator.migrate(queue)
        try await queue.write { db in
            try db.execute(
                sql: "INSERT INTO cluster VALUES (1, 'shop', 1, 1, 'steady', '{\"schema\":1}')")
        }
        try queue.close()
        let store = try await SQLiteStore(path: scratch.store)
        let error = await error { _ = try await store.load() }
        #expect(error?.code == .corrupted)
    }

    @Test func namesTornPages() async throws {
        try await {
            let store = try await SQLiteStore(path: scratch.store)
            var cluster = Cluster.shop(revision: 1)
            cluster.openedBootID = String(repeating: "x", count: 40_000)
            try await store.save(cluster, events: [], after: nil)
        }()
        let file = try FileHandle(forUpdating: URL(filePath: scratch.store))
        let size = try file.seekToEnd()
        try #require(size > 16_384)
        try file.seek(toOffset: 4_096)
        try file.write(contentsOf: Data(repeating: 0xFF, count: Int(size) - 4_096))
        try file.close()
        let error = await error {
            let store = try await SQLiteStore(path: scratch.store)
            _ = try await store.load()
        }
        #expect(error?.code == .corrupted)
    }

    @Test func namesADirectoryThatCannotBeMade() async throws {
        try Data().write(to: URL(filePath: scratch.path + "/file"))
        let error = await error { _ = try await SQLiteStore(path: scratch.path + "/file/a.sqlite") }
        #expect(error?.code == .unreachable)
        #expect(error?.because == "the system says: Not a directory")
    }
}
