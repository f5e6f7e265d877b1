import FailoverCore

/// A timer of the protocol with its place in `Timers`.
struct TimerSetting: Sendable {
    var name: String
    var field: any WritableKeyPath<Timers, Int64> & Sendable
    /// Milliseconds.
    var range: ClosedRange<Int64>
    var documentation: String

    var path: String { "failover.\(name)" }

    var setting: Setting {
        func text(_ timers: Timers) -> String { DurationText.render(timers[keyPath: field]) }
        return Setting(
            path, .duration(range),
            .profile(default: text(.default), fast: text(.fast), patient: text(.patient)),
            example: text(.default), documentation)
    }
}

extension Settings {
    static let failover: [Setting] =
        [
            Setting("failover", .group, .none("defaults"), "When and how fast to fail over."),
            Setting(
                "failover.mode", .choice(Policy.Mode.allCases.map(\.rawValue)),
                .value("automatic"), example: "automatic",
                """
                `automatic`, or `manual`: the scheduler watches and repairs, but moves the primary \
                only when told to.
                """),
            Setting(
                "failover.profile", .choice(["default", "fast", "patient"]), .value("default"),
                example: "default",
                """
                Defaults of all timers: `fast` for one rack, `patient` for live migration, \
                overloaded or wide-area networks.
                """),
            Setting(
                "failover.reconnect_attempts", .number(1...100),
                .profile(
                    default: "\(Timers.default.reconnectAttempts)",
                    fast: "\(Timers.fast.reconnectAttempts)",
                    patient: "\(Timers.patient.reconnectAttempts)"),
                example: "2",
                "Failed probes of the primary in a row before a failover may start."),
            Setting(
                "failover.switchover_method",
                .choice(Policy.HandOver.allCases.map(\.rawValue)), .value("quiesce"),
                example: "quiesce",
                """
                How a planned switchover takes over the last commit: `quiesce` ends all sessions \
                of the locked primary and promotes once the target has its last record; `stop` \
                shuts the primary down cleanly first, which takes longer.
                """),
            Setting(
                "failover.on_stall", .choice(Policy.Stall.allCases.map(\.rawValue)),
                .value("failover"), example: "failover",
                """
                When a primary answers but its disk takes no write for `stall_timeout`: stop and \
                replace it (`failover`), or only say so (`alarm`).
                """),
            Setting(
                "failover.fast_forward_max", .size(0...1 << 40), .value("16MB"), example: "16MB",
                """
                How far behind a preferred standby may be to be promoted: it fetches the rest \
                from another standby first. 0B never does.
                """),
            Setting(
                "failover.accept_split_brain_window", .flag, .value("false"), example: "false",
                """
                Asynchronous replication only: replace a lost primary that could not be stopped. \
                While it still runs, both accept writes, and those of the old one are lost.
                """),
        ] + timers.map(\.setting)

    private static let second: Int64 = 1_000
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000

    static let timers: [TimerSetting] = [
        TimerSetting(
            name: "monitor_interval", field: \.monitorInterval, range: 50...minute,
            documentation: "From one probe of a node to the next."),
        TimerSetting(
            name: "probe_timeout", field: \.probeTimeout, range: 50...minute,
            documentation: """
                A probe that takes longer has failed. Probes overlap: a late one does not delay \
                the next.
                """),
        TimerSetting(
            name: "canary_interval", field: \.canaryInterval, range: second...hour,
            documentation: "Shortest time between test writes on an idle primary."),
        TimerSetting(
            name: "confirm", field: \.confirm, range: 0...minute,
            documentation: """
                How long too few voters must have heard from the primary before a failover starts.
                """),
        TimerSetting(
            name: "confirm_refused", field: \.confirmRefused, range: 0...minute,
            documentation: """
                The same when the primary refuses connections and no reachable voter receives \
                from it.
                """),
        TimerSetting(
            name: "clean_stop_grace", field: \.cleanStopGrace, range: 0...10 * minute,
            documentation: """
                How long a primary that was shut down by an administrator gets to come back.
                """),
        TimerSetting(
            name: "crash_restart_grace", field: \.crashRestartGrace, range: 0...10 * minute,
            documentation: "How long a primary that recovers from a crash by itself gets."),
        TimerSetting(
            name: "wal_receiver_timeout", field: \.walReceiverTimeout, range: 500...10 * minute,
            documentation: """
                The PostgreSQL parameter, set on every node: a standby that hears nothing for so \
                long drops its connection to the primary.
                """),
        TimerSetting(
            name: "fresh_max", field: \.freshMax, range: 100...10 * minute,
            documentation: """
                A voter whose last message from the primary is older no longer vouches for it.
                """),
        TimerSetting(
            name: "wal_sender_timeout", field: \.walSenderTimeout, range: second...10 * minute,
            documentation: """
                The PostgreSQL parameter, set on every node: a primary that hears nothing from a \
                standby for so long drops the connection.
                """),
        TimerSetting(
            name: "wal_receiver_status_interval", field: \.walReceiverStatusInterval,
            range: second...10 * minute,
            documentation: """
                The PostgreSQL parameter, set on every node: how often a standby reports at \
                least. Whole seconds.
                """),
        TimerSetting(
            name: "wal_retrieve_retry_interval", field: \.walRetrieveRetryInterval,
            range: 50...minute,
            documentation: """
                The PostgreSQL parameter, set on every node: how long a standby waits before it \
                connects again.
                """),
        TimerSetting(
            name: "seal_timeout", field: \.sealTimeout, range: 500...10 * minute,
            documentation: "How long cutting the standbys off from the old primary may take."),
        TimerSetting(
            name: "promote_timeout", field: \.promoteTimeout, range: second...hour,
            documentation: "How long a promotion may take, replay of what is left included."),
        TimerSetting(
            name: "degrade_after", field: \.degradeAfter, range: 500...10 * minute,
            documentation: """
                A voter silent for so long leaves the quorum, so that commits go on without it.
                """),
        TimerSetting(
            name: "voter_unreachable", field: \.voterUnreachable, range: second...hour,
            documentation: """
                A voter that streams but that the scheduler can't reach leaves the quorum after \
                this.
                """),
        TimerSetting(
            name: "min_interval", field: \.minInterval, range: 0...24 * hour,
            documentation: "Shortest time between two failovers that no crash confirms."),
        TimerSetting(
            name: "switchover_timeout", field: \.switchoverTimeout, range: 5 * second...hour,
            documentation: "How long a planned switchover may take until it is undone."),
        TimerSetting(
            name: "fast_forward_timeout", field: \.fastForwardTimeout, range: 500...10 * minute,
            documentation: """
                How long a preferred standby may take to fetch what it lacks from another one.
                """),
        TimerSetting(
            name: "stall_timeout", field: \.stallTimeout, range: second...hour,
            documentation: """
                How long the disk of a primary that answers may take no write until `on_stall` \
                holds.
                """),
    ]
}
