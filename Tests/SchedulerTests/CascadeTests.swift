import FailoverCore
import Foundation
import Glibc
import Scheduler
import Testing
import ToolkitTesting

@Suite("Cascaded standbys", .serialized)
struct CascadeTests {
    @Test(.timeLimit(.minutes(3)))
    func followsItsUpstreamAndThePrimaryWhileThatIsAway() async throws {
        try await TestCluster.with(3, extras: [3: "upstream: node2"]) { nodes in
            try await nodes.withScheduler { scheduler, _ in
                try await until("node3 streams from node2", within: .seconds(30)) {
                    try await nodes.follower(of: "node2")
                }
                #expect(try await !nodes.follower(of: "node1"))
                #expect(
                    await scheduler.view.configs.allSatisfy { $0.voters == ["node2"] },
                    "it is never counted")
                let frozen = nodes.tree("node2")
                #expect(frozen.count > 3)
                for pid in frozen { kill(pid, SIGSTOP) }
                defer { for pid in frozen { kill(pid, SIGCONT) } }
                try await until("node3 streams from node1", within: .seconds(40)) {
                    try await nodes.follower(of: "node1")
                }
                for pid in frozen { kill(pid, SIGCONT) }
                try await until("node3 streams from node2", within: .seconds(40)) {
                    try await nodes.follower(of: "node2")
                }
                try await wait("all is as before", within: .seconds(60), scheduler) {
                    $0.isHealthy
                }
                try await until("nobody uses its slot on the primary", within: .seconds(20)) {
                    try await nodes.value(
                        "SELECT string_agg(slot_name, ',') FROM pg_replication_slots",
                        on: "node1") == "toolkit_node2"
                }
            }
        }
    }
}

extension TestCluster {
    /// Whether node3 streams from this node.
    fileprivate func follower(of id: NodeID) async throws -> Bool {
        try await value(
            "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                + " AND application_name LIKE 'node3_%'", on: id) == "1"
    }

    /// A node's postmaster and its children.
    fileprivate func tree(_ id: NodeID) -> [Int32] {
        guard let postmaster = postmaster(id),
            let children = try? String(
                contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children",
                encoding: .utf8)
        else { return [] }
        return [postmaster] + children.split(separator: " ").compactMap { Int32($0) }
    }
}
