/// What is wrong with a hook, in the form that editors jump to.
public struct HookFinding: Hashable, Sendable, Encodable, CustomStringConvertible {
    /// A file, or `cluster.yaml: hooks.<setting>`.
    public var path: String
    /// Nil: the file as a whole.
    public var line: Int?
    public var says: String
    public var next: String

    public var description: String {
        "\(path)\(line.map { ":\($0)" } ?? ""): \(says)\n  next: \(next)"
    }
}
