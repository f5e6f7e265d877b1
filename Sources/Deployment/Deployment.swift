public import ClusterFile
public import Execution
public import FailoverCore
import Hooks

/// Brings a cluster up on bare machines: looks at them, puts configuration and programs in place,
/// and initialises the first node, locked. The scheduler opens it and clones the others.
///
/// Everything here can be done again: what is in place already is left alone.
public struct Deployment: Sendable {
    public let settings: ClusterSettings
    /// The primary of a running set-up whose data are taken over; nil: nothing is taken over.
    public var adopting: NodeID?
    let share: ShareFolder
    let runner: @Sendable (NodeSettings) -> any CommandRunner
    let hooks: HookRunner

    /// `runner` reaches a node's machine as the owner of PostgreSQL.
    public init(
        settings: ClusterSettings, share: ShareFolder,
        runner: @escaping @Sendable (NodeSettings) -> any CommandRunner
    ) {
        self.settings = settings
        self.share = share
        self.runner = runner
        hooks = HookRunner(
            settings: settings, sharedHooks: share.hooks, runner: runner, local: LocalRunner())
    }

    /// The node that begins the cluster: the adopted primary, else the highest priority, else the
    /// first of the file.
    public var firstNode: NodeSettings? {
        if let adopting { return settings.node(adopting) }
        return settings.nodes.reduce(nil) { best, node in
            guard let best else { return node }
            return node.priority > best.priority ? node : best
        }
    }
}

/// One line of what a deployment does.
public struct DeployProgress: Hashable, Sendable {
    /// Nil: on the scheduler's machine.
    public var node: NodeID?
    public var text: String

    public init(node: NodeID?, _ text: String) {
        self.node = node
        self.text = text
    }
}

/// What `Deployment.prepare` leaves behind.
public struct Prepared: Hashable, Sendable {
    /// What begins a cluster's life in the store.
    public struct Beginning: Hashable, Sendable {
        public var first: NodeID
        public var systemIdentifier: String
        public var history: TimelineHistory
        /// Where the first node's WAL ends.
        public var position: LSN
        /// Standbys whose data were taken over, each seen to have what this primary wrote.
        public var adopted: [NodeID] = []
    }

    /// What was changed, a line for each; empty: everything was in place.
    public var changes: [DeployProgress]
    /// Nil when the store holds the cluster already.
    public var beginning: Beginning?

    public var isUnchanged: Bool { changes.isEmpty }
}

extension Prepared.Beginning {
    /// The cluster as the store first holds it: nothing is opened, no term has begun.
    public func cluster(_ settings: ClusterSettings) -> Cluster {
        Cluster(
            name: settings.cluster, systemIdentifier: systemIdentifier,
            members: settings.nodes.map { node in
                var member = Member(id: node.id)
                if adopted.contains(node.id) { member.attach.term = Term(0) }
                return member
            },
            lineage: [
                LineageEntry(
                    timeline: history.timeline, begin: .zero, term: Term(0), node: first,
                    history: history)
            ])
    }
}
