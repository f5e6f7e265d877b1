import ClusterFile
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// What must hold after every round: one node accepts writes, every acknowledged row is there, and
/// the failover was finished.
final class Rounds {
    let cluster: ProcessCluster
    private var rowsChecked = 0
    private var probes: Int64 = 0
    private var lastEvent: Int64 = 0

    init(_ cluster: ProcessCluster) { self.cluster = cluster }

    /// Looks at what the writers saw since the round before, once the cluster is healthy.
    func check(_ round: String, writesTo expected: NodeID? = nil) async throws -> [EventRecord] {
        let acknowledged = cluster.writers.acknowledged
        let fresh = Array(acknowledged[rowsChecked...])
        let primary = try #require(await cluster.state()?.primary)
        let rows = try await rows(on: primary, from: fresh.map(\.row).min() ?? 0)
        let lost = fresh.filter { !rows.contains($0.row) }
        #expect(lost.isEmpty, "\(round): \(lost.count) of \(fresh.count) rows are lost")
        #expect(!fresh.isEmpty, "\(round): nothing was acknowledged")
        var servers: [String] = []
        for row in fresh where servers.last != row.server { servers.append(row.server) }
        #expect(servers.count <= 2, "\(round): writes went back and forth: \(servers)")
        rowsChecked = acknowledged.count
        #expect(try await writable() == [primary], "\(round)")

        let events = try await cluster.events(after: lastEvent)
        lastEvent = events.last?.id ?? lastEvent
        if ProcessInfo.processInfo.environment["TOOLKIT_TEST_STORY"] != nil {
            print(events.map(\.line).joined(separator: "\n"))
        }
        let rules = events.compactMap(\.rule?.rawValue)
        let story = events.map(\.line).joined(separator: "\n")
        #expect(rules.contains("opening.done"), "\(round): no opening was finished\n\(story)")
        #expect(events.last { $0.toPhase != nil }?.toPhase == .steady, "\(round)")
        return events
    }

    /// Begins a round: what happened before is no part of it.
    func begin() async throws {
        rowsChecked = cluster.writers.acknowledged.count
        lastEvent = try await cluster.events().last?.id ?? 0
        let count = rowsChecked
        try await until("rows are acknowledged", within: .seconds(20)) {
            cluster.writers.acknowledged.count > count + 5
        }
    }

    /// One round: a daemon that dies at `place` after `cause`, another one that finishes the work.
    func die(
        at place: String, _ old: ChildProcess,
        _ cause: () async throws -> Void, meanwhile: () async throws -> Void = {}
    ) async throws -> ChildProcess {
        try await cluster.kill(old)
        let once = "\(cluster.root)/once-\(UInt32.random(in: 0...UInt32.max))"
        let start = ContinuousClock.now
        let daemon = try await cluster.runDaemon([
            "TOOLKIT_FAILPOINT": place, "TOOLKIT_FAILPOINT_ONCE": once,
        ])
        try await cluster.healthy()
        try await begin()
        try await cause()
        let status = await daemon.ended(before: .now + .seconds(90))
        #expect(status == SIGKILL, "\(place): the daemon did not die there")
        #expect(access(once, F_OK) == 0, "\(place): the step was not open")
        let open = try await cluster.stored()
        if status == nil { daemon.signal(SIGKILL) }
        let next = try await cluster.runDaemon()
        try await meanwhile()
        try await cluster.healthy()
        _ = try await check(place)
        print("\(place): died in \(open.phase), healthy \(ContinuousClock.now - start)")
        return next
    }

    /// Every row that was ever acknowledged is on the primary, once.
    func checkAll() async throws {
        await cluster.writers.stop()
        let primary = try #require(await cluster.state()?.primary)
        let rows = try await rows(on: primary, from: 0)
        let acknowledged = cluster.writers.acknowledged
        #expect(acknowledged.count { !rows.contains($0.row) } == 0)
        print("rows acknowledged \(acknowledged.count), present \(rows.count)")
    }

    /// The nodes that take a write of an application.
    private func writable() async throws -> [NodeID] {
        var nodes: [NodeID] = []
        for node in cluster.settings.nodes {
            probes -= 1
            var conninfo = cluster.layout.applicationConninfo()
            conninfo["host"] = node.host
            conninfo["port"] = String(node.port)
            conninfo["target_session_attrs"] = nil
            let session = try await Connection.open(conninfo, timeout: .seconds(5))
            do {
                _ = try await session.query(
                    "INSERT INTO demo.rows (id, writer) VALUES (\(probes), -1)",
                    timeout: .seconds(5))
                nodes.append(node.id)
            } catch {
                #expect(error.sqlState == "25006", "\(node.id): \(error)")
            }
            await session.close()
        }
        return nodes
    }

    private func rows(on id: NodeID, from first: Int64) async throws -> Set<Int64> {
        let node = try cluster.layout.node(id)
        var conninfo = cluster.layout.applicationConninfo()
        conninfo["host"] = node.host
        conninfo["port"] = String(node.port)
        let session = try await Connection.open(conninfo, timeout: .seconds(5))
        let found = try await session.query(
            "SELECT id FROM demo.rows WHERE id >= \(first)", timeout: .seconds(60))
        await session.close()
        return Set(found.compactMap { $0.values[0].flatMap { Int64($0) } })
    }
}

extension EventRecord {
    /// For whoever reads a failed test.
    var line: String {
        "\(wallMs) \(summary)\(durationMs.map { " (\($0) ms)" } ?? "")  \(because)"
    }
}

extension [EventRecord] {
    /// The rules whose decisions were stored: each of them has a revision of its own.
    var storedRules: [String] {
        var rules: [String] = []
        var last = Revision(0)
        for event in self {
            if let rule = event.rule?.rawValue, event.revision > last, !rules.contains(rule) {
                rules.append(rule)
            }
            last = Swift.max(last, event.revision)
        }
        return rules
    }
}
