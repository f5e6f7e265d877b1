import FailoverCore

/// Every setting of `cluster.yaml`, in the order of the reference.
public enum Settings {
    public static let all: [Setting] =
        top + nodes + machine + postgresql + scheduler + reaching + synchronous + failover + hooks

    /// By path.
    static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })

    /// By the path of their group, in the order of the reference.
    static let byGroup = Dictionary(grouping: all, by: \.group)

    private static let top: [Setting] = [
        Setting(
            "cluster", .text(.name), .required, example: "shop",
            """
            Name of the cluster. It stands in paths, slots and messages and does not change during \
            the cluster's life.
            """),
        Setting(
            "lab", .flag, .value("false"), example: "true",
            "Allows what only a laboratory may do, such as `authentication: trust`."),
    ]

    private static let postgresql: [Setting] = [
        Setting("postgresql", .group, .none("defaults"), "PostgreSQL on all nodes."),
        Setting(
            "postgresql.version", .number(13...18), .value("15"), example: "15",
            hints: Dictionary(
                uniqueKeysWithValues: ["9.6", "10", "11", "12"].map {
                    ($0, "upgrade first: PostgreSQL 13 is the oldest that can be supported")
                }),
            "Major version of PostgreSQL, equal on all nodes."),
        Setting(
            "postgresql.bin_dir", .text(.absolutePath),
            .pattern("/usr/lib/postgresql/<version>/bin"),
            example: "/usr/lib/postgresql/15/bin",
            "Folder of `postgres`, `pg_ctl`, `pg_rewind` and `pg_basebackup` on the nodes."),
        Setting(
            "postgresql.database", .text(.identifier), .value("postgres"), example: "postgres",
            "Database that the scheduler and pg_rewind connect to."),
        Setting(
            "postgresql.parameters", .parameters, .none("no parameter"),
            example: "{ shared_buffers: 1GB }",
            """
            Your own parameters for postgresql.conf, taken as they are written. What replication \
            safety rests on belongs to the toolkit and is refused here.
            """),
        Setting(
            "postgresql.hba", .texts(.hbaLine), .none("no line"),
            example: #"[ "host app app 10.0.0.0/24 scram-sha-256" ]"#,
            "Your own lines of pg_hba.conf; they stand after those of the toolkit."),
        Setting(
            "postgresql.authentication", .choice(["scram-sha-256", "trust"]),
            .value("scram-sha-256"), example: "scram-sha-256",
            hints: ["md5": "md5 is broken; PostgreSQL 13 and later all have scram-sha-256"],
            """
            How the toolkit's own roles prove who they are; `trust` needs `lab: true`.
            """),
        Setting(
            "postgresql.role", .text(.identifier), .value("toolkit"), example: "toolkit",
            "Role that the scheduler observes and acts with."),
        Setting(
            "postgresql.replication_role", .text(.identifier), .value("toolkit_replication"),
            example: "toolkit_replication",
            "Role for streaming, pg_basebackup and pg_rewind."),
    ]

    private static let scheduler: [Setting] = [
        Setting("scheduler", .group, .none("defaults"), "The scheduler and its machine."),
        Setting(
            "scheduler.address", .text(.host), .none("only the nodes' own addresses"),
            example: "10.0.0.9",
            "Address of the scheduler as the nodes see it, for their pg_hba.conf."),
        Setting(
            "scheduler.directory", .text(.absolutePath), .value("/var/lib/toolkit/scheduler"),
            example: "/var/lib/toolkit/scheduler",
            """
            Folder on the scheduler's machine for the store, the socket and the passwords: \
            `<cluster>.sqlite`, `<cluster>.sock`, `<cluster>.pgpass`.
            """),
    ]

    private static let reaching: [Setting] = [
        Setting(
            "execution", .choice(ExecutionMode.allCases.map(\.rawValue)), .value("ssh"),
            example: "ssh",
            """
            How commands reach the nodes: `ssh`, or `local` when all nodes live on the \
            scheduler's machine.
            """),
        Setting("ssh", .group, .none("defaults"), "SSH to the nodes."),
        Setting(
            "ssh.user", .text(.user), .value("postgres"), example: "postgres",
            "User on the nodes: the owner of PostgreSQL."),
        Setting(
            "ssh.port", .number(1...65_535), .value("22"), example: "22", "Port of sshd."),
        Setting(
            "ssh.identity_file", .text(.localPath), .none("the keys of ssh-agent"),
            example: "~/.ssh/id_ed25519",
            """
            Private key; `~/` is your home, a relative path starts at the folder of this file.
            """),
        Setting(
            "ssh.known_hosts", .text(.localPath), .value("~/.ssh/known_hosts"),
            example: "~/.ssh/known_hosts",
            "Host keys of the nodes. A host that is not in it, or has another key, is refused."),
        Setting(
            "ssh.connect_timeout", .duration(100...600_000), .value("5s"), example: "5s",
            "How long connecting and authenticating may take."),
        Setting(
            "config_dir", .text(.absolutePath), .value("/etc/toolkit"), example: "/etc/toolkit",
            """
            Folder on each node for rendered configuration; `/<cluster>/<node>` is added. Never \
            inside a data directory: pg_rewind and pg_basebackup copy the source's files.
            """),
        Setting(
            "state_dir", .text(.absolutePath), .value("/var/lib/toolkit"),
            example: "/var/lib/toolkit",
            """
            Folder on each node for what has to survive a restart: the accepted stamp, markers, \
            the password file, what was set aside. `/<cluster>/<node>` is added.
            """),
        Setting(
            "runtime_dir", .text(.absolutePath), .value("/run/toolkit"), example: "/run/toolkit",
            """
            Folder on each node, on a tmpfs, for what a restart must take away: the opening of \
            the primary. `/<cluster>/<node>` is added.
            """),
    ]

    private static let synchronous: [Setting] = [
        Setting("synchronous", .group, .none("defaults"), "Synchronous replication."),
        Setting(
            "synchronous.number_sync_standbys", .number(0...63),
            .counted("1, with one node 0"), example: "1",
            """
            How many standbys have a commit on disk before it is acknowledged: k of ANY k (…). 0 \
            is asynchronous.
            """),
        Setting(
            "synchronous.alone", .choice(Policy.Alone.allCases.map(\.rawValue)), .value("allow"),
            example: "allow",
            """
            When the last standby is lost: go on without a copy (`allow`), or let commits wait \
            until a standby is back (`block`).
            """),
    ]
}
