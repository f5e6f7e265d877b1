public import FailoverCore

/// One thing that was looked at, on a node or in `cluster.yaml`.
public struct CheckResult: Hashable, Sendable, Codable {
    public enum Status: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
        case ok
        /// It works; it is a risk.
        case warning
        /// A deployment is refused.
        case failed

        public static func < (left: Status, right: Status) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .failed: 2
            }
        }
    }

    /// Nil: about the cluster as a whole.
    public var node: NodeID?
    /// A stable word: `ssh`, `binaries`, `data_dir`.
    public var name: String
    public var status: Status
    public var found: String
    /// What to do; empty when nothing is.
    public var next: String

    public init(
        _ node: NodeID?, _ name: String, _ status: Status = .ok, found: String, next: String = ""
    ) {
        self.node = node
        self.name = name
        self.status = status
        self.found = found
        self.next = next
    }
}

extension CheckResult: CustomStringConvertible {
    public var description: String {
        let place = node.map { "\($0) " } ?? ""
        let line = "\(place)\(name) \(status.rawValue): \(found)"
        return next.isEmpty ? line : "\(line)\n  next: \(next)"
    }
}
