/// A hook of the catalogue with its defaults.
public struct HookDeclaration: Hashable, Sendable {
    /// The setting, the file and the value of TOOLKIT_HOOK.
    public var name: String
    public var documentation: String
    /// Whether a script is shipped that runs where the file names none.
    public var isShipped: Bool
    public var timeoutMs: Int64
    /// Whether a step may go on when it has failed: what it should leave is looked at anyway.
    public var mayContinue: Bool
    /// Whether it may be told to run beside the scheduler instead of on its node.
    public var mayRunOnScheduler: Bool

    init(
        _ name: String, timeoutMs: Int64, isShipped: Bool = true, mayContinue: Bool = false,
        mayRunOnScheduler: Bool = false,
        _ documentation: String
    ) {
        self.name = name
        self.documentation = documentation
        self.isShipped = isShipped
        self.timeoutMs = timeoutMs
        self.mayContinue = mayContinue
        self.mayRunOnScheduler = mayRunOnScheduler
    }

    public var path: String { "hooks.\(name)" }

    /// The hook as a whole, and its parts.
    var settings: [Setting] {
        let shipped =
            isShipped ? "the shipped `hooks/\(name).sh`" : "no command: nothing is run"
        let example = "hooks/\(name).sh"
        return [
            Setting(
                path, .command, .none(shipped), example: example,
                documentation),
            Setting(
                "\(path).command", .text(.command), .none(shipped), example: example,
                "The command, when more than it is set."),
            Setting(
                "\(path).timeout", .duration(100...7 * 86_400_000),
                .value(DurationText.render(timeoutMs)), example: DurationText.render(timeoutMs),
                "After this the hook is stopped and its outcome counts as unknown."),
            Setting(
                "\(path).retries", .number(0...100), .value("0"), example: "2",
                "How often the hook is run again after it has failed."),
            Setting(
                "\(path).retry_delay", .duration(0...3_600_000), .value("1s"), example: "1s",
                "How long to wait before it is run again."),
        ] + (mayContinue ? [onFailure] : []) + (mayRunOnScheduler ? [runOn] : [])
    }

    private var onFailure: Setting {
        Setting(
            "\(path).on_failure", .choice(HookSettings.OnFailure.allCases.map(\.rawValue)),
            .value(HookSettings.OnFailure.abort.rawValue), example: "abort",
            """
            When it has failed for good: end the attempt of the step (`abort`), or go on to look \
            whether what it should leave is there (`continue`).
            """)
    }

    private var runOn: Setting {
        Setting(
            "\(path).run_on", .choice(["node", "scheduler"]), .value("node"), example: "scheduler",
            """
            Where it runs: on its node, or on the scheduler's machine, for a script that asks a \
            hypervisor or a power switch: the node may be out of reach.
            """)
    }
}

extension Settings {
    /// The catalogue of hooks.
    public static let hookDeclarations: [HookDeclaration] = [
        HookDeclaration(
            "promote_command", timeoutMs: 30_000, mayContinue: true,
            "Ends recovery on the candidate; the node is opened after it, not by it."),
        HookDeclaration(
            "follow_command", timeoutMs: 30_000, mayContinue: true,
            "Makes a standby stream from a new upstream."),
        HookDeclaration(
            "child_nodes_disconnect_command", timeoutMs: 30_000, isShipped: false,
            """
            Runs on the primary when it has lost its standbys, as `child_nodes_…` tell; once, \
            until enough are back.
            """),
        HookDeclaration(
            "standby_disconnect_command", timeoutMs: 5_000,
            "Ends the WAL receiver of a standby when the settings alone don't."),
        HookDeclaration(
            "fence_command", timeoutMs: 30_000, mayRunOnScheduler: true,
            "Stops the old primary and removes its opening."),
        HookDeclaration(
            "rejoin_command", timeoutMs: 3_600_000,
            "Makes the old primary a standby of the new one: a plain start, or pg_rewind."),
        HookDeclaration(
            "clone_command", timeoutMs: 86_400_000,
            "Makes a fresh copy with pg_basebackup; the old directory is moved aside."),
        HookDeclaration(
            "service_start_command", timeoutMs: 60_000, mayContinue: true,
            "Starts PostgreSQL, locked."),
        HookDeclaration("service_stop_command", timeoutMs: 60_000, "Stops PostgreSQL."),
        HookDeclaration("service_restart_command", timeoutMs: 60_000, "Restarts PostgreSQL."),
        HookDeclaration(
            "service_reload_command", timeoutMs: 60_000,
            "Makes PostgreSQL read its configuration again."),
        HookDeclaration(
            "service_status_command", timeoutMs: 60_000, "Tells whether PostgreSQL runs."),
        HookDeclaration(
            "failover_validation_command", timeoutMs: 10_000, isShipped: false,
            "Runs on the scheduler before a failover; exit 0 lets it go on, else it waits."),
        HookDeclaration(
            "event_notification_command", timeoutMs: 10_000, isShipped: false,
            "Runs on the scheduler for each event; it never holds a failover up."),
    ]

    static let hooks: [Setting] =
        [
            Setting(
                "hooks", .group, .none("the shipped hooks"),
                """
                What the scheduler runs. A hook is a file, relative to this one, that is uploaded \
                and run, or a command line. Write a mapping to set more than the command.
                """)
        ]
        + hookDeclarations.flatMap(\.settings)
        + [
            Setting(
                "event_notifications", .texts(.eventName), .none("all events"),
                example: "[ failover_done ]",
                "The events that `event_notification_command` gets."),
            Setting(
                "child_nodes_connected_min_count", .number(1...63),
                .none("all of them are lost, or as many as the next setting says"), example: "1",
                """
                With fewer standbys attached than this the primary has lost its standbys, for \
                `child_nodes_disconnect_command`.
                """),
            Setting(
                "child_nodes_disconnect_min_count", .number(1...63),
                .none("all of them are lost"), example: "2",
                """
                The same when so many of those that were attached are not; unread beside \
                `child_nodes_connected_min_count`.
                """),
            Setting(
                "child_nodes_disconnect_timeout", .duration(0...3_600_000), .value("30s"),
                example: "30s",
                "How long after the last of them was lost the command is run."),
        ]
}
