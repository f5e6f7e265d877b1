/// Why hooks could not be tried at all; a hook that fails its trial is a verdict.
public struct TrialError: Error, Hashable, Sendable, CustomStringConvertible {
    public var because: String
    public var next: String

    init(_ because: String, next: String) {
        self.because = because
        self.next = next
    }

    public var description: String {
        "cannot try the hooks\n  because \(because)\n  next: \(next)"
    }
}
