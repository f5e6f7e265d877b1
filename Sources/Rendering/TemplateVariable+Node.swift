import ClusterFile
import FailoverCore
import Quotation

extension TemplateVariable {
    static let nodes: [TemplateVariable] = [
        node("name", "As in cluster.yaml.") { node, _ in .text(node.id.rawValue) },
        node("host", "As in cluster.yaml.") { node, _ in .text(node.host) },
        node("port", "As in cluster.yaml.") { node, _ in .integer(node.port) },
        node("data_directory", "PGDATA.") { node, _ in .text(node.dataDirectory) },
        node("socket_directory", "Of its Unix socket.") { node, _ in .text(node.socketDirectory) },
        node("has_own_socket_directory", "Whether nothing else makes it at a boot.") { node, _ in
            let made = ["/var/run/postgresql", "/run/postgresql", node.runtimeDirectory]
            return .boolean(!made.contains(node.socketDirectory))
        },
        node("config_directory", "Its own, below `config_dir`.") { node, _ in
            .text(node.configDirectory)
        },
        node("state_directory", "Its own, below `state_dir`.") { node, _ in
            .text(node.stateDirectory)
        },
        node("runtime_directory", "Its own, below `runtime_dir`.") { node, _ in
            .text(node.runtimeDirectory)
        },
        node("listen_addresses", "The node's host, and `localhost`.") { node, _ in
            // A container of a network of its own does not have the machine's addresses.
            .text(node.isPublished ? "*" : Addresses.listen(on: node.host))
        },
        node("is_published", "Whether Docker publishes its port.") { node, _ in
            .boolean(node.isPublished)
        },
        node("cluster_name", "`<cluster>/<node>`.") { node, settings in
            .text("\(settings.cluster)/\(node.id)")
        },
        node("owner", "The SSH user, that PostgreSQL runs as.") { node, _ in .text(node.sshUser) },
        node("service", "The name of its systemd unit.") { node, settings in
            .text(service(node, settings))
        },
        file("hba", "pg_hba.conf on the node.") { $0.configDirectory + "/pg_hba.conf" },
        file("ident", "pg_ident.conf on the node.") { $0.configDirectory + "/pg_ident.conf" },
        file("config", "`config_file=` and the path of postgresql.conf.") {
            "config_file=\($0.configDirectory)/postgresql.conf"
        },
        file("node", "node.conf on the node.") { NodeFiles.nodePath(of: $0) },
        file("open", "open.conf on the node: the opening.") { NodeFiles.openPath(of: $0) },
        file("marker", "Stands while a rewind or clone is unfinished.") {
            $0.stateDirectory + "/marker"
        },
        TemplateVariable(
            "files.postgres",
            .node { _, settings in .text(settings.postgresql.binDirectory + "/postgres") },
            "The server program."),
    ]

    static let docker: [TemplateVariable] = [
        container("image", "As in cluster.yaml.") { _, docker in .text(docker.image) },
        container("container", "Its name.") { _, docker in .text(docker.container) },
        container("volume", "Its name.") { _, docker in .text(docker.volume) },
        container("mount", "Where the volume is mounted.") { _, docker in .text(docker.mount) },
        container("network", "Its name.") { _, docker in .text(docker.network) },
        container("is_on_host_network", "Whether it has the machine's addresses.") { _, docker in
            .boolean(docker.isOnHostNetwork)
        },
        container("has_socket_mount", "Whether the socket's folder is not the runtime folder.") {
            node, _ in
            .boolean(node.socketDirectory != node.runtimeDirectory)
        },
        container("publish", "Address, where `host` is one, and ports of `--publish`.") { node, _ in
            let ports = "\(node.port):\(node.port)"
            // Docker takes no name there.
            guard Addresses.isNumber(node.host) else { return .text(ports) }
            let host = node.host.contains(":") ? "[\(node.host)]" : node.host
            return .text("\(host):\(ports)")
        },
        container("volume_mount", "For `--mount`.") { _, docker in
            mount("volume", docker.volume, docker.mount)
        },
        container("config_mount", "For `--mount`.") { node, _ in
            mount("bind", node.configDirectory, node.configDirectory)
        },
        container("state_mount", "For `--mount`.") { node, _ in
            mount("bind", node.stateDirectory, node.stateDirectory)
        },
        container("runtime_mount", "For `--mount`.") { node, _ in
            mount("bind", node.runtimeDirectory, node.runtimeDirectory)
        },
    ]

