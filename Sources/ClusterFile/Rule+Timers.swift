import FailoverCore

extension Rule {
    /// "This timer has to be shorter than that": one row of the table.
    private struct Order: Sendable {
        var shorter: String
        var longer: String
        var mayBeEqual = false
        /// What the longer one is multiplied by, in percent.
        var percent: Int64 = 100
        var because: String
    }

    static let timerRules: [Rule] = orders.map(rule) + [wholeSeconds, switchover]

    private static let orders: [Order] = [
        Order(
            shorter: "fresh_max", longer: "wal_receiver_timeout",
            because: "a voter must stop vouching before its connection is dropped"),
        Order(
            shorter: "wal_receiver_timeout", longer: "fresh_max", percent: 200,
            because: "from an idle primary a standby hears only after half of its timeout"),
        Order(
            shorter: "monitor_interval", longer: "fresh_max",
            because: "a voter has to be asked within that time"),
        Order(
            shorter: "probe_timeout", longer: "fresh_max",
            because: "a later answer tells nothing that is still fresh"),
        Order(
            shorter: "fresh_max", longer: "degrade_after",
            because: "a voter would leave the quorum while it still vouches for the primary"),
        Order(
            shorter: "confirm", longer: "degrade_after",
            because: "voters would leave the quorum before a failover can start"),
        Order(
            shorter: "confirm_refused", longer: "confirm", mayBeEqual: true,
            because: "a refused connection is the stronger sign"),
        Order(
            shorter: "degrade_after", longer: "voter_unreachable",
            because: "a voter that still streams is worth more patience than a silent one"),
        Order(
            shorter: "wal_receiver_status_interval", longer: "wal_sender_timeout",
            percent: 50, because: "one late report would cost the connection"),
        Order(
            shorter: "probe_timeout", longer: "stall_timeout",
            because: "a test write gets that long before it counts as hanging"),
    ]

    private static func rule(_ order: Order) -> Rule {
        let shorter = "failover.\(order.shorter)"
        let longer = "failover.\(order.longer)"
        return Rule(
            code: "failover.\(order.shorter)_\(order.longer)",
            reads: [shorter, longer, "failover.profile"]
        ) { subject in
            let (least, most) = (value(shorter, subject), value(longer, subject))
            let limit = most * order.percent / 100
            guard least > limit || least == limit && !order.mayBeEqual else { return [] }
            let relation = order.mayBeEqual ? "at most" : "shorter than"
            let factor = order.percent == 50 ? "half of " : order.percent == 200 ? "twice " : ""
            return [
                subject.violation(
                    subject.laterWritten([shorter, longer]),
                    "`\(order.shorter)` (\(DurationText.render(least))) has to be \(relation) "
                        + "\(factor)`\(order.longer)` (\(DurationText.render(most))): "
                        + order.because,
                    "change one of them, or leave both to `failover.profile`")
            ]
        }
    }

    private static func value(_ path: String, _ subject: Subject) -> Int64 {
        let timer = Settings.timers.first { $0.path == path }
        return timer.map { subject.settings.policy.timers[keyPath: $0.field] } ?? 0
    }

    /// PostgreSQL counts this one in seconds and rounds the rest.
    private static let wholeSeconds: Rule = {
        let path = "failover.wal_receiver_status_interval"
        return Rule(code: "failover.whole_seconds", reads: [path]) { subject in
            let ms = value(path, subject)
            guard ms % 1_000 != 0 else { return [] }
            return [
                subject.violation(
                    path, "\(DurationText.render(ms)) is not a whole number of seconds",
                    "write `\(max(1, ms / 1_000))s`")
            ]
        }
    }()

    private static let switchover: Rule = {
        let whole = "failover.switchover_timeout"
        let parts = ["failover.seal_timeout", "failover.promote_timeout"]
        return Rule(
            code: "failover.switchover_too_short", reads: [whole, "failover.profile"] + parts
        ) { subject in
            let sum = parts.map { value($0, subject) }.reduce(0, +)
            let timeout = value(whole, subject)
            guard timeout <= sum else { return [] }
            return [
                subject.violation(
                    subject.laterWritten([whole] + parts),
                    "`switchover_timeout` (\(DurationText.render(timeout))) has to be longer than "
                        + "`seal_timeout` and `promote_timeout` together "
                        + "(\(DurationText.render(sum))), which are part of it",
                    "change one of them, or leave all to `failover.profile`")
            ]
        }
    }()
}
