import Foundation

@testable import ToolkitTesting

/// A cluster on fresh machines, as its user describes it.
struct FreshCluster {
    static let major = ThrowawayPostgres.binDirectory.split(separator: "/").dropLast().last ?? "15"
    static let data = "/var/lib/postgresql/\(major)/fresh"

    let machines: FreshMachines
    private var file: String { "\(machines.folder)/cluster.yaml" }

    init(
        _ machines: FreshMachines, owner: String = "postgres",
        socket: String = "/var/run/postgresql", data: String = Self.data, service: String? = nil
    ) throws {
        self.machines = machines
        let folder = machines.folder
        let unit = service.map { ", service: \($0)" } ?? ""
        let nodes = (1...3).map {
            "  - { name: node\($0), host: 10.9.0.\($0), socket_dir: \(socket), "
                + "data_dir: \(data)\(unit) }\n"
        }.joined()
        try """
        cluster: fresh
        postgresql:
          version: \(Self.major)
          parameters: { shared_buffers: 16MB }
        scheduler: { address: 10.9.0.100, directory: \(folder)/sched }
        ssh: { user: \(owner), identity_file: \(folder)/id, known_hosts: \(folder)/known_hosts }
        nodes:
        \(nodes)
        """.write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Beside the tests.
    private static let program: String = {
        let here = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: here ?? "").deletingLastPathComponent().path + "/toolkit"
    }()

    func toolkit(_ arguments: String...) async throws -> FreshMachines.Ending {
        try await toolkit(arguments)
    }

    func toolkit(_ arguments: [String]) async throws -> FreshMachines.Ending {
        try await machines.onScheduler([Self.program] + arguments + ["-c", file])
    }

    /// Everything that was changed or added on each machine since it was made: the layer above its
    /// tree holds nothing else. Without what a login leaves.
    func files() async throws -> [Set<String>] {
        var found: [Set<String>] = []
        for number in 1...3 {
            let runtime = try await machines.ssh(number, "find /run -mindepth 1 -maxdepth 3")
            let upper = "\(machines.folder)/vm\(number)/upper"
            let all = FileManager.default.enumerator(atPath: upper)?.compactMap { $0 as? String }
            let changed = (all ?? []).map { "/" + $0 }.filter { path in
                // A folder of the tree is there for what was changed below it.
                var isFolder: ObjCBool = false
                let isThere = FileManager.default.fileExists(
                    atPath: machines.tree + path, isDirectory: &isFolder)
                return !(isThere && isFolder.boolValue)
            }
            let running = runtime.output.split(separator: "\n").map(String.init)
            found.append(Set(changed + running).filter { !Self.isOfALogin($0) })
        }
        return found
    }

    private static func isOfALogin(_ path: String) -> Bool {
        ["/root/", "/run/motd", "/etc/fresh/", "/var/log/"].contains { path.hasPrefix($0) }
    }

    /// What a package or an account leaves.
    static func isOfPackages(_ path: String) -> Bool {
        let folders = [
            "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid",
            "/etc/subgid", "/etc/.pwd.lock", "/var/lib/systemd", "/run/postgresql",
            "/var/cache", "/var/mail", "/var/spool",
        ]
        return folders.contains { path == $0 || path.hasPrefix("\($0)/") || path == "\($0)-" }
    }
}
