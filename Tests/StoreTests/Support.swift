import Foundation
import Store
import Testing

@testable import FailoverCore

/// A directory of one test, gone with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "tk-store-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var store: String { path + "/shop.sqlite" }
}

extension Cluster {
    static func shop(revision: Int = 0, term: Int = 1) -> Cluster {
        var cluster = Cluster(
            name: "shop", systemIdentifier: "7301234567890123456",
            members: ["node1", "node2", "node3"].map { Member(id: $0) },
            lineage: [
                LineageEntry(
                    timeline: TimelineID(1), begin: .zero, term: Term(1), node: "node1",
                    history: TimelineHistory(timeline: TimelineID(1)))
            ])
        cluster.revision = Revision(revision)
        cluster.term = Term(term)
        cluster.elect = "node1"
        return cluster
    }
}

extension EventRecord {
    static func tick(_ number: Int, wallMs: Int64 = 1_000) -> EventRecord {
        EventRecord(
            wallMs: wallMs, revision: Revision(number), term: Term(1), kind: .decision,
            rule: "guard.suspect", node: "node1", fromPhase: .steady, toPhase: .suspect,
            summary: "event \(number)", because: "two probes failed")
    }
}

/// The code of the store's error that `body` throws; nil when it throws none.
func storeErrorCode(_ body: () async throws -> Void) async -> StoreError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? StoreError)?.code
    }
}
