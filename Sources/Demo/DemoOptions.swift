/// What `toolkit demo` was asked for.
public struct DemoOptions: Hashable, Sendable {
    /// Run hooks as local processes instead of over SSH.
    public var isLocal: Bool
    /// How often a primary is killed and brought back.
    public var repeats: Int
    /// Leave the cluster running at the end.
    public var keeps: Bool
    public var writers: Int

    public init(isLocal: Bool = false, repeats: Int = 1, keeps: Bool = false, writers: Int = 4) {
        self.isLocal = isLocal
        self.repeats = repeats
        self.keeps = keeps
        self.writers = writers
    }
}

/// Why the demo could not go on: what, because of what, and what to do.
public struct DemoError: Error, Hashable, Sendable, CustomStringConvertible {
    public var subject: String
    public var because: String
    public var next: String

    public init(_ subject: String, because: String, next: String) {
        self.subject = subject
        self.because = because
        self.next = next
    }

    public var description: String { "\(subject)\n  because \(because)\n  next: \(next)" }
}
