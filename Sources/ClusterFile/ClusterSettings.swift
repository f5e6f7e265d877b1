public import FailoverCore

/// One valid `cluster.yaml`: every setting with its type, defaults filled in.
public struct ClusterSettings: Hashable, Sendable {
    /// `[a-z][a-z0-9_]{0,39}`
    public var cluster: String
    /// Allows what only a laboratory may do (`trust` authentication).
    public var isLab: Bool
    public var postgresql: PostgresSettings
    public var scheduler: SchedulerSettings
    /// How commands reach the nodes.
    public var execution: ExecutionMode
    public var ssh: SSHSettings
    public var directories: DirectorySettings
    public var nodes: [NodeSettings]
    /// k, alone, mode and every timer, and of each node priority and quorum flag.
    public var policy: Policy
    public var hooks: HookSettings
    /// The folder of `cluster.yaml`: relative paths in it start here.
    public var baseDirectory: String

    public init(
        cluster: String, isLab: Bool, postgresql: PostgresSettings, scheduler: SchedulerSettings,
        execution: ExecutionMode, ssh: SSHSettings, directories: DirectorySettings,
        nodes: [NodeSettings], policy: Policy, hooks: HookSettings, baseDirectory: String
    ) {
        self.cluster = cluster
        self.isLab = isLab
        self.postgresql = postgresql
        self.scheduler = scheduler
        self.execution = execution
        self.ssh = ssh
        self.directories = directories
        self.nodes = nodes
        self.policy = policy
        self.hooks = hooks
        self.baseDirectory = baseDirectory
    }

    public func node(_ id: NodeID) -> NodeSettings? { nodes.first { $0.id == id } }
}

public enum ExecutionMode: String, Hashable, Sendable, CaseIterable {
    case ssh
    /// Commands run as local processes: all nodes live on the scheduler's machine.
    case local
}

public struct PostgresSettings: Hashable, Sendable {
    public enum Authentication: String, Hashable, Sendable, CaseIterable {
        case scram = "scram-sha-256"
        case trust
    }

    /// Major version, 13 to 18.
    public var version: Int
    public var binDirectory: String
    /// The database that the scheduler and pg_rewind connect to.
    public var database: String
    /// Users' own parameters for postgresql.conf, sorted by name.
    public var parameters: [Parameter]
    /// Users' own pg_hba.conf lines, after ours.
    public var hba: [String]
    public var authentication: Authentication
    /// Role of the scheduler.
    public var role: String
    /// Role for streaming, pg_basebackup and pg_rewind.
    public var replicationRole: String

    public init(
        version: Int, binDirectory: String, database: String, parameters: [Parameter],
        hba: [String], authentication: Authentication, role: String, replicationRole: String
    ) {
        self.version = version
        self.binDirectory = binDirectory
        self.database = database
        self.parameters = parameters
        self.hba = hba
        self.authentication = authentication
        self.role = role
        self.replicationRole = replicationRole
    }

    public struct Parameter: Hashable, Sendable {
        public var name: String
        public var value: String
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }
}

public struct SchedulerSettings: Hashable, Sendable {
    /// The scheduler's address as the nodes see it, for pg_hba.conf. Nil: only the nodes' own.
    public var address: String?
    /// Holds the store, the socket and the passwords: `<directory>/<cluster>.sqlite`,
    /// `<cluster>.sock`, `<cluster>.pgpass`.
    public var directory: String

    public init(
        address: String?, directory: String
    ) {
        self.address = address
        self.directory = directory
    }
}

public struct SSHSettings: Hashable, Sendable {
    public var user: String
    public var port: Int
    /// Nil: ssh-agent.
    public var identityFile: String?
    public var knownHosts: String
    public var connectTimeoutMs: Int64

    public init(
        user: String, port: Int, identityFile: String?, knownHosts: String,
        connectTimeoutMs: Int64
    ) {
        self.user = user
        self.port = port
        self.identityFile = identityFile
        self.knownHosts = knownHosts
        self.connectTimeoutMs = connectTimeoutMs
    }
}

/// On each node; `/<cluster>/<node>` is added to each (see `NodeSettings`).
public struct DirectorySettings: Hashable, Sendable {
    public var configDirectory: String
    public var stateDirectory: String
    public var runtimeDirectory: String

