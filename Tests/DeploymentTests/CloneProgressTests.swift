import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import Deployment
@testable import ToolkitTesting

@Suite("How far a clone is")
struct CloneProgressTests {
    @Test(arguments: [
        (0, 0, "[                    ]   0 % of 0 B"),
        (5 << 30, 12 << 30, "[########            ]  41 % of 12 GB"),
        (12_000_000, 12_000_000, "[####################] 100 % of 11 MB"),
        (13_000_000, 12_000_000, "[####################] 100 % of 11 MB"),
        (3 << 40, 40 << 40, "[#                   ]   7 % of 40 TB"),
    ])
    func isDrawn(_ sent: Int64, _ total: Int64, _ bar: String) {
        #expect(CloneProgress(sentBytes: sent, totalBytes: total).bar == bar)
    }

    /// A base backup that takes minutes at this rate, and is ended when it was seen.
    @Test(.timeLimit(.minutes(1)))
    func isAskedOfThePrimary() async throws {
        try await ThrowawayPostgres.with { server in
            var settings = try ClusterFile.parse(
                "cluster: shop\nexecution: local\nlab: true\nnodes:\n"
                    + "  - { name: node1, host: 127.0.0.1, data_dir: /d }\n", baseDirectory: "/tmp"
            ).settings
            settings.postgresql.binDirectory = ThrowawayPostgres.binDirectory
            settings.nodes[0].port = server.port
            settings.nodes[0].socketDirectory = server.socketDirectory
            let deployment = Deployment(
                settings: settings, share: ShareFolder(path: "/nonexistent")
            ) { _ in ServerUserRunner() }
            let node = settings.nodes[0]
            #expect(await deployment.cloneProgress(on: node) == nil)

            let backup = Task {
                try await ServerUserRunner().run(
                    Command(
                        [
                            ThrowawayPostgres.binDirectory + "/pg_basebackup", "--max-rate=64k",
                            "--checkpoint=fast", "--wal-method=none", "--format=tar", "--progress",
                            "--pgdata=-", "--host=\(server.socketDirectory)",
                            "--port=\(server.port)",
                            "--username=postgres",
                        ], timeout: .seconds(50)))
            }
            var seen: CloneProgress?
            let deadline = ContinuousClock.now + .seconds(30)
            while seen?.sentBytes ?? 0 == 0, ContinuousClock.now < deadline {
                seen = await deployment.cloneProgress(on: node)
                try await Task.sleep(for: .milliseconds(50))
            }
            backup.cancel()
            _ = try? await backup.value
            let progress = try #require(seen)
            #expect(progress.sentBytes > 0 && progress.sentBytes < progress.totalBytes)
        }
    }
}
