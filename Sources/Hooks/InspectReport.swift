public import FailoverCore
import Foundation

/// What `inspect` saw of a node's files, without changing anything: PostgreSQL may run, be
/// stopped, be missing or broken.
public struct InspectReport: Hashable, Sendable {
    public enum Postmaster: Hashable, Sendable {
        case running(pid: Int)
        case starting(pid: Int)
        case stopped
    }

    public enum DataDirectory: String, Hashable, Sendable {
        case missing
        case empty
        /// Holds files, but no PostgreSQL cluster.
        case foreign
        case pgdata
    }

    /// Work that stands between its beginning and its end: a start must refuse.
    public enum Marker: String, Hashable, Sendable {
        case none
        case rewinding
        case cloning
    }

    public struct Control: Hashable, Sendable {
        public var systemIdentifier: String
        /// pg_controldata's words: `in production`, `shut down`, `in archive recovery` …
        public var state: String
        public var checkpoint: LSN
        public var timeline: TimelineID
        /// Where a standby's replay had got to, and on which timeline.
        public var minRecoveryEnd: LSN
        public var minRecoveryTimeline: TimelineID
        public var hasChecksums: Bool
        public var hasHintLogging: Bool
    }

    public var bootID: String
    public var stamp: Stamp?
    public var postmaster: Postmaster
    /// Server processes of a postmaster that is gone, or it could not be told.
    public var mayHaveOrphans: Bool
    public var dataDirectory: DataDirectory
    /// Nil when pg_controldata can't read the directory.
    public var control: Control?
    public var hasStandbySignal: Bool
    public var marker: Marker
    /// The highest timeline of the WAL segments in pg_wal.
    public var walTimeline: TimelineID?
    /// Contents of pg_wal's `.history` files.
    public var histories: [TimelineHistory]
    /// Whether `open.conf` exists.
    public var isOpened: Bool
}

extension InspectReport {
    /// Reads `inspect`'s `key=value` lines; nil when its last line (`end=yes`) is missing.
    public init?(output: String) {
        var facts: [Substring: Substring] = [:]
        var histories: [TimelineHistory] = []
        for line in output.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals]
            let value = line[line.index(after: equals)...]
            if key.hasPrefix("history."), let history = Self.history(key.dropFirst(8), value) {
                histories.append(history)
            }
            facts[key] = value
        }
        guard facts["end"] == "yes" else { return nil }
        func text(_ key: Substring) -> String { facts[key].map { String($0) } ?? "" }

        bootID = text("boot_id")
        stamp = Stamp(nodeText: text("stamp"))
        postmaster = Self.postmaster(text("postmaster"))
        mayHaveOrphans = text("orphans") != "no"
        dataDirectory = DataDirectory(rawValue: text("data_directory")) ?? .missing
        control = Control(facts)
        hasStandbySignal = text("standby_signal") == "yes"
        marker = Marker(rawValue: text("marker")) ?? .none
        walTimeline = UInt32(text("wal_timeline")).map { TimelineID($0) }
        self.histories = histories
        isOpened = text("opened") == "yes"
    }

    private static func postmaster(_ text: String) -> Postmaster {
        let words = text.split(separator: " ")
        guard words.count == 2, let pid = Int(words[1]) else { return .stopped }
        return words[0] == "starting" ? .starting(pid: pid) : .running(pid: pid)
    }

    private static func history(_ timeline: Substring, _ base64: Substring) -> TimelineHistory? {
        guard let number = UInt32(timeline), let data = Data(base64Encoded: String(base64)) else {
            return nil
        }
        return TimelineHistory(
            timeline: TimelineID(number), text: String(decoding: data, as: UTF8.self))
    }
}

extension InspectReport.Control {
    fileprivate init?(_ facts: [Substring: Substring]) {
        guard let identifier = facts["system_identifier"], let state = facts["state"],
            let checkpoint = facts["checkpoint_lsn"].flatMap({ LSN($0) }),
            let timeline = facts["timeline"].flatMap({ UInt32($0) })
        else { return nil }
        systemIdentifier = String(identifier)
        self.state = String(state)
        self.checkpoint = checkpoint
        self.timeline = TimelineID(timeline)
        minRecoveryEnd = facts["min_recovery_end"].flatMap { LSN($0) } ?? .zero
        minRecoveryTimeline = TimelineID(
            facts["min_recovery_timeline"].flatMap { UInt32($0) } ?? 0)
        hasChecksums = facts["data_checksums"] == "yes"
        hasHintLogging = facts["wal_log_hints"] == "yes"
    }
}
