/// Why the store could not be used: what could not be done, because of what, and what to do next.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// Somebody else saved meanwhile: load again and decide anew.
        case movedOn = "store.moved_on"
        /// Another scheduler, or an operation, is at work.
        case locked = "store.locked"
        /// There is no store at that path.
        case missing = "store.missing"
        /// The file can't be opened, read or written.
        case unreachable = "store.unreachable"
        /// The disk is full.
        case full = "store.full"
        /// The file is damaged, or no store of ours.
        case corrupted = "store.corrupted"
        /// A newer release of toolkit wrote it.
        case newer = "store.newer"
        /// An older release of toolkit wrote it, and it is open for reading only.
        case older = "store.older"
        /// What was to be saved breaks a promise of the store: a bug.
        case refused = "store.refused"
    }

    public var code: Code
    /// What could not be done, and to which file.
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

extension StoreError {
    static func movedOn(_ path: String, found: String, wanted: String) -> StoreError {
        StoreError(
            .movedOn, "cannot save the cluster to \(path)",
            because: "its revision there is \(found), not \(wanted): another one decided meanwhile",
            next: "load the cluster again and decide anew")
    }
}
