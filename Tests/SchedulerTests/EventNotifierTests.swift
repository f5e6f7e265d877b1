import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks
import Logging
import Store
import Testing
import ToolkitTesting

@testable import Scheduler

@Suite("event_notification_command")
struct EventNotifierTests {
    /// Events are told in order, the filter is kept, hostile words stay one argument.
    @Test func tellsTheWantedEventsInOrder() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "toolkit-notify-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let told = folder + "/told"
        try "printf '%s|' \"$@\" >>\(told)\necho >>\(told)\n".write(
            toFile: folder + "/notify.sh", atomically: true, encoding: .utf8)
        let settings = try ClusterFile.parse(
            """
            cluster: test
            lab: true
            execution: local
            postgresql: { version: 15, authentication: trust }
            nodes:
              - { name: node1, host: 127.0.0.1, port: 2, data_dir: /tmp/none/1 }
              - { name: node2, host: 127.0.0.1, port: 3, data_dir: /tmp/none/2 }
            hooks: { event_notification_command: "sh \(folder)/notify.sh %e %s %a %d" }
            event_notifications: [ suspect.begin, open ]
            """, baseDirectory: folder
        ).settings
        let local = LocalRunner()
        let hooks = HookRunner(
            settings: settings, sharedHooks: folder, runner: { _ in local }, local: local)
        let notifier = try #require(EventNotifier(settings, hooks, Logger(label: "test")))
        let consumer = Task { await notifier.run() }
        defer { consumer.cancel() }

        let hostile = "it's $(id); \"gone\" %n"
        notifier.notify(event(rule: "suspect.begin", because: hostile), LoopTests.cluster())
        notifier.notify(event(rule: "suspect.hold", because: "unwanted"), LoopTests.cluster())
        notifier.notify(
            event(effect: "1.2.node2.open", node: "node2", outcome: "failed"), LoopTests.cluster())

        var lines: [String] = []
        try await until("both are told") {
            let text = (try? String(contentsOfFile: told, encoding: .utf8)) ?? ""
            lines = text.split(separator: "\n").map(String.init)
            return lines.count >= 2
        }
        #expect(
            lines == [
                "suspect.begin|1|node1|something: \(hostile)|", "open|0|node2|something|",
            ])
    }

    @Test func isSilentWithoutACommand() throws {
        let settings = try LoopTests.settings()
        let local = LocalRunner()
        let hooks = HookRunner(
            settings: settings, sharedHooks: "/tmp", runner: { _ in local }, local: local)
        #expect(EventNotifier(settings, hooks, Logger(label: "test")) == nil)
    }

    private func event(
        rule: RuleID? = nil, effect: String? = nil, node: NodeID? = nil, because: String = "",
        outcome: String? = nil
    ) -> EventRecord {
        EventRecord(
            wallMs: 1, revision: Revision(1), term: Term(1),
            kind: rule == nil ? .effect : .decision, rule: rule, node: node,
            summary: "something", because: because, effect: effect, outcome: outcome)
    }
}
