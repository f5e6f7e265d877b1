import FailoverCore
import Scheduler
import Store

/// Follows the scheduler, tells what happens line by line, and remembers it.
actor DemoWatch {
    private var events: [EventRecord] = []
    private var lastStates = ""
    private let start = ContinuousClock.now
    private let tell: @Sendable (String) -> Void

    init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

    /// Where the story stands; for `rewoundFrom(_:since:)`.
    var position: Int { events.count }

    func follow(_ updates: AsyncStream<SchedulerUpdate>) async {
        for await update in updates { take(update) }
    }

    /// The end of a node's old WAL, when a rewind took place since `mark`.
    func rewoundFrom(_ node: NodeID, since mark: Int) -> String? {
        let prefix = "rewound from "
        return events[mark...].last { $0.node == node && $0.because.hasPrefix(prefix) }
            .map { String($0.because.dropFirst(prefix.count)) }
    }

    private func take(_ update: SchedulerUpdate) {
        for event in update.events {
            events.append(event)
            tell("\(elapsed)  \(line(event))")
        }
        let states = update.view.nodes.map { node in
            let reported =
                node.unreachable.map { "(\($0.rawValue))" } ?? node.reported?.rawValue ?? "?"
            return reported == node.assigned.rawValue
                ? "\(node.id) \(reported)" : "\(node.id) \(reported) → \(node.assigned.rawValue)"
        }.joined(separator: "   ")
        if states != lastStates {
            lastStates = states
            tell("\(elapsed)      \(states)")
        }
    }

    private func line(_ event: EventRecord) -> String {
        let duration = event.durationMs.map { "  (\($0) ms)" } ?? ""
        let because = event.because.isEmpty ? "" : "  \(event.because)"
        return "\(event.summary)\(duration)\(because)"
    }

    private var elapsed: String {
        let ms = (ContinuousClock.now - start).wholeMilliseconds
        let text = "\(ms / 1_000).\(String(ms % 1_000 + 1_000).dropFirst())"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
