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
            "nodes[].runtime", .choice(["native", "docker"]), .value("native"), example: "docker",
            "How PostgreSQL runs on the node: as processes of the machine, or in a container."),
        Setting(
            "nodes[].docker", .group, .none("defaults"),
            "The container of a node with `runtime: docker`."),
        Setting(
            "nodes[].docker.image", .text(.dockerImage), .pattern("postgres:<version>"),
            example: "postgres:15.14",
            """
            Image, pinned by a tag with the minor version or a digest. PostgreSQL lies in it at \
            `postgresql.bin_dir`.
            """),
        Setting(
            "nodes[].docker.container", .text(.dockerName), .pattern("toolkit-<cluster>-<node>"),
            example: "toolkit-shop-node1", "Name of the container."),
        Setting(
            "nodes[].docker.volume", .text(.dockerName), .pattern("toolkit-<cluster>-<node>"),
            example: "shop-data", "Name of the volume that holds the data."),
        Setting(
            "nodes[].docker.mount", .text(.absolutePath), .value("/var/lib/postgresql"),
            example: "/var/lib/postgresql",
            """
            Where the volume is mounted in the container. `data_dir` lies below it and is never \
            itself the mount, which could not be moved aside.
            """),
        Setting(
            "nodes[].docker.network", .text(.dockerName), .value("host"), example: "host",
            """
            Network of the container: that of the machine (`host`), or one of Docker's own, from \
            which the node's `host` and `port` are published.
            """),
        Setting(
            "nodes[].machine", .group, .none("as under `machine`"),
            "The machine of this node, where it differs from the others."),
        Setting(
            "nodes[].machine.memory", .size(Settings.memory), .same(as: "machine.memory"),
            example: "8GB", "Memory of this node's machine."),
        Setting(
            "nodes[].machine.cores", .number(Settings.cores), .same(as: "machine.cores"),
            example: "4", "Processor cores of this node's machine."),
        Setting(
            "nodes[].machine.disk", .size(Settings.disk), .same(as: "machine.disk"),
            example: "100GB", "Free space for this node's data directory."),
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
    static let machine: [Setting] = [
        Setting(
            "machine", .group, .none("PostgreSQL's own sizes"),
            """
            The machines of the nodes; PostgreSQL is sized by it. Nodes that share a machine share \
            its memory and disk in equal parts.
            """),
        Setting(
            "machine.memory", .size(memory), .none("`shared_buffers` is 128MB"), example: "8GB",
            "Memory of each machine."),
        Setting(
            "machine.cores", .number(cores), .none("PostgreSQL's own numbers of workers"),
            example: "4", "Processor cores of each machine."),
        Setting(
            "machine.disk", .size(disk), .none("`max_slot_wal_keep_size` is 10GB"),
            example: "100GB",
            """
            Free space for the data directory of each machine. A part of it limits what is kept \
            for an absent standby.
            """),
    ]

    static let memory: ClosedRange<Int64> = (256 << 20)...(64 << 40)
    static let cores = 1...4096
    static let disk: ClosedRange<Int64> = (2 << 30)...(8192 << 40)
}
