/// What the demo measured and saw; `--json` prints it as it is.
public struct DemoReport: Hashable, Codable, Sendable {
    /// One kill of a primary, and its return.
    public struct Round: Hashable, Codable, Sendable {
        public var killed: String
        public var promoted: String
        /// Last acknowledgement by the old primary to the first by the new one.
        public var writeOutageMs: Int64
        public var oldTimeline: UInt32
        public var newTimeline: UInt32
        /// Where the new timeline begins.
        public var switchLSN: String
        /// End of the old primary's WAL after it was started again.
        public var oldPrimaryEndLSN: String
        /// The old primary came up read-only and refused a write.
        public var lockHeld: Bool
        /// Its WAL had gone on past the fork, and pg_rewind took it back.
        public var rewound: Bool
        public var rewoundFromLSN: String?
        /// From the kill to a primary with a counted standby.
        public var toRedundancyMs: Int64
        /// From the return of the node's sshd to every node counted again.
        public var toFullRedundancyMs: Int64
    }

    public struct Switchover: Hashable, Codable, Sendable {
        public var from: String
        public var to: String
        public var writeOutageMs: Int64
        public var newTimeline: UInt32
        /// The old primary came back by a plain start.
        public var withoutRewind: Bool
    }

    public var rounds: [Round]
    public var switchback: Switchover?
    public var rowsAcknowledged: Int
    public var rowsLost: Int
    public var isRemote: Bool
    /// What did not happen as it should have; empty: all of it did.
    public var failures: [String]

    public var isSuccess: Bool { failures.isEmpty && rowsLost == 0 && !rounds.isEmpty }

    public var medianOutageMs: Int64? {
        let sorted = rounds.map(\.writeOutageMs).sorted()
        return sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }

    /// The closing lines for a terminal.
    public var text: String {
        var lines = ["", "report"]
        for (index, round) in rounds.enumerated() {
            lines += [
                "  round \(index + 1): \(round.killed) killed, \(round.promoted) promoted",
                row("write outage", "\(round.writeOutageMs) ms"),
                row(
                    "timeline", "\(round.oldTimeline) → \(round.newTimeline) at \(round.switchLSN)"),
                row("old primary came up", round.lockHeld ? "locked: read-only" : "NOT LOCKED"),
                row(
                    "its WAL ended at", "\(round.oldPrimaryEndLSN), the fork is \(round.switchLSN)"),
                row(
                    "rewound",
                    round.rewound ? "yes, from \(round.rewoundFromLSN ?? "?")" : "NO"),
                row("a counted standby after", "\(round.toRedundancyMs) ms"),
                row("all nodes counted", "\(round.toFullRedundancyMs) ms after its sshd was back"),
            ]
        }
        if let switchback {
            lines += [
                "  switched back: \(switchback.from) → \(switchback.to)",
                row("write outage", "\(switchback.writeOutageMs) ms"),
                row(
                    "old primary back", switchback.withoutRewind ? "by a plain start" : "by a copy"),
            ]
        }
        lines += [
            "  rows acknowledged \(rowsAcknowledged), lost \(rowsLost)",
            medianOutageMs.map { "  median write outage \($0) ms" } ?? "",
        ]
        lines += failures.map { "  FAILED: \($0)" }
        lines.append(isSuccess ? "  all of it really happened" : "  it did not go as it should")
        return lines.filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
    }

    private func row(_ name: String, _ value: String) -> String {
        "    \(name)\(String(repeating: " ", count: max(1, 26 - name.count)))\(value)"
    }
}