    public init(
        configDirectory: String, stateDirectory: String, runtimeDirectory: String
    ) {
        self.configDirectory = configDirectory
        self.stateDirectory = stateDirectory
        self.runtimeDirectory = runtimeDirectory
    }
}

public struct NodeSettings: Hashable, Sendable {
    public var id: NodeID
    /// Address that scheduler and nodes reach this node by.
    public var host: String
    public var port: Int
    public var dataDirectory: String
    /// 0…100
    public var priority: Int
    /// False for a cascaded standby, whatever the file says.
    public var replicationQuorum: Bool
    /// The standby that it follows while it can; nil: the primary.
    public var upstream: NodeID?
    public var sshHost: String
    public var sshPort: Int
    public var sshUser: String
    /// Folder of PostgreSQL's Unix socket.
    public var socketDirectory: String
    /// `<config_dir>/<cluster>/<node>` and so on.
    public var configDirectory: String
    public var stateDirectory: String
    public var runtimeDirectory: String
    /// What PostgreSQL is sized by.
    public var machine: MachineSettings
    /// Nil: PostgreSQL runs as processes of the machine.
    public var docker: DockerSettings?
    /// A unit of systemd or a cluster of pg_ctlcluster; nil: PostgreSQL's own programs.
    public var service: String?

    public init(
        id: NodeID, host: String, port: Int, dataDirectory: String, priority: Int,
        replicationQuorum: Bool, upstream: NodeID? = nil, sshHost: String, sshPort: Int,
        sshUser: String,
        socketDirectory: String, configDirectory: String, stateDirectory: String,
        runtimeDirectory: String, machine: MachineSettings = MachineSettings(),
        docker: DockerSettings? = nil,
        service: String? = nil
    ) {
        self.id = id
        self.host = host
        self.port = port
        self.dataDirectory = dataDirectory
        self.priority = priority
        self.replicationQuorum = replicationQuorum
        self.upstream = upstream
        self.sshHost = sshHost
        self.sshPort = sshPort
        self.sshUser = sshUser
        self.socketDirectory = socketDirectory
        self.configDirectory = configDirectory
        self.stateDirectory = stateDirectory
        self.runtimeDirectory = runtimeDirectory
        self.machine = machine
        self.docker = docker
        self.service = service
    }
}

/// How each hook is run; the defaults stand where `cluster.yaml` says nothing.
public struct HookSettings: Hashable, Sendable {
    public enum OnFailure: String, Hashable, Sendable, CaseIterable {
        case abort
        case `continue`
    }

    public struct Hook: Hashable, Sendable {
        /// Nil: the shipped script (or none, where HOOKS.md says "none by default").
        public var command: String?
        public var timeoutMs: Int64
        public var retries: Int
        public var retryDelayMs: Int64
        public var onFailure: OnFailure
        /// Whether a node's hook runs on the scheduler's machine: that node may be out of reach.
        public var runsOnScheduler: Bool

        public init(
            command: String?, timeoutMs: Int64, retries: Int, retryDelayMs: Int64,
            onFailure: OnFailure, runsOnScheduler: Bool = false
        ) {
            self.command = command
            self.timeoutMs = timeoutMs
            self.retries = retries
            self.retryDelayMs = retryDelayMs
            self.onFailure = onFailure
            self.runsOnScheduler = runsOnScheduler
        }
    }

    /// By setting name (`promote_command`), every hook of the catalogue.
    public var byName: [String: Hook]
    /// Event names that `event_notification_command` gets; empty: all.
    public var eventNotifications: [String]
    public var childNodes: ChildNodeSettings

    public init(
        byName: [String: Hook], eventNotifications: [String],
        childNodes: ChildNodeSettings = ChildNodeSettings()
    ) {
        self.byName = byName
        self.eventNotifications = eventNotifications
        self.childNodes = childNodes
    }
}

/// When a primary has lost its standbys, for `child_nodes_disconnect_command`; without either number
/// when all of them are lost. The names and their meaning are repmgr's.
public struct ChildNodeSettings: Hashable, Sendable {
    public var connectedMin: Int?
    public var disconnectedMin: Int?
    public var timeoutMs: Int64

    public init(connectedMin: Int? = nil, disconnectedMin: Int? = nil, timeoutMs: Int64 = 30_000) {
        self.connectedMin = connectedMin
        self.disconnectedMin = disconnectedMin
        self.timeoutMs = timeoutMs
    }
}
