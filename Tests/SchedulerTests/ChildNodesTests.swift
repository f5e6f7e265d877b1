import ClusterFile
import Foundation
import Glibc
import Store
import Testing

@testable import FailoverCore
@testable import Scheduler

@Suite("Standbys of the primary")
struct ChildNodesTests {
    private static func cluster(_ change: (inout Cluster) -> Void = { _ in }) -> Cluster {
        let timeline = TimelineID(1)
        var cluster = Cluster(
            name: "shop", systemIdentifier: "1",
            members: ["a", "b", "c", "d"].map { Member(id: $0) },
            lineage: [
                LineageEntry(
                    timeline: timeline, begin: .zero, term: Term(0), node: "a",
                    history: TimelineHistory(timeline: timeline))
            ])
        cluster.elect = "a"
        change(&cluster)
        return cluster
    }

    private static func seen(_ names: String) -> NodeObservation {
        NodeObservation(
            systemIdentifier: "1", isInRecovery: false, timeline: TimelineID(1),
            history: TimelineHistory(timeline: TimelineID(1)), position: LSN(1),
            senders: names.split(separator: " ").map {
                .init(applicationName: "\($0)_0", state: "streaming", flush: nil, replyTime: nil)
            }, standbyNames: "", isReadOnly: false)
    }

    /// Who is attached at each second, and at which of them the command is due.
    struct Row: CustomTestStringConvertible {
        var says: String
        var settings: ChildNodeSettings
        var attached: [String]
        var due: [Int]
        var testDescription: String { says }
    }

    static let rows: [Row] = [
        Row(
            says: "without a number all must be lost",
            settings: ChildNodeSettings(timeoutMs: 2_000),
            attached: ["b c", "b", "b", "b", "", "", "", ""], due: [6]),
        Row(
            says: "who was never attached is not lost",
            settings: ChildNodeSettings(connectedMin: 2, timeoutMs: 0),
            attached: ["", "", "b", "b"], due: []),
        Row(
            says: "fewer than two are left",
            settings: ChildNodeSettings(connectedMin: 2, disconnectedMin: 9, timeoutMs: 1_000),
            attached: ["b c d", "b c", "b c", "b", "b"], due: [4]),
        Row(
            says: "two are lost",
            settings: ChildNodeSettings(disconnectedMin: 2, timeoutMs: 0),
            attached: ["b c d", "b c", "b", "b", ""], due: [2]),
        Row(
            says: "a loss begins the time anew",
            settings: ChildNodeSettings(disconnectedMin: 1, timeoutMs: 2_000),
            attached: ["b c d", "b c", "b c", "b", "b", "b", "b"], due: [5]),
        Row(
            says: "again only when enough were back",
            settings: ChildNodeSettings(connectedMin: 2, timeoutMs: 0),
            attached: ["b c d", "b", "", "b", "b c", "c", "c"], due: [1, 5]),
        Row(
            says: "back in time",
            settings: ChildNodeSettings(timeoutMs: 2_000),
            attached: ["b", "", "b", "", "b"], due: []),
    ]

    @Test(arguments: rows)
    func tellsWhenTheyAreLost(_ row: Row) {
        var children = ChildNodes(row.settings)
        var due: [Int] = []
        for (second, names) in row.attached.enumerated() {
            let changes = children.absorb(
                Self.seen(names), of: Self.cluster(), named: ["a", "b", "c", "d"],
                at: Instant(monotonicMs: Int64(second) * 1_000, wallMs: 0))
            if changes.contains(where: { if case .lost = $0 { true } else { false } }) {
                due.append(second)
            }
        }
        #expect(due == row.due)
    }

    @Test func whoIsTakenAwayOnPurposeIsNotMissed() {
        var children = ChildNodes(ChildNodeSettings(disconnectedMin: 1, timeoutMs: 0))
        func look(_ names: String, _ cluster: Cluster, named: Set<NodeID>) -> [ChildNodes.Change] {
            children.absorb(
                Self.seen(names), of: cluster, named: named, at: Instant(monotonicMs: 1, wallMs: 0))
        }
        let all: Set<NodeID> = ["a", "b", "c", "d"]
        #expect(
            look("b c d", Self.cluster(), named: all)
                == [.connected("b"), .connected("c"), .connected("d")])
        let serviced = Self.cluster {
            $0["b"]?.maintenance = Member.Maintenance(untilWallMs: nil, isEntered: false)
        }
        #expect(look("c d", serviced, named: all) == [])
        #expect(look("d", serviced, named: ["a", "b", "d"]) == [])
        // Another term: whoever is not attached yet was never lost.
        let next = Self.cluster { $0.term = Term(2) }
        #expect(look("", next, named: all) == [])
        #expect(look("c", next, named: all) == [.connected("c")])
        #expect(
            look("", next, named: all)
                == [.disconnected("c"), .lost("0 of 1 standbys are attached, 1 are lost")])
    }
}

@Suite("child_nodes_disconnect_command", .serialized)
struct ChildNodesCommandTests {
    /// As it stands in a repmgr.conf; it stops the primary when it is told to.
    private static let yaml = """
        child_nodes_disconnect_timeout: 1s
        hooks:
          child_nodes_disconnect_command: >-
            echo %p >>"$TOOLKIT_STATE_DIR/told"; [ ! -e "$TOOLKIT_STATE_DIR/stop" ] ||
            /usr/lib/postgresql/15/bin/pg_ctl stop -D "$PGDATA" -m fast
        """

    @Test(.timeLimit(.minutes(4)))
    func runsOnceWheneverThePrimaryHasLostItsStandbys() async throws {
        try await TestCluster.with(3, yaml: Self.yaml) { nodes in
            try await nodes.withScheduler { scheduler, store in
                let state = nodes.node("node1").stateDirectory
                func told() -> String {
                    (try? String(contentsOfFile: state + "/told", encoding: .utf8)) ?? ""
                }
                try await nodes.lose("node2")
                try await wait(
                    "node2 is lost", within: .seconds(20), store, "child_node_disconnect", 1)
                try await nodes.lose("node3")
                try await wait(
                    "it is told", within: .seconds(20), store, "child_nodes_disconnect_command", 1)
                #expect(told() == "node1\n")

                try await nodes.find("node3")
                try await wait(
                    "node3 is back", within: .seconds(60), store, "child_node_reconnect", 1)
                #expect(told() == "node1\n")
                try await nodes.sh("touch", state + "/stop")
                let primary = nodes.postmaster("node1")
                try await nodes.lose("node3")
                try await wait(
                    "it is told again", within: .seconds(20), store,
                    "child_nodes_disconnect_command", 2)
                #expect(told() == "node1\nnode1\n")
                #expect(primary != nil && nodes.postmaster("node1") == nil)
            }
        }
    }

    /// Until so many events of this name are in the store.
    private func wait(
        _ what: String, within timeout: Duration, _ store: MemoryStore, _ name: String, _ count: Int
    ) async throws {
        let deadline = ContinuousClock.now + timeout
        while await store.story.count(where: { $0.name == name }) < count {
            guard ContinuousClock.now < deadline else {
                throw TestClusterError("\(what): not in time")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

extension TestCluster {
    /// Its data directory goes away, as a lost mount does, and its server with it: nobody clones it.
    fileprivate func lose(_ id: NodeID) async throws {
        let directory = node(id).dataDirectory
        let server = try #require(postmaster(id))
        try await sh("mv", directory, directory + ".lost")
        kill(server, SIGQUIT)
    }

    fileprivate func find(_ id: NodeID) async throws {
        let directory = node(id).dataDirectory
        try await sh("mv", directory + ".lost", directory)
    }
}
