/// pg_autoctl.cfg of a keeper, and rows of the monitor as JSON (`node.…`, `formation.…`).
extension Mappings {
    static let pgAutoFailover: [Mapping] =
        [keeper, keeperServer, keeperTimeouts, monitor].flatMap(\.self)

    private static let keeper: [Mapping] = [
        .builtIn("pg_autoctl.role", "keeper", "a keeper is a node; a monitor's file is refused"),
        .byHand(
            "pg_autoctl.monitor", "postgres://autoctl_node@mon/pg_auto_failover",
            "the scheduler takes the monitor's place",
            next: "nothing; keep the monitor stopped until the way back is closed"),
        Mapping(
            "pg_autoctl.formation", to: "cluster", "shop-db", becomes: "shop_db",
            "in small letters, other characters as underscores; --cluster gives another name",
            by: Convert.name),
        .builtIn("pg_autoctl.group", "0", "a cluster has one group; files of two are refused"),
        .builtIn("pg_autoctl.nodekind", "standalone", "there is no other; Citus is refused"),
        Mapping(
            "pg_autoctl.name", to: "nodes[].name", "node-a", becomes: "node_a",
            "in small letters, other characters as underscores; absent: the first word of its "
                + "host name",
            by: Convert.name),
        Mapping(
            "pg_autoctl.hostname", to: "nodes[].host", "10.0.0.1", becomes: "10.0.0.1",
            "what the other nodes reach the node by", by: Convert.text),
        Mapping(
            "pg_autoctl.nodename", to: "nodes[].host", "10.0.0.1", becomes: "10.0.0.1",
            "what older versions call hostname", by: Convert.text),
        Mapping(
            "postgresql.pgdata", to: "nodes[].data_dir", "/srv/pgaf/data",
            becomes: "/srv/pgaf/data", "as it is: no data are moved", by: Convert.path),
        Mapping(
            "postgresql.pg_ctl", to: "postgresql.bin_dir", "/usr/lib/postgresql/16/bin/pg_ctl",
            becomes: "/usr/lib/postgresql/16/bin", "its folder; also tells `postgresql.version`",
            by: { text in
                guard let slash = text.lastIndex(of: "/"), text.hasPrefix("/") else {
                    return .refused(expected: "an absolute path")
                }
                return Convert.path(String(text[..<slash]))
            }),
        Mapping(
            "postgresql.port", to: "nodes[].port", "5501", becomes: "5501", "as it is",
            by: Convert.port),
        Mapping(
            "postgresql.host", to: "nodes[].socket_dir", "/tmp", becomes: "/tmp",
            "where it is the folder of the socket",
            by: { text in
                text.hasPrefix("/")
                    ? Convert.path(text)
                    : .builtIn("commands on the node use its socket in `nodes[].socket_dir`")
            }),
    ]

    private static let keeperServer: [Mapping] = [
        .builtIn(
            "postgresql.username", "postgres",
            "the toolkit makes roles of its own; the old ones stay for the way back"),
        .builtIn(
            "postgresql.dbname", "app", "the scheduler connects to `postgresql.database`"),
        .builtIn("postgresql.proxyport", "0", "there is no proxy"),
        .builtIn(
            "postgresql.listen_addresses", "*", "a node listens on its `host` and on loopback"),
        .byHand(
            "postgresql.auth_method", "trust",
            "it stands in the lines that pg_autoctl wrote into pg_hba.conf",
            next: "copy your applications' lines into `postgresql.hba`, better with scram-sha-256"),
        .byHand(
            "postgresql.hba_level", "minimal", "the toolkit writes pg_hba.conf itself",
            next: "copy your applications' lines into `postgresql.hba`"),
        Mapping(
            "ssl.active", to: "postgresql.parameters.ssl", "1", becomes: "on",
            "1 becomes on, 0 is left out",
            by: { text in
                switch Convert.flag(text) {
                case true?: .value(.text("on"))
                case false?: .builtIn("PostgreSQL's default")
                case nil: .refused(expected: "0 or 1")
                }
            }),
        Mapping(
            "ssl.cert_file", to: "postgresql.parameters.ssl_cert_file", "/etc/ssl/pg.crt",
            becomes: "/etc/ssl/pg.crt", "one path for all nodes", by: Convert.path),
        Mapping(
            "ssl.key_file", to: "postgresql.parameters.ssl_key_file", "/etc/ssl/pg.key",
            becomes: "/etc/ssl/pg.key", "one path for all nodes", by: Convert.path),
        Mapping(
            "ssl.ca_file", to: "postgresql.parameters.ssl_ca_file", "/etc/ssl/ca.crt",
            becomes: "/etc/ssl/ca.crt", "one path for all nodes", by: Convert.path),
        Mapping(
            "ssl.crl_file", to: "postgresql.parameters.ssl_crl_file", "/etc/ssl/ca.crl",
            becomes: "/etc/ssl/ca.crl", "one path for all nodes", by: Convert.path),
        .byHand(
            "ssl.sslmode", "require",
            "the toolkit makes its own connections, with the driver's defaults",
            next: "ask in pg_hba.conf for what you need of client connections (hostssl)"),
    ]

