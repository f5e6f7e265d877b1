import ClusterFile
import Testing

@testable import Deployment

@Suite("A kernel that hides lost writes")
struct KernelTests {
    @Test(arguments: [
        ("5.4.0-150-generic", 15, "", true), ("5.7.19", 14, "", true),
        ("4.19.0-26-amd64", 18, "", true), ("5.8.0", 15, "", false),
        ("6.1.0-18-amd64", 15, "", false), ("unknown", 15, "", false), ("5.4.0", 13, "", false),
        ("5.4.0", 15, "fsync", false),
    ])
    func isToldOf(_ release: String, _ version: Int, _ method: String, _ isTold: Bool) throws {
        let parameters =
            method.isEmpty ? "" : ", parameters: { recovery_init_sync_method: \(method) }"
        let settings = try ClusterFile.parse(
            "cluster: shop\npostgresql: { version: \(version)\(parameters) }\n"
                + "nodes:\n  - { name: node1, host: 10.0.0.1 }\n", baseDirectory: "/tmp"
        ).settings
        let survey = try #require(Survey(output: "kernel=\(release)\nend=yes\n", clock: 0))
        let checks = NodeChecks(
            settings: settings, node: settings.nodes[0], survey: survey, systemIdentifier: nil,
            adopting: nil)
        #expect((checks.kernel?.status == .warning) == isTold)
        #expect((checks.kernel == nil) != isTold)
    }
}
