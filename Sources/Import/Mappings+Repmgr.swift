/// Every setting of repmgr.conf.
extension Mappings {
    static let repmgr: [Mapping] =
        [
            repmgrNode, repmgrFailover, repmgrTimers, repmgrHooks, repmgrChildNodes,
            repmgrStarts, repmgrStops, repmgrServices, repmgrRest,
        ].flatMap(\.self)

    private static let repmgrNode: [Mapping] = [
        .builtIn(
            "node_id", "60",
            "a node is known by its name; hooks get it as TOOLKIT_NODE_ID and as %n"),
        Mapping(
            "node_name", to: "nodes[].name", "pg-slave61", becomes: "pg_slave61",
            "in small letters, other characters as underscores", by: Convert.name),
        Mapping(
            "conninfo host", to: "nodes[].host", "10.0.0.11", becomes: "10.0.0.11",
            "what the other nodes reach the node by; `hostaddr` wins", by: Convert.text),
        Mapping(
            "conninfo port", to: "nodes[].port", "5433", becomes: "5433", "as it is",
            by: Convert.port),
        .builtIn(
            "conninfo user", "repmgr",
            "the toolkit makes roles of its own, with fewer rights; repmgr's stay for the way back"),
        .builtIn(
            "conninfo dbname", "repmgr",
            "the scheduler connects to `postgresql.database`, and keeps its state in a store"),
        .byHand(
            "conninfo password", "s3cret",
            "a password stands in the file; it is not carried over, nor printed",
            next: "nothing: `toolkit deploy` makes passwords of its own, in files of mode 0600"),
        .builtIn(
            "conninfo connect_timeout", "2",
            "a probe that takes longer than `failover.probe_timeout` has failed"),
        .byHand(
            "conninfo *", "sslmode=require",
            "the toolkit makes its own connections, with the driver's defaults",
            next: "ask in pg_hba.conf for what you need of client connections (hostssl)"),
        Mapping(
            "data_directory", to: "nodes[].data_dir", "/srv/pg/data/", becomes: "/srv/pg/data",
            "as it is: no data are moved", by: Convert.path),
        Mapping(
            "pg_bindir", to: "postgresql.bin_dir", "/usr/pgsql-16/bin/",
            becomes: "/usr/pgsql-16/bin", "also tells `postgresql.version`", by: Convert.path),
        Mapping(
            "priority", to: "nodes[].priority", "120", becomes: "100",
            "at most 100; 0 is never promoted. Where one file has it, the others get repmgr's 100",
            by: Convert.priority),
        .builtIn(
            "replication_user", "repl",
            "the toolkit makes `postgresql.replication_role`; the old role stays for the way back"),
        .builtIn("replication_type", "physical", "there is no other"),
        Mapping(
            setting: "location", target: .none,
            meaning: "the toolkit chooses by WAL and priority, not by place", next: placeHint,
            example: "dc2", becomes: "",
            convert: { text in
                text == "default"
                    ? .builtIn("all nodes are in one place")
                    : .byHand(
                        because: "the toolkit chooses by WAL and priority, not by place",
                        next: placeHint)
            }),
        Mapping(
            setting: "use_replication_slots", target: .builtIn,
            meaning: "slots are always used, made and dropped by the scheduler", next: "",
            example: "true", becomes: "", convert: slots),
    ]

    private static let placeHint =
        "give nodes that must not be promoted there `priority: 0`, and "
        + "`replication_quorum: false` if commits must not wait for them"

    private static let repmgrFailover: [Mapping] = [
        Mapping(
            "failover", to: "failover.mode", "automatic", becomes: "automatic",
            "absent it is manual, as in repmgr. Where only some nodes are automatic, the others "
                + "get `priority: 0`",
            by: { text in
                ["automatic", "manual"].contains(text)
                    ? .together : .refused(expected: "automatic or manual")
            }),
        Mapping(
            "reconnect_attempts", to: "failover.profile", "12", becomes: "patient",
            "with reconnect_interval: a silence of more than 60 s that repmgr waited for (its "
                + "default) becomes the profile `patient`. Single timers are not carried over: "
                + "they depend on each other",
            by: Convert.wholeNumber),
        Mapping(
            "reconnect_interval", to: "failover.profile", "30", becomes: "patient",
            "see reconnect_attempts", by: Convert.wholeNumber),
        .builtIn(
            "monitor_interval_secs", "2",
            "`failover.monitor_interval` of the profile: the toolkit probes more often, and "
                + "starts to count at the first silence"),
        .builtIn(
            "connection_check_type", "query",
            "a probe is a query; now and then on a new connection, and with a test write"),
        .builtIn(
            "primary_visibility_consensus", "true",
            "a failover starts only when too few voters hear from the primary"),
        .builtIn(
            "standby_disconnect_on_failover", "true",
            "standbys are always cut off, and seen to be, before one is promoted"),
        .builtIn(
            "sibling_nodes_disconnect_timeout", "30", "`failover.seal_timeout` of the profile"),
    ]

    private static let repmgrTimers: [Mapping] = [
        .builtIn("promote_check_timeout", "60", "`failover.promote_timeout` of the profile"),
        .builtIn("promote_check_interval", "1", "the promotion is watched at each probe"),
        .builtIn(
            "standby_follow_timeout", "30",
            "a standby is done when it is seen to stream; it is tried again until then"),
        .builtIn("standby_follow_restart", "false", "a standby follows by a reload"),
        .builtIn("primary_follow_timeout", "60", "the scheduler tells each standby whom to follow"),
        .builtIn(
            "primary_notification_timeout", "60",
            "the scheduler tells each standby whom to follow"),
        .builtIn("election_rerun_interval", "15", "it is asked again at each probe"),
        .builtIn("always_promote", "false", "only a standby that has every commit is promoted"),
        .builtIn("async_query_timeout", "60", "`failover.probe_timeout` of the profile"),
        .builtIn("degraded_monitoring_timeout", "-1", "the scheduler never stops watching"),
        .builtIn("repmgrd_exit_on_inactive_node", "false", "there is no daemon on a node"),
        .builtIn("repmgrd_standby_startup_timeout", "60", "there is no daemon on a node"),
        .builtIn(
            "standby_reconnect_timeout", "60", "a node that comes back is seen within a probe"),
        .builtIn("node_rejoin_timeout", "60", "timeout of `hooks.rejoin_command`"),
        .builtIn("shutdown_check_timeout", "60", "timeout of `hooks.service_stop_command`"),
        .builtIn(
            "wal_receive_check_timeout", "30", "a standby is done when it is seen to stream"),
        .builtIn("witness_sync_interval", "15", "there is no witness: the scheduler decides"),
    ]

    static let slots: @Sendable (String) -> Converted = { text in
        switch Convert.flag(text) {
        case true?: .builtIn("slots are always used, made and dropped by the scheduler")
        case false?:
            .byHand(
                because: "slots are always used: WAL of an absent standby is kept",
                next: "limit it with max_slot_wal_keep_size in `postgresql.parameters`")
        case nil: .refused(expected: "true or false")
        }
    }
}
