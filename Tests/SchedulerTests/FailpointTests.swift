import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

/// `toolkit run` dies as by kill -9 at one place after the other of a failover, is started again
/// as a supervisor does, and brings the failover to its end.
@Suite("A scheduler that dies", .serialized)
struct FailpointTests {
    static let program = TestCluster.share.path + "/.build/debug/toolkit"

    static let places = [
        "after-store:suspect.confirmed", "before-effect:seal", "after-effect:seal",
        "after-store:sealing.promote", "after-effect:promote", "after-store:promotion.open",
        "before-effect:open", "after-effect:open",
    ]

    @Test(.timeLimit(.minutes(6)), .enabled(if: access(program, X_OK) == 0, "no toolkit is built"))
    func theNextOneGoesOn() async throws {
        try await TestCluster.with(3) { nodes in
            let paths = SchedulerPaths(nodes.settings)
            try await nodes.withScheduler { scheduler, store in
                await scheduler.stop()
                let cluster = try #require(try await store.load())
                let file = try await SQLiteStore(path: paths.store)
                try await file.save(cluster, events: [], after: nil)
            }
            try install(nodes)
            let client = SchedulerClient(nodes.settings)
            for place in Self.places {
                let once = nodes.root + "/" + place.replacing(":", with: "-")
                let supervisor = Task { await supervise(nodes, place, once) }
                defer { supervisor.cancel() }
                try await poll(within: .seconds(60)) {
                    (try? await client.state().isHealthy) == true
                }
                let primary = try #require(try await client.state().primary)
                kill(try #require(nodes.postmaster(primary)), SIGKILL)
                try await poll(within: .seconds(60)) {
                    guard let view = try? await client.state() else { return false }
                    return view.isHealthy && view.primary != primary
                }
                #expect(access(once, F_OK) == 0, "\(place) was not reached")
                supervisor.cancel()
                await supervisor.value
            }
        }
    }

    /// The program and what it ships with, where the server's user can read them.
    private func install(_ nodes: TestCluster) throws {
        let files = FileManager.default
        try files.copyItem(atPath: Self.program, toPath: nodes.root + "/toolkit")
        try files.createDirectory(
            atPath: nodes.root + "/share", withIntermediateDirectories: true)
        for folder in ["hooks", "templates"] {
            try files.copyItem(
                atPath: TestCluster.share.path + "/" + folder,
                toPath: nodes.root + "/share/" + folder)
        }
        for file in try files.contentsOfDirectory(atPath: nodes.root)
        where file.hasPrefix("test.sqlite") {
            try ServerUserRunner.own(nodes.root + "/" + file)
        }
    }

    private func supervise(_ nodes: TestCluster, _ place: String, _ once: String) async {
        while !Task.isCancelled {
            let result = try? await nodes.runner.run(
                Command(
                    [nodes.root + "/toolkit", "run", "--config", nodes.root + "/cluster.yaml"],
                    environment: [
                        "TOOLKIT_SHARE": nodes.root + "/share", "TOOLKIT_FAILPOINT": place,
                        "TOOLKIT_FAILPOINT_ONCE": once,
                    ], timeout: .seconds(300)))
            print("\(place): the scheduler ended: \(result?.ending as Any)")
            if let result, result.ending != .signaled("KILL") {
                print(result.errorOutput.suffix(2000))
            }
        }
    }
}
