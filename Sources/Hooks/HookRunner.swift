public import ClusterFile
public import Execution

/// Runs hooks: finds the script, uploads it once, and runs it through the node's wrapper.
public struct HookRunner: Sendable {
    public let settings: ClusterSettings
    let runner: @Sendable (NodeSettings) -> any CommandRunner
    let local: any CommandRunner
    let scripts: HookScripts

    /// `runner` reaches a node; `local` is the scheduler's own machine; `sharedHooks` is the folder
    /// of the shipped scripts (`ShareFolder.hooks`).
    public init(
        settings: ClusterSettings, sharedHooks: String,
        runner: @escaping @Sendable (NodeSettings) -> any CommandRunner, local: any CommandRunner
    ) {
        scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
        self.settings = settings
        self.runner = runner
        self.local = local
    }

    /// Runs one hook with its drop-ins, retries and deadline.
    public func run(_ call: HookCall) async -> HookOutcome {
        .skipped
    }

    /// Uploads the scripts of every node hook, so that a failover doesn't pay for it.
    public func prepare(_ node: NodeSettings) async throws(ExecutionError) {
    }
}
