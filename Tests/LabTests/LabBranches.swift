import FailoverCore
import Foundation
import Glibc

/// Whether all nodes hold one and the same log: promise I7, looked at in the files themselves.
struct LabBranches {
    /// A stretch of the primary's history: it ends where the next one begins.
    private struct Branch {
        var timeline: UInt32
        var end: UInt64
    }

    private let cluster: LabCluster
    private let primary: LabVM
    private let standbys: [LabVM]

    init(_ cluster: LabCluster, primary: NodeID) {
        self.cluster = cluster
        self.primary = cluster[primary]
        standbys = cluster.vms.prefix(3).filter { $0.name != primary.rawValue }
    }

    /// What is wrong; empty: every standby streams on the primary's timeline, has its history, its rows,
    /// and the same bytes wherever both have a part of it.
    func differences() async throws -> [String] {
        let (timeline, end) = try await endOfLog()
        let history = read("\(Self.name(timeline)).history", of: primary)
        var found: [String] = []
        let digest = try await rows(of: primary)
        for standby in standbys {
            try await hasReplayed(standby, end)
            let upstream = try await standby.sql(
                "SELECT received_tli, sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming'"
            )
            if !upstream.hasPrefix("\(timeline)|") {
                found.append(
                    "\(standby.name) streams on '\(upstream)', the primary is on \(timeline)")
            }
            let own = read("\(Self.name(timeline)).history", of: standby)
            if own != history {
                found.append("\(standby.name) has another history of timeline \(timeline)")
            }
            if try await rows(of: standby) != digest {
                found.append("\(standby.name) has other rows than \(primary.name)")
            }
            for branch in Self.branches(history, upTo: timeline, end) {
                found += compare(standby, branch)
            }
            let last = Self.segment(timeline, (end - 1) / Self.segmentSize)
            if access("\(folder(standby))/\(last)", F_OK) != 0 {
                found.append("\(standby.name) has no \(last)")
            }
        }
        return found
    }

    // MARK: Asking

    private func endOfLog() async throws -> (UInt32, UInt64) {
        let said = try await primary.sql(
            """
            SELECT ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::bigint,
              pg_current_wal_flush_lsn()
            """)
        let fields = said.split(whereSeparator: { $0 == "|" || $0.isNewline })
        guard fields.count == 2, let timeline = UInt32(fields[0]), let end = LSN(String(fields[1]))
        else { throw LabError("the end of the log reads \(said)") }
        return (timeline, end.position)
    }

    private func hasReplayed(_ standby: LabVM, _ end: UInt64) async throws {
        try await until("\(standby.name) has replayed everything", within: .seconds(20)) {
            let replayed = await standby.value("SELECT pg_last_wal_replay_lsn()")
            return replayed.flatMap { LSN($0) }.map { $0.position >= end } ?? false
        }
    }

    private func rows(of vm: LabVM) async throws -> String {
        try await vm.sql(
            "SELECT count(*), sum(hashtextextended(id || ' ' || node || ' ' || term, 0)) FROM demo.rows"
        )
    }

    // MARK: Reading

    private static let segmentSize: UInt64 = 16 << 20

    private static func name(_ timeline: UInt32) -> String { String(format: "%08X", timeline) }

    private static func segment(_ timeline: UInt32, _ number: UInt64) -> String {
        let perName = (UInt64(1) << 32) / segmentSize
        return name(timeline)
            + String(format: "%08X%08X", UInt32(number / perName), UInt32(number % perName))
    }

    private func folder(_ vm: LabVM) -> String { vm.outside("\(LabVM.data)/pg_wal") }

    private func read(_ file: String, of vm: LabVM) -> String {
        (try? String(contentsOfFile: "\(folder(vm))/\(file)", encoding: .utf8)) ?? ""
    }

    /// The lines of a history file are timeline, switch LSN, reason.
    private static func branches(
        _ history: String, upTo timeline: UInt32, _ end: UInt64
    ) -> [Branch] {
        let older = history.split(separator: "\n").compactMap { line -> Branch? in
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count >= 2, let timeline = UInt32(fields[0]),
                let end = LSN(String(fields[1]))
            else { return nil }
            return Branch(timeline: timeline, end: end.position)
        }
        return older + [Branch(timeline: timeline, end: end)]
    }

    /// The segments of a branch that both have, byte for byte. What lies behind its end is no part of
    /// it: an old primary's last words, or a segment's former life.
    private func compare(_ standby: LabVM, _ branch: Branch) -> [String] {
        (0...(branch.end - 1) / Self.segmentSize).compactMap { number in
            let file = Self.segment(branch.timeline, number)
            guard let one = FileManager.default.contents(atPath: "\(folder(primary))/\(file)"),
                let other = FileManager.default.contents(atPath: "\(folder(standby))/\(file)")
            else { return nil }
            let length = Int(min(Self.segmentSize, branch.end - number * Self.segmentSize))
            guard one.prefix(length) != other.prefix(length) else { return nil }
            let place = zip(one, other).enumerated().first { $0.element.0 != $0.element.1 }
            return "\(standby.name) differs from \(primary.name) in \(file) at byte "
                + "\(place?.offset ?? 0) of \(length)"
        }
    }
}
