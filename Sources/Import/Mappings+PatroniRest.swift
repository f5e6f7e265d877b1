/// What runs commands in Patroni, and what has no counterpart.
extension Mappings {
    static let patroniHooks: [Mapping] = [
        .byHand(
            "postgresql.callbacks.*", "/opt/ha/role.sh",
            "its arguments (action, role, scope) are not those of a hook",
            next: "call it from `hooks/promote_command.d/post-…` and "
                + "`hooks/follow_command.d/post-…`, or from `hooks.event_notification_command`"),
        .byHand(
            "postgresql.pre_promote", "/opt/ha/fence.sh",
            "a check before the promotion is a drop-in here",
            next: "put it into `hooks/promote_command.d/` as `pre-…`: when it fails, nothing is "
                + "promoted"),
        .byHand(
            "postgresql.before_stop", "/opt/ha/drain.sh", "a step before a stop is a drop-in here",
            next: "put it into `hooks/service_stop_command.d/` as `pre-…`"),
        .byHand(
            "postgresql.create_replica_methods[]", "pgbackrest",
            "clones are made by pg_basebackup from the primary",
            next: "write your own `hooks/clone_command.sh`"),
        .byHand(
            "postgresql.basebackup.*", "100M", "the shipped clone hook runs at full speed",
            next: "write your own `hooks/clone_command.sh` if it has to be throttled"),
        .byHand(
            "bootstrap.clone.*", "basebackup", "clones are made by pg_basebackup from the primary"),
    ]

    static let patroniPostgres: [Mapping] = [
        Mapping(
            "postgresql.parameters.*", to: "postgresql.parameters.*", "1GB", becomes: "1GB",
            "by name; it wins over bootstrap.dcs, but for what Patroni takes from there alone",
            by: Convert.text),
        Mapping(
            "postgresql.pg_hba[]", to: "postgresql.hba[]", "host all all 10.0.0.0/8 md5",
            becomes: "host all all 10.0.0.0/8 md5", "after the toolkit's own lines",
            by: Convert.text),
        Mapping(
            "bootstrap.pg_hba[]", to: "postgresql.hba[]", "host all all 10.0.0.0/8 md5",
            becomes: "host all all 10.0.0.0/8 md5",
            "only where neither postgresql.pg_hba nor the dynamic one says anything",
            by: Convert.text),
        .byHand(
            "postgresql.pg_ident[]", "map root postgres", "the toolkit writes pg_ident.conf itself",
            next: "copy `templates/pg_ident.conf.tmpl` beside cluster.yaml and add your lines"),
        .builtIn("postgresql.use_pg_rewind", "true", "pg_rewind is always tried"),
        .builtIn(
            "postgresql.remove_data_directory_on_rewind_failure", "true",
            "a data directory is moved aside, never removed"),
        .builtIn(
            "postgresql.remove_data_directory_on_diverged_timelines", "true",
            "a data directory is moved aside, never removed"),
        .builtIn("postgresql.pg_ctl_timeout", "60", "`timeout` of each hook"),
        .builtIn("postgresql.pgpass", "/tmp/pgpass", "each node has a password file of mode 0600"),
        .builtIn("postgresql.use_unix_socket*", "true", "connections are by TCP and SSH"),
        .byHand(
            "postgresql.config_dir", "/etc/postgresql/16/main",
            "the toolkit renders the configuration into `config_dir`"),
        .byHand(
            "postgresql.custom_conf", "/etc/patroni/base.conf", "the file is not read",
            next: "copy its parameters into `postgresql.parameters`"),
        .byHand(
            "postgresql.recovery_conf.*", "cp /archive/%f %p",
            "this version restores no WAL from an archive",
            next: "keep enough WAL: slots do that, up to max_slot_wal_keep_size"),
        .byHand(
            "bootstrap.dcs.postgresql.recovery_conf.*", "cp /archive/%f %p",
            "this version restores no WAL from an archive",
            next: "keep enough WAL: slots do that, up to max_slot_wal_keep_size"),
        .builtIn(
            "postgresql.authentication.*", "replicator",
            "the toolkit makes roles of its own; passwords are neither carried over nor printed"),
    ]

    static let patroniBootstrap: [Mapping] = [
        .byHand(
            "bootstrap.users.*", "createdb",
            "they were made when the cluster was; they stay in the database"),
        .byHand("bootstrap.initdb[]*", "data-checksums", "nothing is initialised: the data stay"),
        .byHand("bootstrap.initdb*", "UTF8", "nothing is initialised: the data stay"),
        .byHand("bootstrap.post_*", "/opt/init.sh", "nothing is initialised: the data stay"),
        .byHand("bootstrap.method", "initdb", "nothing is initialised: the data stay"),
        .builtIn("namespace", "/service/", "the store is a file of the scheduler"),
    ]

    static let patroniStores: [Mapping] = [
        "etcd", "etcd3", "consul", "zookeeper", "exhibitor", "kubernetes", "raft",
    ].map { store in
        .byHand(
            "\(store).*", "10.0.0.110:2379", "no store stands between the nodes and a decision",
            next: "nothing; it can go when nothing else uses it, after the way back is closed")
    }

    static let patroniServices: [Mapping] = [
        .byHand(
            "restapi.*", "0.0.0.0:8008", "nodes serve no HTTP",
            next: "give applications the string of `toolkit dsn`, monitoring `toolkit check "
                + "--nagios`: a balancer that asks /primary finds nobody after the change-over"),
        .byHand(
            "watchdog.*", "automatic",
            "a locked node can't acknowledge a commit: no watchdog is needed for that"),
        .builtIn(
            "log.*", "INFO", "the scheduler logs to standard error, `toolkit events` shows it"),
        .builtIn("logging.*", "INFO", "Patroni knows no such section, nor is it needed"),
        .builtIn("ctl.*", "false", "`toolkit` speaks to the scheduler over a Unix socket"),
        .byHand(
            "citus.*", "coordinator", "the toolkit knows nothing of Citus",
            next: "import each group of nodes as a cluster of its own"),
    ]
}