    private static let keeperTimeouts: [Mapping] = [
        .builtIn(
            "replication.slot", "pgautofailover_standby_1",
            "the scheduler makes slots of its own; drop the old ones when all is well"),
        .byHand(
            "replication.password", "s3cret",
            "a password stands in the file; it is not carried over, nor printed",
            next: "nothing: `toolkit deploy` makes passwords of its own, in files of mode 0600"),
        .byHand(
            "replication.maximum_backup_rate", "100M", "the shipped clone hook runs at full speed",
            next: "write your own `hooks/clone_command.sh` if it has to be throttled"),
        .builtIn(
            "replication.backup_directory", "/srv/backup/node1",
            "a clone is made in place of the old directory, which is moved aside"),
        Mapping(
            "timeout.network_partition_timeout", to: "failover.profile", "45", becomes: "patient",
            "more than 20 s (the default) becomes the profile `patient`", by: Convert.wholeNumber),
        .builtIn(
            "timeout.prepare_promotion_catchup", "30", "`failover.promote_timeout` of the profile"),
        .builtIn(
            "timeout.prepare_promotion_walreceiver", "5", "`failover.seal_timeout` of the profile"),
        .builtIn(
            "timeout.postgresql_restart_failure_timeout", "20",
            "`failover.crash_restart_grace` of the profile"),
        .builtIn(
            "timeout.postgresql_restart_failure_max_retries", "3",
            "`failover.crash_restart_grace` of the profile"),
        .byHand("timeout.citus_*", "10000", "the toolkit knows nothing of Citus"),
    ]

    private static let monitor: [Mapping] = [
        Mapping(
            "node.nodename", to: "nodes[].name", "node-a", becomes: "node_a",
            "in small letters, other characters as underscores", by: Convert.name),
        Mapping(
            "node.nodehost", to: "nodes[].host", "10.0.0.1", becomes: "10.0.0.1",
            "joins the row with the keeper's file of that host and port", by: Convert.text),
        Mapping(
            "node.nodeport", to: "nodes[].port", "5501", becomes: "5501", "as it is",
            by: Convert.port),
        Mapping(
            "node.candidatepriority", to: "nodes[].priority", "70", becomes: "70",
            "at most 100; 0 is never promoted", by: Convert.priority),
        Mapping(
            "node.replicationquorum", to: "nodes[].replication_quorum", "false", becomes: "false",
            "as it is",
            by: { text in
                Convert.flag(text).map { .value(.flag($0)) } ?? .refused(expected: "true or false")
            }),
        .builtIn("node.*", "primary", "what the node was last seen to be; it tells the primary"),
        Mapping(
            "formation.number_sync_standbys", to: "synchronous.number_sync_standbys", "2",
            becomes: "2",
            "1 or more as it is, with `synchronous.alone: block`. 0, which is one standby while "
                + "there is one, becomes 1 with `alone: allow`; at most the number of standbys",
            by: Convert.wholeNumber),
        .builtIn("formation.*", "pgsql", "there is no other kind"),
    ]
}
