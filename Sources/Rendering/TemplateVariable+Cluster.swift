import ClusterFile
import FailoverCore
import Quotation

extension TemplateVariable {
    public static let all: [TemplateVariable] = cluster + postgresql + nodes + docker + sizes

    /// The superuser that initdb creates; the operating system's owner of the server is it by peer.
    static let superuser = "postgres"

    private static let cluster: [TemplateVariable] = [
        TemplateVariable(
            "cluster", .always { settings, _ in .text(settings.cluster) }, "Its name."),
        TemplateVariable(
            "nodes", .always { settings, _ in .list(settings.nodes.map(entry)) },
            "List of all nodes: `name`, `host`, `port`, `is_ipv6`, `address` (host and port), "
                + "`exporter` (host and port 9187), `is_docker`."),
        TemplateVariable(
            "owners",
            .always { settings, _ in .list(owners(settings)) },
            "List of the SSH users: `name`, and the `services` of its nodes that are systemd units."
        ),
        TemplateVariable(
            "hba.map", .always { _, _ in "toolkit" }, "The map of pg_ident.conf."),
        TemplateVariable(
            "hba.scheduler_addresses",
            .node { node, settings in
                .list(Addresses(of: settings, at: node).schedulers.map(TemplateValue.text))
            }, "List of text: CIDR, a host name, or `samenet` where the port is published."),
        TemplateVariable(
            "hba.node_addresses",
            .node { node, settings in
                .list(Addresses(of: settings, at: node).nodes.map(TemplateValue.text))
            }, "List of text: CIDR, a host name, or `samenet` where the port is published."),
        TemplateVariable(
            "hba.lines",
            .always { settings, _ in .list(settings.postgresql.hba.map(TemplateValue.text)) },
            "`postgresql.hba` of cluster.yaml."),
        TemplateVariable(
            "dsn.libpq",
            .always { settings, _ throws(QuotingError) in .text(try dsn(settings, false).libpq) },
            "For writing, as libpq reads it."),
        TemplateVariable(
            "dsn.uri", .always { settings, _ in .text(dsn(settings, false).uri) },
            "For writing, as a URI."),
        TemplateVariable(
            "dsn.jdbc", .always { settings, _ in .text(dsn(settings, false).jdbc) },
            "For writing, for the JDBC driver."),
        TemplateVariable(
            "dsn.read_libpq",
            .always { settings, _ throws(QuotingError) in .text(try dsn(settings, true).libpq) },
            "For reading, as libpq reads it."),
        TemplateVariable(
            "dsn.read_uri", .always { settings, _ in .text(dsn(settings, true).uri) },
            "For reading, as a URI."),
        TemplateVariable(
            "dsn.read_jdbc", .always { settings, _ in .text(dsn(settings, true).jdbc) },
            "For reading, for the JDBC driver."),
        TemplateVariable(
            "ssh.has_from",
            .always { settings, _ in .boolean(settings.scheduler.address != nil) },
            "Whether the scheduler's address is known."),
        TemplateVariable(
            "ssh.from", .always { settings, _ in .text(settings.scheduler.address ?? "") },
            "`scheduler.address`, or nothing."),
        TemplateVariable(
            "ssh.public_keys",
            .always { _, facts in .list(facts.publicKeys.map(TemplateValue.text)) },
            "List of lines: the scheduler's public keys."),
        TemplateVariable(
            "ssh.host_keys", .always { _, facts in .list(facts.hostKeys.map(TemplateValue.text)) },
            "List of lines: the nodes' host keys."),
    ]