    static let sizes: [TemplateVariable] = [
        sizing("has_memory", "Whether `machine.memory` is told.") { .boolean($0.memory != nil) },
        sizing("has_cores", "Whether `machine.cores` is told.") { .boolean($0.cores != nil) },
        sizing("has_disk", "Whether `machine.disk` is told.") { .boolean($0.disk != nil) },
        sizing("memory_mb", "The node's part of the memory.") { .integer(Int($0.memory ?? 0)) },
        sizing("cores", "Of the machine.") { .integer($0.cores ?? 0) },
        sizing("disk_mb", "The node's part of the free disk.") { .integer(Int($0.disk ?? 0)) },
        sizing("tenants", "Nodes that share the machine.") { .integer($0.tenants) },
        sizing("max_connections", "Of `postgresql.parameters`, else 100.") {
            .integer($0.maxConnections)
        },
        sizing("shared_buffers_mb", "A quarter of the memory.") {
            .integer(Int($0.sharedBuffers))
        },
        sizing("effective_cache_size_mb", "Three quarters of the memory.") {
            .integer(Int($0.effectiveCacheSize))
        },
        sizing("maintenance_work_mem_mb", "A sixteenth of the memory, at most 2048.") {
            .integer(Int($0.maintenanceWorkMem))
        },
        sizing("work_mem_mb", "What shared_buffers leave, for two uses of each connection.") {
            .integer(Int($0.workMem))
        },
        sizing("max_worker_processes", "The cores of the largest machine, at least 8.") {
            .integer($0.maxWorkerProcesses)
        },
        sizing("max_parallel_workers", "The cores.") { .integer($0.maxParallelWorkers) },
        sizing("max_parallel_workers_per_gather", "Half of the cores, at most 4.") {
            .integer($0.maxParallelWorkersPerGather)
        },
        sizing("max_wal_size_mb", "A twentieth of the disk, 1024 to 16384.") {
            .integer(Int($0.maxWALSize))
        },
        sizing("wal_keep_size_mb", "A twentieth of the disk, 128 to 1024.") {
            .integer(Int($0.walKeepSize))
        },
        sizing("max_slot_wal_keep_size_mb", "A quarter of the disk, at least 512.") {
            .integer(Int($0.maxSlotWALKeepSize))
        },
        sizing("shared_memory_mb", "For a container: an eighth of the memory, at least 256.") {
            .integer(Int($0.sharedMemory))
        },
    ]

    private static func node(
        _ name: String, _ documentation: String,
        _ find: @escaping @Sendable (NodeSettings, ClusterSettings) -> TemplateValue
    ) -> TemplateVariable {
        TemplateVariable("node.\(name)", .node(find), documentation)
    }

    private static func file(
        _ name: String, _ documentation: String,
        _ find: @escaping @Sendable (NodeSettings) -> String
    ) -> TemplateVariable {
        TemplateVariable("files.\(name)", .node { node, _ in .text(find(node)) }, documentation)
    }

    private static func container(
        _ name: String, _ documentation: String,
        _ find: @escaping @Sendable (NodeSettings, DockerSettings) -> TemplateValue
    ) -> TemplateVariable {
        TemplateVariable("docker.\(name)", .docker(find), documentation)
    }

    private static func sizing(
        _ name: String, _ documentation: String,
        _ find: @escaping @Sendable (Sizing) -> TemplateValue
    ) -> TemplateVariable {
        TemplateVariable("sizing.\(name)", .sizing(find), documentation)
    }

    private static func mount(_ type: String, _ source: String, _ target: String) -> TemplateValue {
        .text(Quoting.dockerMount(type, source, target))
    }
}
