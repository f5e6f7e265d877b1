public import ClusterFile
import FailoverCore

/// One file that `toolkit render` makes: for whom, where it belongs, who puts it there and what
/// for. Commands, pages and tests read this one declaration.
public struct CatalogueEntry: Hashable, Sendable {
    public enum Scope: String, Hashable, Sendable, CaseIterable {
        case node
        case cluster
    }

    public enum Runtime: String, Hashable, Sendable, CaseIterable {
        case native
        case docker
    }

    /// Who puts the file into its place.
    public enum Installer: Hashable, Sendable {
        case deploy
        /// Nobody else writes it: it carries what the scheduler last decided.
        case nodeApply
        /// An administrator: it needs root, or a program that is not ours.
        case administrator
    }

    /// What the text is made from.
    enum Source: Hashable, Sendable {
        /// `<name>.tmpl`, which a cluster may replace.
        case template
        case firstNodeConf
        case passwords
    }

    public var name: String
    public var scope: Scope
    /// Nil: for nodes of each kind.
    public var runtime: Runtime?
    public var mode: Int
    public var installer: Installer
    /// Where it belongs, with `<cluster>`, `<service>`, `<config_dir>` and its like to be filled in; empty: wherever its program reads it.
    public var place: String
    public var purpose: String
    var source: Source

    init(
        _ name: String, _ scope: Scope, on runtime: Runtime? = nil, mode: Int = 0o644,
        by installer: Installer = .administrator, at place: String = "",
        from source: Source = .template, _ purpose: String
    ) {
        self.name = name
        self.scope = scope
        self.runtime = runtime
        self.mode = mode
        self.installer = installer
        self.place = place
        self.source = source
        self.purpose = purpose
    }

    /// Whether it is never printed: it holds passwords.
    public var isSecret: Bool { source == .passwords }

    /// The template that it is made from; nil: it has none.
    public var template: String? { source == .template ? name + ".tmpl" : nil }

    func applies(to node: NodeSettings) -> Bool {
        runtime == nil || runtime == (node.docker == nil ? .native : .docker)
    }

    /// Nil for a file without a place of its own.
    public func path(on node: NodeSettings?, in settings: ClusterSettings) -> String? {
        guard !place.isEmpty else { return nil }
        let values = [
            "<cluster>": settings.cluster, "<node>": node?.id.rawValue ?? "",
            "<service>": node.map { TemplateVariable.service($0, settings) } ?? "",
            "<config_dir>": node?.configDirectory ?? "", "<state_dir>": node?.stateDirectory ?? "",
        ]
        // The place is ours, and a value is put in once: nothing in a value is filled in.
        var path = ""
        var rest = place[...]
        while let open = rest.firstIndex(of: "<"), let close = rest.firstIndex(of: ">") {
            path += rest[..<open]
            path += values[String(rest[open...close])] ?? ""
            rest = rest[rest.index(after: close)...]
        }
        return path + rest
    }
}

public enum Catalogue {
    public static func entry(named name: String) -> CatalogueEntry? {
        all.first { $0.name == name }
    }

    /// What lies on a node and can be compared; node.conf carries what the scheduler decided.
    public static let comparable = all.filter {
        $0.scope == .node && !$0.place.isEmpty && $0.installer != .nodeApply
    }

    /// What `deploy` puts into a node's config_dir, and a running server reads again.
    static let configuration = all.filter {
        $0.installer == .deploy && $0.source == .template
    }

    /// What a running server reads again at a reload, besides node.conf and open.conf.
    public static let readByServer = configuration.filter { $0.runtime == nil }

    private static let unit = "/etc/systemd/system/<service>"

    public static let all: [CatalogueEntry] = [
        CatalogueEntry(
            "postgresql.conf", .node, mode: 0o600, by: .deploy, at: "<config_dir>/postgresql.conf",
            "Places, sizes, what failover rests on, your own parameters, and as its last lines the "
                + "includes of node.conf and open.conf."),
        CatalogueEntry(
            "pg_hba.conf", .node, mode: 0o600, by: .deploy, at: "<config_dir>/pg_hba.conf",
            "The server's owner through the socket, the scheduler, the nodes, your own lines."),
        CatalogueEntry(
            "pg_ident.conf", .node, mode: 0o600, by: .deploy, at: "<config_dir>/pg_ident.conf",
            "Which roles the server's owner may be."),
        CatalogueEntry(
            "node.conf", .node, mode: 0o600, by: .nodeApply, at: "<config_dir>/node.conf",
            from: .firstNodeConf,
            "As a new node begins: locked, without an upstream. Only node-apply writes it."),
        CatalogueEntry(
            "pgpass", .node, mode: 0o600, by: .deploy, at: "<state_dir>/pgpass", from: .passwords,
            "The passwords that PostgreSQL on the node connects with; once there are any."),
        CatalogueEntry(
            "postgresql.service", .node, on: .native, at: unit,
            "A systemd unit for a node that has none of its own. Each start takes the opening away."
        ),
        CatalogueEntry(
            "postgresql-dropin.conf", .node, on: .native,
            at: "/etc/systemd/system/<service>.d/toolkit.conf",
            "The same for a unit that you have: put it into the `.d` folder of that unit."),
        CatalogueEntry(
            "tmpfiles.conf", .node,
            at: "/etc/tmpfiles.d/toolkit-<cluster>-<node>.conf",
            "Makes the runtime folder on the tmpfs /run at each boot."),
        CatalogueEntry(
            "docker-run.sh", .node, on: .docker, mode: 0o755, by: .deploy,
            at: "<config_dir>/docker-run.sh",
            "Creates or replaces the container; the volume is never touched. Safe to run twice."),
        CatalogueEntry(
            "compose.yaml", .node, on: .docker,
            "The same container for Docker Compose."),
        CatalogueEntry(
            "dsn.txt", .cluster,
            "Connection strings for applications: libpq, URI and JDBC, for writing and reading."),
        CatalogueEntry(
            "sudoers", .cluster, mode: 0o440, at: "/etc/sudoers.d/toolkit-<cluster>",
            "What the SSH user may do as root: the services of this cluster and nothing else."),
        CatalogueEntry(
            "sysctl.conf", .cluster, at: "/etc/sysctl.d/00-toolkit-<cluster>.conf",
            "Kernel settings of the machines: what is written flows to the disk early, servers are not swapped out."
        ),
        CatalogueEntry(
            "known_hosts", .cluster,
            "The nodes' host keys out of your known_hosts, for another machine's scheduler."),
        CatalogueEntry(
            "authorized_keys", .cluster, mode: 0o600,
            "The scheduler's public key with all that it does not need forbidden."),
        CatalogueEntry(
            "prometheus.yaml", .cluster, "Scrape configuration for postgres_exporter on the nodes."),
        CatalogueEntry(
            "haproxy.cfg", .cluster,
            "An example for those who have HAProxy anyway: the primary, and the standbys."),
        CatalogueEntry(
            "haproxy-check.sh", .cluster, mode: 0o755,
            "The check of haproxy.cfg: it asks PostgreSQL whether the node takes writes."),
        CatalogueEntry(
            "pgbouncer.ini", .cluster, "An example for those who have PgBouncer anyway."),
    ]
}
