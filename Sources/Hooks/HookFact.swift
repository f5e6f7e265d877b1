/// One variable that a hook is told, with its meaning: for skeletons, `hook lint` and the guide.
public struct HookFact: Hashable, Sendable {
    public var name: String
    public var says: String
    /// The hooks that get it; nil: every hook.
    public var hooks: Set<HookName>?

    public func isFor(_ hook: HookName) -> Bool { hooks?.contains(hook) ?? true }

    public static let all: [HookFact] = [
        HookFact("TOOLKIT_HOOK", "this hook's name, such as promote_command"),
        HookFact("TOOLKIT_CLUSTER", "name of the cluster"),
        HookFact("TOOLKIT_TERM", "fencing number; grows with every failover"),
        HookFact("TOOLKIT_STEP", "equal for all attempts of one step, grows with every step"),
        HookFact("TOOLKIT_NODE_ID", "the node it is about; its name"),
        HookFact("TOOLKIT_NODE_NAME", "the node it is about"),
        HookFact("TOOLKIT_NODE_HOST", "that node's address"),
        HookFact("TOOLKIT_NODE_PORT", "that node's port of PostgreSQL"),
        HookFact("TOOLKIT_PRIMARY_ID", "the primary after this step, or the upstream"),
        HookFact("TOOLKIT_PRIMARY_NAME", "the same"),
        HookFact("TOOLKIT_PRIMARY_HOST", "its address"),
        HookFact("TOOLKIT_PRIMARY_PORT", "its port"),
        HookFact("TOOLKIT_PRIMARY_CONNINFO", "its connection string, without a password"),
        HookFact("TOOLKIT_OLD_PRIMARY_ID", "the primary before this step, if it is another"),
        HookFact("TOOLKIT_OLD_PRIMARY_NAME", "the same"),
        HookFact("TOOLKIT_OLD_PRIMARY_HOST", "its address"),
        HookFact("TOOLKIT_OLD_PRIMARY_PORT", "its port"),
        HookFact("TOOLKIT_TIMELINE", "the timeline that the cluster is on"),
        HookFact("TOOLKIT_SWITCH_LSN", "where the new timeline leaves the old one"),
        HookFact("TOOLKIT_SLOT", "the replication slot to use"),
        HookFact("TOOLKIT_APPLICATION_NAME", "the standby's application_name"),
        HookFact("TOOLKIT_REPLICATION_USER", "role for streaming and pg_basebackup"),
        HookFact("TOOLKIT_RUNTIME", "native or docker"),
        HookFact("TOOLKIT_CONTAINER", "the node's container, if it has one"),
        HookFact("TOOLKIT_VOLUME", "the volume of that container, with the data directory"),
        HookFact("TOOLKIT_SERVICE", "what starts PostgreSQL, where it isn't pg_ctl"),
        HookFact("TOOLKIT_CONFIG_FILE", "the postgresql.conf that the server starts with"),
        HookFact("TOOLKIT_CONFIG_DIR", "folder of the rendered configuration"),
        HookFact("TOOLKIT_STATE_DIR", "folder that outlives a restart of the machine"),
        HookFact("TOOLKIT_RUNTIME_DIR", "folder that does not"),
        HookFact("TOOLKIT_TIMEOUT_SECONDS", "this hook's deadline"),
        HookFact("TOOLKIT_REASON", "why, in a sentence"),
        HookFact("TOOLKIT_DRY_RUN", "1: say what you would do, and do nothing"),
        HookFact("PGDATA", "data directory"),
        HookFact("PGPORT", "port of PostgreSQL"),
        HookFact("PGHOST", "folder of its Unix socket"),
        HookFact("PG_BINDIR", "folder of PostgreSQL's programs"),
        HookFact("PGPASSFILE", "file with the passwords of outgoing connections"),
        HookFact("TOOLKIT_STOP_MODE", "fast, immediate or smart", [.serviceStopCommand]),
        HookFact("TOOLKIT_REJOIN_METHOD", "start or rewind", [.rejoinCommand]),
        HookFact("TOOLKIT_SET_ASIDE_SEGMENTS", "most WAL segments to keep", [.rejoinCommand]),
        HookFact("TOOLKIT_EVENT", "name of the event", [.eventNotificationCommand]),
        HookFact("TOOLKIT_SUCCESS", "1 or 0", [.eventNotificationCommand]),
        HookFact("TOOLKIT_TIMESTAMP", "seconds since 1970", [.eventNotificationCommand]),
        HookFact("TOOLKIT_DETAILS", "what happened, in words", [.eventNotificationCommand]),
        HookFact("TOOLKIT_VISIBLE_NODES", "nodes that answer", [.failoverValidationCommand]),
        HookFact(
            "TOOLKIT_SHARED_UPSTREAM_NODES", "of them, those that followed the same primary",
            [.failoverValidationCommand]),
        HookFact("TOOLKIT_TOTAL_NODES", "all nodes", [.failoverValidationCommand]),
    ]

    private init(_ name: String, _ says: String, _ hooks: Set<HookName>? = nil) {
        self.name = name
        self.says = says
        self.hooks = hooks
    }
}
