extension Deployment {
    /// What `prepare` would do, a line for each step; changes nothing.
    public func plan(
        systemIdentifier: String? = nil
    ) async throws(DeploymentError) -> [DeployProgress] { [] }

    /// Checks all nodes, then puts everything in place on them and, unless the store knows the
    /// cluster (`systemIdentifier`), initialises the first one, locked. Refuses before anything is
    /// changed; what was changed before a failure is found in place by the next run.
    public func prepare(
        systemIdentifier: String? = nil,
        progress: @escaping @Sendable (DeployProgress) -> Void = { _ in }
    ) async throws(DeploymentError) -> Prepared { Prepared(changes: [], beginning: nil) }
}
