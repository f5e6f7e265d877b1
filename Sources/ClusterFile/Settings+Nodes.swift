extension Settings {
    static let nodes: [Setting] = [
        Setting("nodes", .groups, .required, "The nodes of the cluster, at least one."),
        Setting(
            "nodes[].name", .text(.name), .required, example: "node1",
            "Name of the node; it is its application name in PostgreSQL."),
        Setting(
            "nodes[].host", .text(.host), .required, example: "10.0.0.1",
            "Address that the scheduler and the other nodes reach this node by."),
        Setting(
            "nodes[].port", .number(1...65_535), .value("5432"), example: "5432",
            "Port of PostgreSQL."),
        Setting(
            "nodes[].data_dir", .text(.absolutePath),
            .pattern("/var/lib/postgresql/<version>/<cluster>"),
            example: "/var/lib/postgresql/15/shop",
            "Data directory (PGDATA)."),
        Setting(
            "nodes[].priority", .number(0...100), .value("50"), example: "100",
            """
            Of standbys that are equal otherwise the one with the higher priority is promoted; \
            0 is never promoted.
            """),
        Setting(
            "nodes[].replication_quorum", .flag, .value("true"), example: "false",
            "Whether this node may be counted for commits while it is a standby."),
        Setting(
            "nodes[].upstream", .text(.name), .none("the primary"), example: "node2",
            """
            The standby that this node follows (a cascaded standby) instead of the primary; while \
            that one is away, or is the primary, it follows the primary. It is never counted for \
            commits.
            """),
        Setting(
            "nodes[].socket_dir", .text(.absolutePath), .value("/var/run/postgresql"),
            example: "/var/run/postgresql",
            "Folder of PostgreSQL's Unix socket."),
        Setting(
            "nodes[].runtime", .choice(["native"]), .value("native"), example: "native",
            hints: [
                "docker": "docker nodes are not supported by this version; install PostgreSQL"
                    + " on the node and leave `runtime` out"
            ],
            "How PostgreSQL runs on the node."),
        Setting(
            "nodes[].service", .text(.service), .none("PostgreSQL's own programs"),
            example: "postgresql@15-main.service",
            """
            What starts and stops PostgreSQL on the node: a unit of systemd (its name ends in \
            `.service`), or a cluster of Debian's pg_ctlcluster (`15/main`).
            """),
        Setting("nodes[].ssh", .group, .none("as under `ssh`"), "SSH to this node."),
        Setting(
            "nodes[].ssh.host", .text(.host), .same(as: "nodes[].host"), example: "10.0.0.1",
            "Address of sshd, where it is not that of PostgreSQL."),
        Setting(
            "nodes[].ssh.port", .number(1...65_535), .same(as: "ssh.port"), example: "22",
            "Port of sshd on this node."),
        Setting(
            "nodes[].ssh.user", .text(.user), .same(as: "ssh.user"), example: "postgres",
            "User on this node: the owner of PostgreSQL."),
    ]
}
