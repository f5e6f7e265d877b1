/// Every section of patroni.yml. `bootstrap.dcs` stands for the dynamic configuration too, as
/// `patronictl show-config` prints it.
extension Mappings {
    static let patroni: [Mapping] =
        [
            patroniNode, patroniTimers, patroniStartTimeouts, patroniDynamic, patroniSynchronous,
            patroniTags, patroniHooks, patroniPostgres, patroniBootstrap, patroniStores,
            patroniServices,
        ].flatMap(\.self)

    private static let patroniNode: [Mapping] = [
        Mapping(
            "scope", to: "cluster", "pg-cluster", becomes: "pg_cluster",
            "in small letters, other characters as underscores", by: Convert.name),
        Mapping(
            "name", to: "nodes[].name", "pg-node1", becomes: "pg_node1",
            "in small letters, other characters as underscores", by: Convert.name),
        Mapping(
            "postgresql.connect_address host", to: "nodes[].host", "10.0.0.100",
            becomes: "10.0.0.100", "what the other nodes reach the node by", by: Convert.text),
        Mapping(
            "postgresql.connect_address port", to: "nodes[].port", "5433", becomes: "5433",
            "as it is", by: Convert.port),
        .builtIn(
            "postgresql.listen", "0.0.0.0:5432",
            "a node listens on its `host` and on loopback; where connect_address is missing, "
                + "this is its host and port"),
        Mapping(
            "postgresql.data_dir", to: "nodes[].data_dir", "/var/lib/postgresql/data",
            becomes: "/var/lib/postgresql/data", "as it is: no data are moved", by: Convert.path),
        Mapping(
            "postgresql.bin_dir", to: "postgresql.bin_dir", "/usr/lib/postgresql/16/bin",
            becomes: "/usr/lib/postgresql/16/bin", "also tells `postgresql.version`",
            by: Convert.path),
        Mapping(
            "postgresql.parameters.unix_socket_directories", to: "nodes[].socket_dir",
            "/run/pg, /tmp", becomes: "/run/pg", "the first one",
            by: { text in
                Convert.path(
                    String(text.split(separator: ",").first ?? "").filter { $0 != " " })
            }),
    ]

    private static let patroniTimers: [Mapping] = [
        Mapping(
            "bootstrap.dcs.ttl", to: "failover.profile", "60", becomes: "patient",
            "more than 30 s (Patroni's default) becomes the profile `patient`. Single timers are "
                + "not carried over: they depend on each other", by: Convert.wholeNumber),
        .builtIn(
            "bootstrap.dcs.loop_wait", "10",
            "`failover.monitor_interval` of the profile: the toolkit probes more often"),
        .builtIn(
            "bootstrap.dcs.retry_timeout", "10",
            "there is no store on the nodes' way: losing the scheduler demotes nobody"),
        .byHand(
            "bootstrap.dcs.maximum_lag_on_failover", "1048576",
            "there is no such limit: a standby is promoted only if it has every commit that was "
                + "acknowledged (in an asynchronous cluster: the most WAL)",
            next: "in an asynchronous cluster, limit it by `hooks.failover_validation_command`"),
    ]

    private static let patroniStartTimeouts: [Mapping] = ["primary", "master"].map { role in
        Mapping(
            "bootstrap.dcs.\(role)_start_timeout", to: "failover.crash_restart_grace", "60",
            becomes: "60s",
            "how long a crashed primary may take to recover; Patroni's default, 300, is left to "
                + "the profile",
            by: { text in
                Int(text) == 300
                    ? .builtIn("`failover.crash_restart_grace` of the profile")
                    : Convert.seconds(text)
            })
    }

