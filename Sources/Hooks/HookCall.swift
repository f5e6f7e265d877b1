public import ClusterFile
public import FailoverCore

/// One run of one hook: which, where, in whose name, and what it may know.
public struct HookCall: Hashable, Sendable {
    public var hook: HookName
    /// The node that it is about, and where it runs unless it is the scheduler's.
    public var node: NodeSettings
    public var term: Int
    public var step: Int
    /// The primary after this step, or the upstream.
    public var primary: NodeSettings?
    public var oldPrimary: NodeSettings?
    public var timeline: UInt32?
    public var switchLSN: LSN?
    public var slot: String?
    public var applicationName: String?
    /// Connection string of `primary`, without a password.
    public var conninfo: String?
    public var reason: String
    public var isDryRun: Bool
    /// More facts, by their whole variable name (`TOOLKIT_STOP_MODE`).
    public var extra: [String: String]

    public init(
        _ hook: HookName, on node: NodeSettings, term: Int, step: Int,
        primary: NodeSettings? = nil, oldPrimary: NodeSettings? = nil, timeline: UInt32? = nil,
        switchLSN: LSN? = nil, slot: String? = nil, applicationName: String? = nil,
        conninfo: String? = nil, reason: String = "", isDryRun: Bool = false,
        extra: [String: String] = [:]
    ) {
        self.hook = hook
        self.node = node
        self.term = term
        self.step = step
        self.primary = primary
        self.oldPrimary = oldPrimary
        self.timeline = timeline
        self.switchLSN = switchLSN
        self.slot = slot
        self.applicationName = applicationName
        self.conninfo = conninfo
        self.reason = reason
        self.isDryRun = isDryRun
        self.extra = extra
    }
}
