public import ClusterFile
public import FailoverCore

/// Why a scheduler could not be started or asked: what could not be done, because of what, and
/// what to do next.
public struct SchedulerError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// No scheduler listens there.
        case unreachable = "scheduler.unreachable"
        /// It speaks another version, or broke off.
        case notUnderstood = "scheduler.not_understood"
        /// The cluster was never brought up, or is being taken away.
        case notDeployed = "scheduler.not_deployed"
        /// The socket can't be made.
        case socket = "scheduler.socket"
        /// The store failed; `because` says how.
        case store = "scheduler.store"
        /// The cluster file contradicts what the store holds.
        case configuration = "scheduler.configuration"
        /// Another scheduler, or an operation, is at work.
        case busy = "scheduler.busy"
    }

    public var code: Code
    public var subject: String
    public var because: String
    /// What to do next.
    public var next: String

    public init(_ code: Code, _ subject: String, because: String, next: String) {
        self.code = code
        self.subject = subject
        self.because = because
        self.next = next
    }

    public var description: String { "\(subject)\n  because \(because)\n  next: \(next)" }
}

extension SchedulerError {
    /// Some of its nodes have lost their files: nothing may be started or opened on the others.
    public static func takenAway(
        _ settings: ClusterSettings, _ cluster: Cluster
    ) -> SchedulerError {
        SchedulerError(
            .notDeployed, "cannot bring \(settings.cluster) up",
            because: "`toolkit undeploy` has begun to take its files away, and has not ended",
            next: "undeploy again: it goes on where it was (without a node that is gone for good: "
                + "take that out of cluster.yaml). Where data stay, `toolkit deploy --adopt "
                + "\(cluster.lastPrimary)` brings them up again after that")
    }
}
