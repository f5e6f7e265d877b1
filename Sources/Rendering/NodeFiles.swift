public import ClusterFile
public import FailoverCore
public import Quotation

/// The text of the two files that only `node-apply` writes: `node.conf` (lock, upstream or seal,
/// stamp) and `open.conf` (the opening of the one primary, read after it).
///
/// The lock stands in every `node.conf`: without an `open.conf` of the current term a node is
/// read-only for clients and cannot acknowledge a commit. Same input, same bytes, so that a reload
/// does not restart a WAL receiver whose upstream is the same.
public enum NodeFiles {
    /// No standby ever has this application_name.
    public static let lockedStandby = "toolkit_locked"
    /// `synchronous_standby_names` of every node but the opened primary.
    public static let lockedNames = "ANY 1 (\(lockedStandby))"

    public static let nodeFileName = "node.conf"
    public static let openFileName = "open.conf"

    public static func nodePath(of node: NodeSettings) -> String {
        node.configDirectory + "/" + nodeFileName
    }

    public static func openPath(of node: NodeSettings) -> String {
        node.runtimeDirectory + "/" + openFileName
    }

    /// The passwords that PostgreSQL on this node connects with.
    public static func passfile(of node: NodeSettings) -> String {
        node.stateDirectory + "/pgpass"
    }

    /// Where a standby streams from, and as whom.
    public struct Upstream: Hashable, Sendable {
        public var host: String
        public var port: Int
        public var user: String
        public var passfile: String
        /// `<node>_<attach>`, as the primary's synchronous_standby_names call it.
        public var applicationName: String
        public var slot: String

        public init(
            host: String, port: Int, user: String, passfile: String, applicationName: String,
            slot: String
        ) {
            self.host = host
            self.port = port
            self.user = user
            self.passfile = passfile
            self.applicationName = applicationName
            self.slot = slot
        }

        /// `standby` is the node whose file this goes into.
        public init(
            _ upstream: NodeSettings, of standby: NodeSettings, in settings: ClusterSettings,
            applicationName: String, slot: String
        ) {
            self.init(
                host: upstream.host, port: upstream.port,
                user: settings.postgresql.replicationRole,
                passfile: NodeFiles.passfile(of: standby),
                applicationName: applicationName, slot: slot)
        }

        /// The connection string, without a password.
        public var conninfo: String {
            get throws(QuotingError) {
                let application = try Quoting.conninfoValue(applicationName)
                return try [
                    "host=" + Quoting.conninfoValue(host),
                    "port=\(port)",
                    "user=" + Quoting.conninfoValue(user),
                    "passfile=" + Quoting.conninfoValue(passfile),
                    "application_name=" + application,
                ].joined(separator: " ")
            }
        }
    }

    /// The text of `node.conf`: locked, and pointed at `upstream` or, without one, sealed.
    ///
    /// Without `usesArchive` the upstream is the only one that WAL comes from. `clearsDelay` also ends a recovery_min_apply_delay, which keeps a seal from taking effect.
    public static func nodeConf(
        stamp: Stamp, upstream: Upstream?, postgresMajor: Int, usesArchive: Bool = true,
        clearsDelay: Bool = false
    ) throws(QuotingError) -> String {
        var lines = [
            "# Written by toolkit alone; every change made here is lost.",
            try setting("toolkit.term", String(stamp.term.number)),
            try setting("toolkit.step", String(stamp.step.number)),
            "",
            "# Locked: read-only for clients, and no commit is acknowledged.",
            try setting("synchronous_standby_names", lockedNames),
            try setting("default_transaction_read_only", "on"),
            "",
        ]
        if let upstream {
            lines += [
                "# Upstream.",
                try setting("primary_conninfo", upstream.conninfo),
                try setting("primary_slot_name", upstream.slot),
            ]
        } else {
            lines += [
                "# Sealed: no WAL from anywhere.",
                try setting("primary_conninfo", ""),
                try setting("primary_slot_name", ""),
            ]
        }
        // PostgreSQL 13 takes restore_command only at a start: there it is refused elsewhere.
        if upstream == nil || !usesArchive, postgresMajor >= 14 {
            lines.append(try setting("restore_command", ""))
        }
        if clearsDelay { lines.append(try setting("recovery_min_apply_delay", "0")) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The text of `open.conf`: commits wait for `names` (empty: for nobody), clients may write.
    public static func openConf(
        names: String, term: Term, step: Revision
    ) throws(QuotingError) -> String {
        try [
            "# Written by toolkit alone; gone after a restart, and the node is locked again.",
            setting("toolkit.open_term", String(term.number)),
            setting("toolkit.open_step", String(step.number)),
            setting("synchronous_standby_names", names),
            setting("default_transaction_read_only", "off"),
        ].joined(separator: "\n") + "\n"
    }

    private static func setting(_ name: String, _ value: String) throws(QuotingError) -> String {
        "\(name) = \(try Quoting.confValue(value))"
    }
}
