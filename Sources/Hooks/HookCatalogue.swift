public import ClusterFile

/// What each hook is for, where it runs and which file it comes from.
public struct HookCatalogue: Sendable {
    public enum Place: String, Hashable, Sendable {
        case node
        case scheduler
    }

    public struct Entry: Hashable, Sendable {
        public var hook: HookName
        /// The machine that runs it: a node or the scheduler's.
        public var place: Place
        /// Which node, in words.
        public var runsOn: String
        public var when: String
        /// What it must leave behind.
        public var leaves: String
        /// The shipped script, relative to the share folder; nil: none by default.
        public var defaultFile: String?

        public var setting: String { hook.rawValue }

        /// How long one attempt may take in this cluster.
        public func deadline(in settings: ClusterSettings) -> Duration {
            .milliseconds(settings.hooks.byName[setting]?.timeoutMs ?? 60_000)
        }
    }

    /// Where a hook runs in this cluster.
    public static func place(of hook: HookName, in settings: ClusterSettings) -> Place {
        let isMoved = settings.hooks.byName[hook.rawValue]?.runsOnScheduler ?? false
        return isMoved ? .scheduler : entry(hook).place
    }

    public static let all: [Entry] = HookName.allCases.map(entry)

    public static func entry(_ hook: HookName) -> Entry {
        let (place, runsOn, when, leaves) = words(hook)
        let hasDefault = place == .node && hook != .childNodesDisconnectCommand
        return Entry(
            hook: hook, place: place, runsOn: runsOn, when: when, leaves: leaves,
            defaultFile: hasDefault ? "hooks/\(hook.rawValue).sh" : nil)
    }

    private static func words(_ hook: HookName) -> (Place, String, String, String) {
        switch hook {
        case .promoteCommand:
            (.node, "the candidate", "promotion", "promotion requested, the node still locked")
        case .followCommand:
            (.node, "each other standby", "a new upstream", "a standby streaming from it")
        case .childNodesDisconnectCommand:
            (.node, "the primary", "it has lost its standbys", "the primary stopped")
        case .standbyDisconnectCommand:
            (
                .node, "a standby", "sealing, when settings alone don't end its WAL receiver",
                "no WAL receiver"
            )
        case .fenceCommand:
            (
                .node, "the old primary", "a failover",
                "the old primary stopped, its opening removed"
            )
        case .rejoinCommand:
            (
                .node, "the old primary", "it is reachable again",
                "a standby of the new primary, rewound where timelines diverged"
            )
        case .cloneCommand:
            (
                .node, "a fresh or broken standby", "set-up, or a rewind is impossible",
                "a fresh base backup, the old directory moved aside"
            )
        case .serviceStartCommand:
            (.node, "a node", "any start", "PostgreSQL running, locked")
        case .serviceStopCommand:
            (.node, "a node", "any stop", "PostgreSQL stopped")
        case .serviceRestartCommand:
            (.node, "a node", "any restart", "PostgreSQL running, locked")
        case .serviceReloadCommand:
            (.node, "a node", "any reload", "the configuration read again")
        case .serviceStatusCommand:
            (.node, "a node", "its service state is asked for", "exit 0 running, 3 stopped")
        case .failoverValidationCommand:
            (
                .scheduler, "the scheduler", "before a failover",
                "exit 0: go on; else the failover waits and asks again"
            )
        case .eventNotificationCommand:
            (.scheduler, "the scheduler", "an event", "nothing; never holds a failover up")
        }
    }
}
