import ClusterFile
import FailoverCore
import Foundation

/// `toolkit state`: the view with what `cluster.yaml` says of each node's address.
struct StateReport: Encodable {
    var view: ClusterView
    /// By node, `10.0.0.1:5432`.
    var addresses: [String: String]
    var hasScheduler: Bool

    init(_ view: ClusterView, _ settings: ClusterSettings, hasScheduler: Bool = true) {
        self.view = view
        self.hasScheduler = hasScheduler
        addresses = Dictionary(
            uniqueKeysWithValues: settings.nodes.map { node in
                let host = node.host.contains(":") ? "[\(node.host)]" : node.host
                return (node.id.rawValue, "\(host):\(node.port)")
            })
    }

    enum CodingKeys: String, CodingKey {
        case view = "cluster"
        case addresses
        case hasScheduler = "scheduler_running"
        case isHealthy = "healthy"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(view, forKey: .view)
        try container.encode(addresses, forKey: .addresses)
        try container.encode(hasScheduler, forKey: .hasScheduler)
        try container.encode(isHealthy, forKey: .isHealthy)
    }

    var isHealthy: Bool { hasScheduler && view.isHealthy }

    func text(isColoured: Bool) -> String {
        var lines: [String] = []
        if !hasScheduler {
            lines.append(
                "The scheduler is not running: this is what was stored last. Start it with "
                    + "`toolkit run`.")
        }
        lines.append(
            "\(view.name): \(view.phase.rawValue), term \(view.term), timeline \(view.timeline), "
                + "primary \(view.primary?.rawValue ?? "none"), quorum \(quorum)")
        lines.append(table.text(isColoured: isColoured))
        if hasScheduler, !view.waitingFor.isEmpty {
            lines.append("waiting for: \(view.waitingFor.onOneLine)")
        }
        if hasScheduler { lines += view.alarms.map { "alarm: \($0.onOneLine)" } }
        return lines.joined(separator: "\n")
    }

    /// `ANY 1 (node2, node3)`; two while it changes.
    private var quorum: String {
        view.configs.map { config in
            config.voters.isEmpty
                ? "none"
                : "ANY \(config.required) (\(config.voters.map(\.rawValue).sorted().joined(separator: ", ")))"
        }.joined(separator: " → ")
    }

    private var table: Table {
        var table = Table(
            [
                "NODE", "ADDRESS", "ASSIGNED", "REPORTED", "TIMELINE", "LSN", "LAG", "SEEN", "WORK",
            ], rightAligned: [4, 6, 7])
        for node in view.nodes {
            table.add([
                .init(node.id.rawValue), .init(addresses[node.id.rawValue] ?? "-"),
                .init(node.assigned.rawValue), reported(node),
                .init(node.timeline?.description ?? "-"), .init(node.position?.description ?? "-"),
                .init(Self.lag(node.lagBytes)), .init(Self.age(node.seenAgoMs)),
                .init(node.work ?? Self.maintenance(node) ?? ""),
            ])
        }
        return table
    }

    private func reported(_ node: ClusterView.Node) -> Table.Cell {
        if let reason = node.unreachable { return .init(reason.rawValue, .red) }
        guard let reported = node.reported else { return .init("-", .yellow) }
        return .init(reported.rawValue, reported == node.assigned ? .green : .yellow)
    }

    private static func maintenance(_ node: ClusterView.Node) -> String? {
        node.maintenance.map { maintenance in
            let span = maintenance.untilWallMs.map { until in
                "until " + Date(timeIntervalSince1970: Double(until) / 1_000).formatted(.iso8601)
            }
            return ["in maintenance", span].compactMap(\.self).joined(separator: " ")
        }
    }

    static func lag(_ bytes: UInt64?) -> String {
        guard let bytes else { return "-" }
        let units = ["B", "kB", "MB", "GB"]
        var value = bytes
        var unit = 0
        while value >= 10_240, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        return "\(value) \(units[unit])"
    }

    static func age(_ milliseconds: Int64?) -> String {
        guard let milliseconds else { return "-" }
        if milliseconds < 10_000 { return "\(milliseconds) ms" }
        let seconds = milliseconds / 1_000
        return seconds < 600 ? "\(seconds) s" : "\(seconds / 60) min"
    }
}