    private static let postgresql: [TemplateVariable] = [
        TemplateVariable(
            "postgresql.version", .always { settings, _ in .integer(settings.postgresql.version) },
            "Its major version."),
        since("has_recovery_prefetch", 15), since("has_client_connection_check", 14),
        since("has_init_sync_method", 14),
        since("has_allow_alter_system", 17), since("has_idle_slot_timeout", 18),
        TemplateVariable(
            "postgresql.has_early_checkpoint_target",
            .always { settings, _ in .boolean(settings.postgresql.version < 14) },
            "Whether checkpoints are spread over half of their time only, unless told: up to 13."),
        text("bin_directory", \.binDirectory, "`postgresql.bin_dir`."),
        text("database", \.database, "The scheduler's."),
        TemplateVariable(
            "postgresql.superuser", .always { _, _ in .text(superuser) }, "Made by initdb."),
        text("role", \.role, "The scheduler's."),
        text("replication_role", \.replicationRole, "For streaming, base backups and pg_rewind."),
        TemplateVariable(
            "postgresql.authentication",
            .always { settings, _ in .text(settings.postgresql.authentication.rawValue) },
            "The method in pg_hba.conf."),
        TemplateVariable(
            "postgresql.parameters", .always { settings, _ in .list(parameters(settings)) },
            "List of `name` and `value`: your own, sorted by name."),
        TemplateVariable(
            "limits.max_wal_senders",
            // Each member streams, a clone takes two, and two stay for the operator.
            .always { settings, _ in .integer(max(10, settings.nodes.count + 4)) },
            "Members + 4, at least 10."),
        TemplateVariable(
            "limits.max_replication_slots",
            // Each member's own slot, and once more while attach numbers change.
            .always { settings, _ in .integer(max(10, 2 * settings.nodes.count)) },
            "2 × members, at least 10."),
        timer("wal_receiver_timeout_ms", \.walReceiverTimeout),
        timer("wal_sender_timeout_ms", \.walSenderTimeout),
        timer("wal_retrieve_retry_interval_ms", \.walRetrieveRetryInterval),
        TemplateVariable(
            "timers.wal_receiver_status_interval_s",
            .always { settings, _ in
                // Whole seconds in PostgreSQL, where 0 means never.
                let interval = settings.policy.timers.walReceiverStatusInterval
                return .integer(max(1, Int((interval + 999) / 1000)))
            }, "In seconds, from `failover`."),
    ]

    private static func timer(
        _ name: String, _ field: any KeyPath<Timers, Int64> & Sendable
    ) -> TemplateVariable {
        TemplateVariable(
            "timers.\(name)",
            .always { settings, _ in .integer(Int(settings.policy.timers[keyPath: field])) },
            "In milliseconds, from `failover`.")
    }

    private static func since(_ name: String, _ major: Int) -> TemplateVariable {
        TemplateVariable(
            "postgresql.\(name)",
            .always { settings, _ in .boolean(settings.postgresql.version >= major) },
            "\(major) and later.")
    }

    private static func text(
        _ name: String, _ field: any KeyPath<PostgresSettings, String> & Sendable,
        _ documentation: String
    ) -> TemplateVariable {
        TemplateVariable(
            "postgresql.\(name)",
            .always { settings, _ in .text(settings.postgresql[keyPath: field]) }, documentation)
    }

    private static func parameters(_ settings: ClusterSettings) -> [TemplateValue] {
        settings.postgresql.parameters.sorted { $0.name < $1.name }.map {
            ["name": .text($0.name), "value": .text($0.value)]
        }
    }

    private static func dsn(_ settings: ClusterSettings, _ isReadOnly: Bool) -> ConnectionString {
        ConnectionString(
            hosts: settings.nodes.map { ($0.host, $0.port) }, isReadOnly: isReadOnly)
    }

    private static func owners(_ settings: ClusterSettings) -> [TemplateValue] {
        var names: [String] = []
        for node in settings.nodes where !names.contains(node.sshUser) {
            names.append(node.sshUser)
        }
        return names.map { name in
            let nodes = settings.nodes.filter { $0.sshUser == name }
            var units: [String] = []
            // Often one name on all machines.
            for unit in nodes.compactMap(\.service).filter({ $0.hasSuffix(".service") })
            where !units.contains(unit) {
                units.append(unit)
            }
            return ["name": .text(name), "services": .list(units.map(TemplateValue.text))]
        }
    }

    /// The unit that PostgreSQL of a node runs under, or the name that a unit of ours would have.
    static func service(_ node: NodeSettings, _ settings: ClusterSettings) -> String {
        guard let service = node.service else {
            return "toolkit-\(settings.cluster)-\(node.id).service"
        }
        // Debian's clusters have units of this name.
        return service.hasSuffix(".service")
            ? service : "postgresql@\(service.replacing("/", with: "-")).service"
    }

    private static func entry(_ node: NodeSettings) -> TemplateValue {
        let isIPv6 = node.host.contains(":")
        let host = isIPv6 ? "[\(node.host)]" : node.host
        return [
            "name": .text(node.id.rawValue), "host": .text(node.host),
            "port": .integer(node.port), "is_ipv6": .boolean(isIPv6),
            "address": .text("\(host):\(node.port)"), "exporter": .text("\(host):9187"),
            "is_docker": .boolean(node.docker != nil),
        ]
    }
}
