import ClusterFile
import FailoverCore

/// What templates may name; `docs/templates.md` lists them for users.
struct TemplateVariables {
    let settings: ClusterSettings
    let node: NodeSettings

    /// The superuser that initdb creates; the operating system's owner of the server is it by peer.
    static let superuser = "postgres"

    var table: [String: TemplateValue] {
        [
            "cluster": .text(settings.cluster),
            "node": nodeTable,
            "postgresql": postgresTable,
            "limits": limitsTable,
            "timers": timersTable,
            "hba": hbaTable,
            "files": filesTable,
        ]
    }

    private var nodeTable: TemplateValue {
        [
            "name": .text(node.id.rawValue),
            "host": .text(node.host),
            "port": .integer(node.port),
            "data_directory": .text(node.dataDirectory),
            "socket_directory": .text(node.socketDirectory),
            "config_directory": .text(node.configDirectory),
            "state_directory": .text(node.stateDirectory),
            "runtime_directory": .text(node.runtimeDirectory),
            "listen_addresses": .text(Addresses.listen(on: node.host)),
            "cluster_name": .text("\(settings.cluster)/\(node.id)"),
            "owner": .text(node.sshUser),
        ]
    }

    private var postgresTable: TemplateValue {
        let postgresql = settings.postgresql
        let parameters = postgresql.parameters.sorted { $0.name < $1.name }
        return [
            "version": .integer(postgresql.version),
            "has_allow_alter_system": .boolean(postgresql.version >= 17),
            "has_idle_slot_timeout": .boolean(postgresql.version >= 18),
            "database": .text(postgresql.database),
            "superuser": .text(Self.superuser),
            "role": .text(postgresql.role),
            "replication_role": .text(postgresql.replicationRole),
            "authentication": .text(postgresql.authentication.rawValue),
            "parameters": .list(
                parameters.map { ["name": .text($0.name), "value": .text($0.value)] }),
        ]
    }

    private var limitsTable: TemplateValue {
        let members = settings.nodes.count
        return [
            // Each member streams, a clone takes two, and two stay for the operator.
            "max_wal_senders": .integer(max(10, members + 4)),
            // Each member's own slot, and once more while attach numbers change.
            "max_replication_slots": .integer(max(10, 2 * members)),
        ]
    }

    private var timersTable: TemplateValue {
        let timers = settings.policy.timers
        return [
            "wal_receiver_timeout_ms": milliseconds(timers.walReceiverTimeout),
            "wal_sender_timeout_ms": milliseconds(timers.walSenderTimeout),
            // Whole seconds in PostgreSQL, where 0 means never.
            "wal_receiver_status_interval_s": .integer(
                max(1, Int((timers.walReceiverStatusInterval + 999) / 1000))),
            "wal_retrieve_retry_interval_ms": milliseconds(timers.walRetrieveRetryInterval),
        ]
    }

    private var hbaTable: TemplateValue {
        let addresses = Addresses(of: settings)
        return [
            "map": "toolkit",
            "scheduler_addresses": .list(addresses.schedulers.map(TemplateValue.text)),
            "node_addresses": .list(addresses.nodes.map(TemplateValue.text)),
            "lines": .list(settings.postgresql.hba.map(TemplateValue.text)),
        ]
    }

    private var filesTable: TemplateValue {
        [
            "hba": .text(node.configDirectory + "/pg_hba.conf"),
            "ident": .text(node.configDirectory + "/pg_ident.conf"),
            "node": .text(NodeFiles.nodePath(of: node)),
            "open": .text(NodeFiles.openPath(of: node)),
        ]
    }

    private func milliseconds(_ span: Int64) -> TemplateValue { .integer(Int(span)) }
}
