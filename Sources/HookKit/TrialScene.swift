import ClusterFile
import FailoverCore
import Hooks

/// One case of a hook: what stands before it, what it is told, and what it must leave behind.
struct TrialScene: Sendable {
    var hook: HookName
    /// Where a hook has several cases.
    var note = ""
    /// The node that it is about.
    var node: @Sendable (TrialCluster) -> NodeSettings
    var primary: (@Sendable (TrialCluster) -> NodeSettings)?
    var facts: [String: String] = [:]
    /// Whether it needs the place where the timelines part.
    var needsFork = false
    /// The pair is stopped when it comes.
    var prepare: @Sendable (TrialCluster) async throws -> Void
    /// What is missing; nil: all is as it must be.
    var missing: @Sendable (TrialCluster) async throws -> String?
    /// A second run may refuse, so long as it changes nothing.
    var mayRefuse = false

    var name: String { note.isEmpty ? hook.rawValue : "\(hook) (\(note))" }

    static let all: [TrialScene] =
        service + [promote, follow, disconnect, fence, rejoinByStart, rejoinByRewind, clone]
        + [childNodesDisconnect]

    // MARK: Parts

    private static func pair(_ cluster: TrialCluster) async throws {
        try await cluster.start(cluster.a)
        try await cluster.start(cluster.b)
        _ = try await cluster.soon { try await cluster.streams(cluster.b, from: cluster.a) }
    }

    private static func running(_ node: NodeSettings, _ cluster: TrialCluster) async throws
        -> String?
    {
        guard case .running = try await cluster.inspect(node).postmaster else {
            return "PostgreSQL does not run"
        }
        return try await cluster.inspect(node).isOpened ? "the node is opened" : nil
    }

    private static func stopped(_ node: NodeSettings, _ cluster: TrialCluster) async throws
        -> String?
    {
        try await cluster.inspect(node).postmaster == .stopped ? nil : "PostgreSQL still runs"
    }

    private static func streaming(
        _ node: NodeSettings, from upstream: NodeSettings, _ cluster: TrialCluster
    ) async throws -> String? {
        try await cluster.soon { try await cluster.streams(node, from: upstream) }
            ? nil : "the node does not stream from its upstream"
    }

    // MARK: The service

    private static let service = [
        TrialScene(
            hook: .serviceStartCommand, node: \.a,
            prepare: { try await $0.open($0.a) }, missing: { try await running($0.a, $0) }),
        TrialScene(
            hook: .serviceStopCommand, node: \.a, facts: ["TOOLKIT_STOP_MODE": "fast"],
            prepare: { try await $0.start($0.a) }, missing: { try await stopped($0.a, $0) }),
        TrialScene(
            hook: .serviceRestartCommand, node: \.a,
            prepare: { cluster in
                try await cluster.start(cluster.a)
                try await cluster.open(cluster.a)
                try await cluster.point(cluster.a, at: nil, more: "max_connections = 93\n")
            },
            missing: { cluster in
                if let missing = try await running(cluster.a, cluster) { return missing }
                // Only a restart brings it about.
                return try await cluster.sql("show max_connections", on: cluster.a) == "93"
                    ? nil : "the server was not started again"
            }),
        TrialScene(
            hook: .serviceReloadCommand, node: \.a,
            prepare: { cluster in
                try await cluster.start(cluster.a)
                try await cluster.point(cluster.a, at: nil, more: "work_mem = '7MB'\n")
            },
            missing: { cluster in
                try await cluster.soon {
                    try await cluster.sql("show work_mem", on: cluster.a) == "7MB"
                } ? nil : "the configuration was not read again"
            }),
        TrialScene(
            hook: .serviceStatusCommand, node: \.a,
            prepare: { try await $0.start($0.a) }, missing: { try await running($0.a, $0) }),
    ]

    // MARK: Moving the primary

    private static let promote = TrialScene(
        hook: .promoteCommand, node: \.b, primary: \.b,
        prepare: { try await pair($0) },
        missing: { cluster in
            try await cluster.soon {
                try await cluster.sql("select pg_is_in_recovery()", on: cluster.b) == "f"
            } ? try await running(cluster.b, cluster) : "the node is still in recovery"
        })

    private static let follow = TrialScene(
        hook: .followCommand, node: \.b, primary: \.a,
        prepare: { cluster in
            try await cluster.start(cluster.a)
            try await cluster.point(cluster.b, at: nil)
            try await cluster.start(cluster.b)
            try await cluster.point(cluster.b, at: cluster.a)
        },
        missing: { try await streaming($0.b, from: $0.a, $0) })

    private static let disconnect = TrialScene(
        hook: .standbyDisconnectCommand, node: \.b, primary: \.a,
        prepare: { cluster in
            try await pair(cluster)
            // While replay is paused the settings alone don't end the receiver.
            try await cluster.sql("select pg_wal_replay_pause()", on: cluster.b)
            try await cluster.point(cluster.b, at: nil)
            try await cluster.reload(cluster.b)
        },
        missing: { cluster in
            try await cluster.sql("select count(*) from pg_stat_wal_receiver", on: cluster.b) == "0"
                ? nil : "the WAL receiver is still there"
        })

    private static let fence = TrialScene(
        hook: .fenceCommand, node: \.a, primary: \.b,
        prepare: { cluster in
            try await cluster.start(cluster.a)
            try await cluster.open(cluster.a)
        },
        missing: { cluster in
            if let missing = try await stopped(cluster.a, cluster) { return missing }
            return try await cluster.inspect(cluster.a).isOpened ? "its opening stands" : nil
        })

    private static let childNodesDisconnect = TrialScene(
        hook: .childNodesDisconnectCommand, node: \.a, primary: \.a,
        prepare: { try await $0.start($0.a) }, missing: { try await stopped($0.a, $0) })

    // MARK: Coming back

    private static let rejoinByStart = TrialScene(
        hook: .rejoinCommand, note: "start", node: \.a, primary: \.b,
        facts: ["TOOLKIT_REJOIN_METHOD": "start"],
        prepare: { cluster in
            try await pair(cluster)
            try await cluster.stop(cluster.a)
            try await cluster.promote(cluster.b)
            try await cluster.point(cluster.a, at: cluster.b)
        },
        missing: { try await streaming($0.a, from: $0.b, $0) })

    private static let rejoinByRewind = TrialScene(
        hook: .rejoinCommand, note: "rewind", node: \.a, primary: \.b,
        facts: ["TOOLKIT_REJOIN_METHOD": "rewind"], needsFork: true,
        prepare: { cluster in
            try await pair(cluster)
            try await cluster.promote(cluster.b)
            try await cluster.sql("create table alone as select 1", on: cluster.a)
            try await cluster.stop(cluster.a, mode: "immediate")
            try await cluster.point(cluster.a, at: cluster.b)
        },
        missing: { try await streaming($0.a, from: $0.b, $0) }, mayRefuse: true)

    private static let clone = TrialScene(
        hook: .cloneCommand, node: \.b, primary: \.a,
        prepare: { cluster in
            try await cluster.start(cluster.a)
            try await cluster.sh(#"rm -f -- "$1/global/pg_control""#, [cluster.b.dataDirectory])
        },
        missing: { try await streaming($0.b, from: $0.a, $0) }, mayRefuse: true)
}
