import Dispatch
import FailoverCore
import Foundation
import GRDB

extension SQLiteStore {
    static func openToWrite(_ path: String) throws(StoreError) -> DatabasePool {
        try makeDirectory(of: path)
        try makePrivateFile(path)
        do {
            let pool = try DatabasePool(path: path, configuration: configuration())
            try pool.writeWithoutTransaction { db in
                try refuseForeign(db, path)
                // GRDB asks for NORMAL in WAL mode: a power cut could then undo a stored step.
                try db.execute(sql: "PRAGMA synchronous = FULL")
            }
            try Schema.migrator.migrate(pool)
            try pool.read { db in try checkState(db, path) }
            return pool
        } catch {
            throw .database(error, "cannot open the store \(path)", path)
        }
    }

    static func openToRead(_ path: String) throws(StoreError) -> DatabasePool {
        guard FileManager.default.fileExists(atPath: path) else {
            throw StoreError(
                .missing, "cannot open the store \(path)", because: "there is no such file",
                next: "start `toolkit run` or `toolkit deploy` first; they make it")
        }
        do {
            var configuration = configuration()
            configuration.readonly = true
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.read { db in
                try refuseForeign(db, path)
                guard try Schema.migrator.hasCompletedMigrations(db) else {
                    throw StoreError(
                        .older, "cannot read the store \(path)",
                        because: "an older release of toolkit wrote it",
                        next: "start the scheduler of this release once: it brings it up to date")
                }
            }
            return pool
        } catch {
            throw .database(error, "cannot open the store \(path)", path)
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "toolkit.store"
        // Another process writes for milliseconds; whoever waits longer has a problem to report.
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        return configuration
    }

    /// Throws when the file is another program's database, or a later release's.
    private static func refuseForeign(_ db: Database, _ path: String) throws {
        let subject = "cannot open the store \(path)"
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id")
        guard isEmpty || application == Schema.applicationID else {
            throw StoreError(
                .corrupted, subject, because: "it is a database of another program",
                next: "give the store another path")
        }
        guard try !Schema.migrator.hasBeenSuperseded(db) else {
            throw StoreError(
                .newer, subject, because: "a newer release of toolkit wrote it",
                next: "use that release, or restore a backup that this one made")
        }
    }

    private static func checkState(_ db: Database, _ path: String) throws {
        let finding = try String.fetchOne(db, sql: "PRAGMA quick_check(cluster)")
        guard finding == "ok" else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: finding)
        }
    }
}

extension StoreError {
    /// Translates what SQLite said; a `StoreError` stays as it is.
    static func database(_ error: any Error, _ subject: String, _ path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else {
            return StoreError(
                .unreachable, subject, because: "\(error)", next: "look at the file \(path)")
        }
        let said = "SQLite says: \(error.message ?? "\(error.resultCode)")"
        return switch error.resultCode {
        case .SQLITE_FULL:
            StoreError(
                .full, subject, because: "the disk is full (\(said))",
                next: "free some space below \(directory(of: path)); nothing was changed")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            damaged(subject, path, because: "the file is damaged or no store (\(said))")
        case .SQLITE_CONSTRAINT:
            StoreError(
                .refused, subject, because: said,
                next: "check that \(path) is this cluster's store; if it is, report a bug")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            StoreError(
                .unreachable, subject, because: "another process keeps it locked (\(said))",
                next: "look for a program that has \(path) open, and try again")
        default:
            StoreError(
                .unreachable, subject, because: said,
                next: "make \(path) readable and writable for the scheduler's user")
        }
    }

    static func damaged(_ subject: String, _ path: String, because: String) -> StoreError {
        StoreError(
            .corrupted, subject, because: because,
            next: "stop the scheduler, set \(path) aside with its -wal and -shm, restore a backup")
    }
}

/// The state as JSON text.
enum ClusterDocument {
    private struct Version: Decodable {
        var schema: Int
    }

    static func write(_ cluster: Cluster, path: String) throws(StoreError) -> String {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(cluster), as: UTF8.self)
        } catch {
            throw StoreError(
                .refused, "cannot save the cluster to \(path)", because: "\(error)",
                next: "report a bug")
        }
    }

    static func read(_ text: String, path: String) throws(StoreError) -> Cluster {
        let subject = "cannot read the cluster's state in \(path)"
        do {
            let data = Data(text.utf8)
            let version = try JSONDecoder().decode(Version.self, from: data).schema
            guard version <= Cluster.currentSchema else {
                throw StoreError(
                    .newer, subject,
                    because: "a newer release of toolkit wrote it (schema \(version))",
                    next: "use that release, or restore a backup that this one made")
            }
            return try JSONDecoder().decode(Cluster.self, from: data)
        } catch let error as StoreError {
            throw error
        } catch {
            throw .damaged(subject, path, because: "it does not read as a cluster (\(error))")
        }
    }
}

/// Runs blocking work away from the cooperative threads.
func offThread<T: Sendable>(_ body: @escaping @Sendable () throws(StoreError) -> T)
    async throws(StoreError) -> T
{
    let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            do throws(StoreError) {
                continuation.resume(returning: .success(try body()))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
    return try result.get()
}
