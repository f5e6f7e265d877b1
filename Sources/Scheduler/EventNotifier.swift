import ClusterFile
import FailoverCore
import Hooks
import Logging
import Store

/// Runs `event_notification_command` for each event, one after another, beside everything else: a
/// slow or failing command holds nothing up.
struct EventNotifier: Sendable {
    /// More than this are waiting: the oldest are dropped, and the log says so.
    private static let waitingMax = 1_000

    private let settings: ClusterSettings
    private let hooks: HookRunner
    private let logger: Logger
    private let calls: AsyncStream<HookCall>
    private let post: AsyncStream<HookCall>.Continuation

    /// Nil: there is neither a command nor a drop-in.
    init?(_ settings: ClusterSettings, _ hooks: HookRunner, _ logger: Logger) {
        guard hooks.runsAnything(.eventNotificationCommand) else { return nil }
        self.settings = settings
        self.hooks = hooks
        self.logger = logger
        (calls, post) = AsyncStream.makeStream(
            of: HookCall.self, bufferingPolicy: .bufferingNewest(Self.waitingMax))
    }

    func notify(_ event: EventRecord, _ cluster: Cluster) {
        let wanted = settings.hooks.eventNotifications
        guard wanted.isEmpty || wanted.contains(event.name),
            let node = settings.node(event.node ?? cluster.lastPrimary)
        else { return }
        let call = HookCall(
            .eventNotificationCommand, on: node, term: event.term.number,
            step: event.revision.number, primary: cluster.elect.flatMap(settings.node),
            timeline: cluster.tip.timeline.number, reason: event.because,
            extra: [
                "TOOLKIT_EVENT": event.name,
                "TOOLKIT_SUCCESS": event.outcome == nil || event.outcome == "done" ? "1" : "0",
                "TOOLKIT_TIMESTAMP": String(event.wallMs / 1_000),
                "TOOLKIT_DETAILS": event.because.isEmpty
                    ? event.summary : "\(event.summary): \(event.because)",
            ])
        if case .dropped = post.yield(call) {
            logger.warning("event_notification_command is too slow: an event was dropped")
        }
    }

    /// Until the task is cancelled.
    func run() async {
        for await call in calls {
            switch await hooks.run(call) {
            case .done, .skipped: break
            case let outcome: logger.warning("event_notification_command: \(outcome)")
            }
        }
    }
}

extension EventRecord {
    /// What `event_notifications` filters by: the rule, the effect's action, what was seen, or the
    /// kind.
    var name: String {
        if let rule { return rule.rawValue }
        if kind == .observation { return String(summary.prefix { $0 != ":" }) }
        return effect.flatMap { $0.split(separator: ".").last.map(String.init) } ?? kind.rawValue
    }
}
