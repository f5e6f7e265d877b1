/// The commands of repmgr.conf, and what is left.
extension Mappings {
    static let repmgrHooks: [Mapping] = [
        Mapping(
            "promote_command", to: "hooks.promote_command", "/opt/ha/promote.sh %n",
            becomes: "/opt/ha/promote.sh %n",
            "a command of your own stays; one that calls repmgr, pg_ctl or pg_promote is replaced "
                + "by the shipped hook, which does the same",
            by: { ownCommand($0, "hooks/promote_command.sh") }),
        Mapping(
            "follow_command", to: "hooks.follow_command", "/opt/ha/follow.sh %n",
            becomes: "/opt/ha/follow.sh %n",
            "a command of your own stays; one that calls repmgr, or nothing (`false`), is replaced "
                + "by the shipped hook",
            by: { ownCommand($0, "hooks/follow_command.sh") }),
        Mapping(
            "event_notification_command", to: "hooks.event_notification_command",
            "/opt/ha/notify.sh %n %e %s", becomes: "/opt/ha/notify.sh %n %e %s",
            "it runs on the scheduler's machine, for every event; the placeholders are repmgr's",
            by: Convert.schedulerCommand),
        .byHand(
            "event_notifications", "repmgrd_failover_promote,standby_switchover",
            "the events have other names",
            next: "write the ones that you want as `event_notifications`: `toolkit events` shows "
                + "their names"),
        Mapping(
            "failover_validation_command", to: "hooks.failover_validation_command",
            "/opt/ha/validate.sh %n %v %t", becomes: "/opt/ha/validate.sh %n %v %t",
            "it runs on the scheduler's machine; the placeholders are repmgr's",
            by: Convert.schedulerCommand),
    ]

    static let repmgrChildNodes: [Mapping] = [
        Mapping(
            "child_nodes_disconnect_command", to: "hooks.child_nodes_disconnect_command",
            "/opt/ha/alone.sh %p", becomes: "/opt/ha/alone.sh %p",
            "it runs on the primary; the placeholders are repmgr's. cluster.yaml has one for all "
                + "nodes: where their data directories differ, `\"$PGDATA\"` takes the place of "
                + "the file's own; what differs still, or calls repmgr, is left to you",
            by: { _ in .together }),
        .builtIn(
            "child_nodes_check_interval", "5",
            "the scheduler looks at each probe. 0, which switches this off, leaves "
                + "child_nodes_disconnect_command out"),
        Mapping(
            "child_nodes_connected_min_count", to: "child_nodes_connected_min_count", "2",
            becomes: "2", "as it is; -1 and 0 mean that there is none", by: leastCount),
        Mapping(
            "child_nodes_disconnect_min_count", to: "child_nodes_disconnect_min_count", "2",
            becomes: "2", "as it is; -1 and 0 mean that there is none", by: leastCount),
        Mapping(
            "child_nodes_disconnect_timeout", to: "child_nodes_disconnect_timeout", "45",
            becomes: "45s", "as it is", by: Convert.seconds),
        Mapping(
            setting: "child_nodes_connected_include_witness", target: .none,
            meaning: noWitnessCounts,
            next: withoutWitness, example: "true", becomes: "",
            convert: { text in
                switch Convert.flag(text) {
                case true?: .byHand(because: noWitnessCounts, next: withoutWitness)
                case false?: .builtIn(noWitnessCounts)
                case nil: .refused(expected: "true or false")
                }
            }),
    ]

    private static let noWitnessCounts = "there is no witness: standbys alone are counted"
    private static let withoutWitness =
        "leave `hooks.child_nodes_disconnect_command` out if it must not run while a witness is "
        + "still connected"

    private static let leastCount: @Sendable (String) -> Converted = { text in
        guard let count = Int(text), count >= -1 else {
            return .refused(expected: "a whole number from -1 on")
        }
        return count < 1 ? .builtIn("as without it") : .value(.number(count))
    }

    static let repmgrStarts: [Mapping] = ["start", "restart"].map { action in
        .byHand(
            "service_\(action)_command", "sudo systemctl \(action) postgresql-16",
            "it would start PostgreSQL on its old configuration, open for writes",
            next: "leave it to the shipped hook, which starts with the toolkit's configuration, "
                + "locked; see that nothing else starts PostgreSQL")
    }

