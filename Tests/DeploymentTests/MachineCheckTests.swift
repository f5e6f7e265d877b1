import ClusterFile
import Testing

@testable import Deployment

@Suite("What a machine is too small or too old for")
struct MachineCheckTests {
    @Test(arguments: [
        ("5.4.0-150-generic", 15, "", true), ("5.7.19", 14, "", true),
        ("4.19.0-26-amd64", 18, "", true), ("5.8.0", 15, "", false),
        ("6.1.0-18-amd64", 15, "", false), ("unknown", 15, "", false), ("5.4.0", 13, "", false),
        ("5.4.0", 15, "fsync", false),
    ])
    func isToldOf(_ release: String, _ version: Int, _ method: String, _ isTold: Bool) throws {
        let parameters =
            method.isEmpty ? "" : ", parameters: { recovery_init_sync_method: \(method) }"
        let settings = "postgresql: { version: \(version)\(parameters) }\n"
        let checks = try checks(settings, "kernel=\(release)")
        #expect((checks.kernel?.status == .warning) == isTold)
        #expect((checks.kernel == nil) != isTold)
    }

    /// 8 GB of disk with 6 GB free, in blocks of 4 kB.
    @Test(arguments: [
        ("", "could fill the disk: max_slot_wal_keep_size is 10240 MB, and 6000 MB are free"),
        ("machine: { disk: 8000MB }\n", nil),
        ("machine: { disk: 30GB }\n", "max_slot_wal_keep_size is 7680 MB, and 6000 MB are free"),
        ("postgresql: { parameters: { max_slot_wal_keep_size: 2GB } }\n", nil),
    ])
    func anAbsentStandbysWALHasToFit(_ text: String, _ says: String?) throws {
        let found = try checks(text, "data.space=1536000 2048000 4096 ext2/ext3").standbyWAL
        #expect(found?.status == (says == nil ? nil : .warning))
        if let says { #expect(found?.found.contains(says) == true, "\(found?.found ?? "")") }
    }

    @Test(arguments: [
        ("", "write `machine: { memory: 2000MB, cores: 2, disk: 8000MB }`", false),
        ("machine: { disk: 9000MB }\n", "cluster.yaml says 9000MB of disk", true),
        ("machine: { cores: 3 }\n", "cluster.yaml says 3 cores", true),
        ("machine: { memory: 3GB }\n", "cluster.yaml says 3072MB of memory", true),
        ("machine: { memory: 1GB, cores: 2, disk: 8000MB }\n", "8000MB of disk for data", false),
    ])
    func aMachineIsComparedWithWhatIsSaidOfIt(
        _ text: String, _ says: String, _ isWarned: Bool
    ) throws {
        let facts = "data.space=1536000 2048000 4096 xfs\nmemory=2048000\ncores=2"
        let found = try #require(try checks(text, facts).machine)
        #expect((found.status == .warning) == isWarned)
        #expect(found.found.contains(says), "\(found.found)")
    }

    private func checks(_ text: String, _ facts: String) throws -> NodeChecks {
        let settings = try ClusterFile.parse(
            "cluster: shop\n\(text)nodes:\n  - { name: node1, host: 10.0.0.1 }\n",
            baseDirectory: "/tmp"
        ).settings
        return NodeChecks(
            settings: settings, node: settings.nodes[0],
            survey: try #require(Survey(output: facts + "\nend=yes\n", clock: 0)),
            systemIdentifier: nil, adopting: nil)
    }
}
