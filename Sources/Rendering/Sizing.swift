public import ClusterFile

/// PostgreSQL's sizes for one node, from what cluster.yaml says of its machine.
///
/// In whole megabytes: PostgreSQL rounds no setting of these.
public struct Sizing {
    private static let megabyte: Int64 = 1 << 20

    /// The node's part of its machine; nil: not told.
    let memory: Int64?
    let cores: Int?
    let disk: Int64?
    let tenants: Int
    let maxConnections: Int
    /// The largest machine of the cluster, for settings that no standby may have lower.
    let coresMax: Int?

    public init(of node: NodeSettings, in settings: ClusterSettings) {
        tenants = settings.tenants(beside: node)
        let share = Int64(tenants) * Self.megabyte
        memory = node.machine.memoryBytes.map { $0 / share }
        disk = node.machine.diskBytes.map { $0 / share }
        cores = node.machine.cores
        coresMax = settings.nodes.compactMap(\.machine.cores).max()
        let written = settings.postgresql.parameters.first {
            $0.name.lowercased() == "max_connections"
        }
        maxConnections = written.flatMap { Int($0.value) } ?? 100
    }

    /// A quarter: the rest is the kernel's cache, which PostgreSQL reads through.
    var sharedBuffers: Int64 { memory.map { max(128, $0 / 4) } ?? 128 }

    var effectiveCacheSize: Int64 { memory.map { $0 / 4 * 3 } ?? 4096 }

    /// A sixteenth, and not more than autovacuum makes use of.
    var maintenanceWorkMem: Int64 { memory.map { min(2048, max(64, $0 / 16)) } ?? 64 }

    /// What is left, for every connection with two sorts or hashes at work at once.
    var workMem: Int64 {
        guard let memory else { return 4 }
        return min(1024, max(4, (memory - sharedBuffers) / Int64(2 * max(1, maxConnections))))
    }

    /// Hot standby: a standby with fewer than the primary stops replaying.
    var maxWorkerProcesses: Int { max(8, coresMax ?? 0) }

    var maxParallelWorkers: Int { cores.map { max(2, $0) } ?? 8 }

    var maxParallelWorkersPerGather: Int { cores.map { min(4, max(1, $0 / 2)) } ?? 2 }

    /// A twentieth of the disk between checkpoints.
    var maxWALSize: Int64 { disk.map { min(16384, max(1024, $0 / 20)) } ?? 1024 }

    /// Enough for a rewind to find its WAL, and never the disk.
    var walKeepSize: Int64 { disk.map { min(1024, max(128, $0 / 20)) } ?? 1024 }

    /// A quarter of the disk for standbys that are away: the rest is the data's.
    public var maxSlotWALKeepSize: Int64 { disk.map { max(512, $0 / 4) } ?? 10240 }

    /// Dynamic shared memory of parallel queries; Docker's own 64MB breaks them.
    var sharedMemory: Int64 { memory.map { max(256, $0 / 8) } ?? 256 }
}