    static let repmgrStops: [Mapping] = ["stop", "reload"].map { action in
        .byHand(
            "service_\(action)_command", "sudo systemctl \(action) postgresql-16",
            "the shipped hook does it with pg_ctl, whoever started PostgreSQL",
            next: "set `hooks.service_\(action)_command` only when pg_ctl must not be used")
    }

    static let repmgrServices: [Mapping] = [
        .byHand(
            "service_promote_command", "pg_ctl promote -D /srv/pg/data",
            "the shipped `hooks/promote_command.sh` does it"),
        .builtIn(
            "repmgrd_service_start_command", "sudo systemctl start repmgrd",
            "used in the plan: the way back starts it"),
        .builtIn(
            "repmgrd_service_stop_command", "sudo systemctl stop repmgrd",
            "used in the plan: the change-over stops it"),
    ]

    static let repmgrRest: [Mapping] = [
        .byHand(
            "ssh_options", "-q -o ConnectTimeout=10",
            "SSH goes from the scheduler to the nodes, by libssh2; options of ssh(1) have no "
                + "meaning",
            next: "set `ssh` in cluster.yaml: user, port, identity_file, known_hosts"),
        .builtIn(
            "pg_ctl_options", "-s", "the shipped hooks know what pg_ctl needs"),
        .byHand(
            "pg_basebackup_options", "--max-rate=100M",
            "the shipped clone hook runs pg_basebackup at full speed",
            next: "write your own `hooks/clone_command.sh` if it has to be throttled"),
        .byHand(
            "tablespace_mapping", "/srv/a=/srv/b",
            "the shipped clone hook keeps tablespaces where they are",
            next: "write your own `hooks/clone_command.sh` if paths differ between nodes"),
        .byHand(
            "restore_command", "cp /archive/%f %p",
            "this version restores no WAL from an archive",
            next: "keep enough WAL: slots do that, up to max_slot_wal_keep_size"),
        .byHand(
            "archive_cleanup_command", "pg_archivecleanup /archive %r",
            "this version restores no WAL from an archive"),
        .byHand(
            "recovery_min_apply_delay", "1h", "a delayed node can be no candidate",
            next: "leave that node out of the cluster, or let it follow without delay"),
        .byHand(
            "config_directory", "/etc/postgresql/16/main",
            "the toolkit renders the configuration into `config_dir`",
            next: "copy your own parameters into `postgresql.parameters`, your lines of "
                + "pg_hba.conf into `postgresql.hba`"),
        .byHand(
            "use_primary_conninfo_password", "true",
            "passwords never stand in primary_conninfo", next: ""),
        .builtIn(
            "passfile", "/var/lib/pgsql/.pgpass", "each node has a password file of mode 0600"),
        .byHand(
            "include*", "'/etc/repmgr/common.conf'", "an included file is not read",
            next: "name that file on the command line, too"),
        .builtIn("monitoring_history", "yes", "the store keeps every event"),
        .builtIn(
            "log_*", "INFO", "the scheduler logs to standard error, `toolkit events` shows it"),
        .builtIn("repmgrd_pid_file", "/run/repmgrd.pid", "used in the plan: the daemon to stop"),
        .builtIn("repmgr_bindir", "/usr/pgsql-16/bin", "used in the plan"),
        .byHand(
            "archive_ready_*", "16", "`toolkit check` has limits of its own",
            next: "watch the archiver as before"),
        .byHand(
            "replication_lag_*", "300", "`toolkit state` shows the lag and has no limit for it",
            next: "watch LAG of `toolkit state --json` with your monitoring"),
        .byHand(
            "barman_*", "backup1", "clones are made by pg_basebackup from the primary",
            next: "Barman's own receiver goes on: point it at the new primary after a failover, "
                + "by `hooks.event_notification_command`"),
    ]

    /// A command that runs on a node in place of a shipped hook.
    private static func ownCommand(_ text: String, _ hook: String) -> Converted {
        let programs = programs(in: text)
        let known: Set<Substring> = ["repmgr", "pg_ctl", "pg_ctlcluster", "pg_promote"]
        if programs.contains(where: known.contains) {
            return .builtIn("the shipped \(hook) does it")
        }
        if programs.count == 1, ["true", "false", ":"].contains(programs[0]) || programs.isEmpty {
            return .builtIn("it does nothing; the shipped \(hook) does what is needed")
        }
        return .value(.text(text))
    }

    /// The last part of each word, which may be a program's name.
    static func programs(in command: String) -> [Substring] {
        command.split { $0.isWhitespace || "'\"();&|".contains($0) }
            .map { $0.split(separator: "/").last ?? $0 }
    }
}
