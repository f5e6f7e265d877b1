/// A hook by the name of its setting: the same word in `cluster.yaml`, as a file, in
/// `TOOLKIT_HOOK` and in events.
public enum HookName: String, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    case promoteCommand = "promote_command"
    case followCommand = "follow_command"
    case childNodesDisconnectCommand = "child_nodes_disconnect_command"
    case standbyDisconnectCommand = "standby_disconnect_command"
    case fenceCommand = "fence_command"
    case rejoinCommand = "rejoin_command"
    case cloneCommand = "clone_command"
    case serviceStartCommand = "service_start_command"
    case serviceStopCommand = "service_stop_command"
    case serviceRestartCommand = "service_restart_command"
    case serviceReloadCommand = "service_reload_command"
    case serviceStatusCommand = "service_status_command"
    case failoverValidationCommand = "failover_validation_command"
    case eventNotificationCommand = "event_notification_command"

    public var description: String { rawValue }
}
