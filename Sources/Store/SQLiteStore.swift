public import FailoverCore
import Foundation
import GRDB

/// The embedded store: one SQLite file beside its scheduler. A save is one transaction and one
/// fsync; whoever reads beside it (`toolkit state`, `toolkit events`) never blocks it.
public final class SQLiteStore: ClusterStore {
    public let path: String
    private let pool: DatabasePool
    private let retention: Retention

    /// Opens the store, and makes it, private to its owner, when it is missing.
    public convenience init(path: String, retention: Retention = .standard)
        async throws(StoreError)
    {
        let pool = try await offThread { () throws(StoreError) in try Self.openToWrite(path) }
        self.init(path: path, pool: pool, retention: retention)
    }

    /// Opens an existing store to look at it, beside a running scheduler or without one.
    public static func openReadOnly(path: String) async throws(StoreError) -> SQLiteStore {
        let pool = try await offThread { () throws(StoreError) in try openToRead(path) }
        return SQLiteStore(path: path, pool: pool, retention: .standard)
    }

    private init(path: String, pool: DatabasePool, retention: Retention) {
        self.path = path
        self.pool = pool
        self.retention = retention
    }

    public func load() async throws(StoreError) -> Cluster? {
        let state = try await read { db in
            try String.fetchOne(db, sql: "SELECT state FROM cluster")
        }
        guard let state else { return nil }
        return try ClusterDocument.read(state, path: path)
    }

    public func save(_ cluster: Cluster, events: [EventRecord], after revision: Revision?)
        async throws(StoreError)
    {
        guard revision.map({ $0 < cluster.revision }) ?? true else {
            throw .movedOn(
                path, found: revision?.description ?? "none",
                wanted: "below \(cluster.revision), the one to be saved")
        }
        let state = try ClusterDocument.write(cluster, path: path)
        let found = try await write { [retention] db -> Int?? in
            let stored = try Int.fetchOne(db, sql: "SELECT revision FROM cluster")
            guard stored == revision?.number else { return .some(stored) }
            try db.execute(
                literal: """
                    INSERT INTO cluster (id, name, revision, term, phase, state)
                    VALUES (1, \(cluster.name), \(cluster.revision.number), \(cluster.term.number),
                        \(cluster.phase.rawValue), \(state))
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name,
                        revision = excluded.revision, term = excluded.term,
                        phase = excluded.phase, state = excluded.state
                    """)
            try Self.insert(events, retention, db)
            return nil
        }
        if let found {
            throw .movedOn(
                path, found: found.map(String.init) ?? "none",
                wanted: revision?.description ?? "none")
        }
    }

    public func append(_ events: [EventRecord]) async throws(StoreError) {
        guard !events.isEmpty else { return }
        try await write { [retention] db in try Self.insert(events, retention, db) }
    }

    public func events(after id: Int64?, limit: Int, newestFirst: Bool)
        async throws(StoreError) -> [EventRecord]
    {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, \(EventRecord.columns) FROM event WHERE id > ?
                    ORDER BY id \(newestFirst ? "DESC" : "ASC") LIMIT ?
                    """,
                arguments: [id ?? 0, max(0, limit)]
            ).map(EventRecord.init(row:))
        }
    }

    /// Runs to its end even when the task is cancelled: a save is either done or failed, never
    /// given up halfway.
    func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
        async throws(StoreError) -> T
    {
        let result: Result<T, any Error> = await withCheckedContinuation { continuation in
            pool.asyncWrite(body) { _, result in continuation.resume(returning: result) }
        }
        return try unwrap(result, "cannot write to the store \(path)")
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T)
        async throws(StoreError) -> T
    {
        let result: Result<T, any Error> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                continuation.resume(returning: Result { try body(database.get()) })
            }
        }
        return try unwrap(result, "cannot read the store \(path)")
    }

    private func unwrap<T>(_ result: Result<T, any Error>, _ subject: String)
        throws(StoreError) -> T
    {
        switch result {
        case .success(let value): return value
        case .failure(let error): throw StoreError.database(error, subject, path)
        }
    }
}

// MARK: - Events

extension SQLiteStore {
    /// How many events one write removes at most, so that no save waits for a big clean-up.
    private static let trimLimit: Int64 = 1_000

    private static func insert(_ events: [EventRecord], _ retention: Retention, _ db: Database)
        throws
    {
        guard let newestWallMs = events.last?.wallMs else { return }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO event (\(EventRecord.columns))
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for event in events {
            try statement.execute(
                arguments: event.storable(outputBytes: retention.outputBytes).arguments)
        }
        try trim(retention, keepingIDsBelow: db.lastInsertedRowID, at: newestWallMs, db)
    }

    private static func trim(
        _ retention: Retention, keepingIDsBelow newest: Int64, at wallMs: Int64, _ db: Database
    ) throws {
        let tooMany = newest - Int64(retention.events)
        // Stops at the first row that is young enough; those before it are removed.
        let firstYoung = try Int64.fetchOne(
            db, sql: "SELECT id FROM event WHERE wall_ms >= ? ORDER BY id LIMIT 1",
            arguments: [wallMs - retention.ageMs])
        let oldest = try Int64.fetchOne(db, sql: "SELECT min(id) FROM event") ?? newest
        let last = min(max(tooMany, (firstYoung ?? oldest) - 1), oldest + trimLimit)
        guard last >= oldest else { return }
        try db.execute(sql: "DELETE FROM event WHERE id <= ?", arguments: [last])
    }
}
