/// What PostgreSQL may count on at a node; nil: it is not told.
public struct MachineSettings: Hashable, Sendable {
    public var memoryBytes: Int64?
    public var cores: Int?
    /// Free space for the data directory.
    public var diskBytes: Int64?

    public init(memoryBytes: Int64? = nil, cores: Int? = nil, diskBytes: Int64? = nil) {
        self.memoryBytes = memoryBytes
        self.cores = cores
        self.diskBytes = diskBytes
    }
}

/// The container of a node.
public struct DockerSettings: Hashable, Sendable {
    public var image: String
    public var container: String
    public var volume: String
    /// Where the volume is mounted, above PGDATA.
    public var mount: String
    public var network: String

    public init(image: String, container: String, volume: String, mount: String, network: String) {
        self.image = image
        self.container = container
        self.volume = volume
        self.mount = mount
        self.network = network
    }

    /// The container has the machine's own addresses.
    public var isOnHostNetwork: Bool { network == "host" }
}

extension NodeSettings {
    /// The node has a network of its own, and its port is the machine's by Docker's doing.
    public var isPublished: Bool { docker.map { !$0.isOnHostNetwork } ?? false }
}

extension ClusterSettings {
    /// How many nodes of the cluster are on this one's machine, itself counted.
    public func tenants(beside node: NodeSettings) -> Int {
        nodes.count { $0.id == node.id || Rule.isOneMachine($0, node) }
    }

    public var hasDockerNodes: Bool { nodes.contains { $0.docker != nil } }
}
