import ClusterFile
import FailoverCore

/// Which standbys are attached to the open primary, and whether it has lost them as
/// `child_nodes_…` tell. Decides nothing about the cluster: it tells when an operator's command is due.
struct ChildNodes: Hashable, Sendable {
    enum Change: Hashable, Sendable {
        case connected(NodeID)
        case reconnected(NodeID)
        case disconnected(NodeID)
        /// Once, until enough are back.
        case lost(String)
    }

    private let settings: ChildNodeSettings
    /// Whose standbys: another primary, or the same one opened anew, begins anew.
    private var primary: NodeID?
    private var term: Term?
    /// Every standby that was ever seen attached to it, and whether it is.
    private var children: [NodeID: Bool] = [:]
    private var lastLossAt: Instant?
    private var wasTold = false

    init(_ settings: ChildNodeSettings) { self.settings = settings }

    /// Takes in an answer of the open primary. A standby that is wanted for maintenance, or that the
    /// file does not name, is nobody's loss.
    mutating func absorb(
        _ seen: NodeObservation, of cluster: Cluster, named: Set<NodeID>, at now: Instant
    ) -> [Change] {
        if primary != cluster.elect || term != cluster.term {
            self = ChildNodes(settings)
            primary = cluster.elect
            term = cluster.term
        }
        let streaming = Set(seen.senders.filter { $0.state == "streaming" }.map(\.applicationName))
        var changes: [Change] = []
        for member in cluster.members where member.id != primary {
            let id = member.id
            guard member.maintenance == nil, named.contains(id) else {
                children[id] = nil
                continue
            }
            let isAttached = streaming.contains(cluster.applicationName(id))
            switch (children[id], isAttached) {
            case (nil, true): changes.append(.connected(id))
            case (false?, true): changes.append(.reconnected(id))
            case (true?, false):
                changes.append(.disconnected(id))
                lastLossAt = now
            case (nil, false), (true?, true), (false?, false): continue
            }
            children[id] = isAttached
        }
        return changes + loss(at: now)
    }

    private mutating func loss(at now: Instant) -> [Change] {
        guard let why = reason, let since = lastLossAt else {
            wasTold = false
            return []
        }
        guard !wasTold, now.since(since) >= settings.timeoutMs else { return [] }
        wasTold = true
        return [.lost(why)]
    }

    /// Why its standbys count as lost; nil: they do not.
    private var reason: String? {
        let attached = children.values.count { $0 }
        let missing = children.count - attached
        let words = "\(attached) of \(children.count) standbys are attached"
        if let least = settings.connectedMin {
            return attached < least ? "\(words), fewer than \(least)" : nil
        }
        if let most = settings.disconnectedMin {
            return missing >= most ? "\(words), \(missing) are lost" : nil
        }
        return attached == 0 && missing > 0 ? "none of \(missing) standbys is attached" : nil
    }
}
