/// Why a command is not carried out, and what to do instead.
public struct Refusal: Error, Hashable, Sendable, Codable, CustomStringConvertible {
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