    private static let patroniDynamic: [Mapping] = [
        .builtIn(
            "bootstrap.dcs.primary_stop_timeout", "0", "`failover.seal_timeout` of the profile"),
        .builtIn(
            "bootstrap.dcs.master_stop_timeout", "0", "`failover.seal_timeout` of the profile"),
        .builtIn(
            "bootstrap.dcs.primary_race_backoff", "0", "there is no race: one scheduler decides"),
        .builtIn(
            "bootstrap.dcs.failsafe_mode", "true",
            "losing the scheduler never closes the primary"),
        .builtIn("bootstrap.dcs.max_timelines_history", "0", "the store keeps every timeline"),
        .builtIn("bootstrap.dcs.member_slots_ttl", "30min", "slots are dropped with their node"),
        .builtIn("bootstrap.dcs.check_timeline", "true", "a fork is always looked at"),
        .builtIn("bootstrap.dcs.postgresql.use_pg_rewind", "true", "pg_rewind is always tried"),
        Mapping(
            setting: "bootstrap.dcs.postgresql.use_slots", target: .builtIn,
            meaning: "slots are always used, made and dropped by the scheduler", next: "",
            example: "true", becomes: "", convert: slots),
        Mapping(
            "bootstrap.dcs.postgresql.parameters.*", to: "postgresql.parameters.*", "2GB",
            becomes: "2GB",
            "by name; what replication safety rests on belongs to the toolkit and is left out",
            by: Convert.text),
        Mapping(
            "bootstrap.dcs.postgresql.pg_hba[]", to: "postgresql.hba[]",
            "host app app 10.0.0.0/24 scram-sha-256",
            becomes: "host app app 10.0.0.0/24 scram-sha-256",
            "after the toolkit's own lines", by: Convert.text),
        .byHand(
            "bootstrap.dcs.slots.*", "logical", "the toolkit makes no slots but its standbys'",
            next: "make yours on the primary by hand, and again after each failover"),
        .byHand(
            "bootstrap.dcs.ignore_slots.*", "wal2json",
            "the toolkit touches no slot that it has not made"),
        .byHand(
            "bootstrap.dcs.pause", "true", "Patroni is paused: nothing keeps the cluster up",
            next: "`toolkit pause` is the same here"),
    ]

    private static let patroniSynchronous: [Mapping] = [
        Mapping(
            "bootstrap.dcs.synchronous_mode", to: "synchronous.number_sync_standbys", "quorum",
            becomes: "1",
            "`on` and `quorum` become the count of synchronous_node_count (else 1), `off` 0. "
                + "Absent: the toolkit's default, 1",
            by: { text in
                Convert.flag(text) != nil || text == "quorum"
                    ? .together : .refused(expected: "on, off or quorum")
            }),
        Mapping(
            "bootstrap.dcs.synchronous_node_count", to: "synchronous.number_sync_standbys", "2",
            becomes: "2", "where synchronous_mode is on; at most the number of standbys",
            by: Convert.wholeNumber),
        Mapping(
            "bootstrap.dcs.synchronous_mode_strict", to: "synchronous.alone", "true",
            becomes: "block", "`true` becomes `block`, `false` `allow`",
            by: { text in
                Convert.flag(text).map { .value(.text($0 ? "block" : "allow")) }
                    ?? .refused(expected: "true or false")
            }),
        .builtIn(
            "bootstrap.dcs.maximum_lag_on_syncnode", "-1",
            "any of the standbys may confirm a commit: a slow one holds up none"),
    ]

    private static let patroniTags: [Mapping] = [
        Mapping(
            "tags.nofailover", to: "nodes[].priority", "true", becomes: "0",
            "`true` becomes 0: never promoted",
            by: { text in
                switch Convert.flag(text) {
                case true?: .value(.number(0))
                case false?: .builtIn("every node may be promoted unless its priority is 0")
                case nil: .refused(expected: "true or false")
                }
            }),
        Mapping(
            "tags.failover_priority", to: "nodes[].priority", "2", becomes: "2",
            "at most 100; 0 is never promoted", by: Convert.priority),
        Mapping(
            "tags.nosync", to: "nodes[].replication_quorum", "true", becomes: "false",
            "`true` becomes `false`: never counted for commits",
            by: { text in
                switch Convert.flag(text) {
                case true?: .value(.flag(false))
                case false?: .builtIn("every standby may be counted for commits")
                case nil: .refused(expected: "true or false")
                }
            }),
        Mapping(
            "tags.sync_priority", to: "nodes[].replication_quorum", "0", becomes: "false",
            "0 becomes `false`; the toolkit has no order among the counted ones",
            by: { text in
                guard let number = Int(text), number >= 0 else {
                    return .refused(expected: "a whole number from 0 on")
                }
                return number == 0
                    ? .value(.flag(false)) : .builtIn("any standby may confirm a commit")
            }),
        Mapping(
            "tags.replicatefrom", to: "nodes[].upstream", "pg-node2", becomes: "pg_node2",
            "a cascaded standby", by: Convert.name),
        .builtIn(
            "tags.noloadbalance", "true",
            "there is no balancer: readers name the nodes in their connection string"),
        .byHand(
            "tags.clonefrom", "true", "clones are made from the primary",
            next: "write your own `hooks/clone_command.sh` to take another source"),
        .byHand(
            "tags.nostream", "true", "every standby streams: this version reads no archive",
            next: "leave that node out of the cluster"),
        .byHand(
            "tags.*", "rack1", "the toolkit has no tags",
            next: "keep it in a comment"),
    ]
}
