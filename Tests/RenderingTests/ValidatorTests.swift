import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Rendering
import Testing

/// What the files' own programs say of them.
@Suite("Rendered files before their own programs")
struct ValidatorTests {
    /// Where a program is; nil when it is not installed.
    static func find(_ program: String) -> String? {
        ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(program)" }
            .first { access($0, X_OK) == 0 }
    }

    /// Renders everything for one of the clusters into a folder of its own.
    static func withFiles(
        of name: String, facts: RenderFacts = .example,
        _ body: (_ folder: String) async throws -> Void
    ) async throws {
        let settings = try #require(RendererTests.clusters.first { $0.name == name }).settings
        let renderer = Renderer(settings: settings, templates: Checkout.templates, facts: facts)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-valid-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var outputs = ["cluster": try renderer.renderCluster(Catalogue.all)]
        for node in settings.nodes {
            outputs[node.id.rawValue] = try renderer.render(Catalogue.all, for: node)
        }
        for (place, output) in outputs {
            let below = folder.appendingPathComponent(place)
            try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
            for file in output.files {
                let path = below.appendingPathComponent(file.name).path
                try Data(file.contents.utf8).write(to: URL(fileURLWithPath: path))
                try FileManager.default.setAttributes(
                    [.posixPermissions: file.mode], ofItemAtPath: path)
            }
        }
        try await body(folder.path)
    }

    static func run(_ command: String...) async throws -> CommandResult {
        try await LocalRunner().run(
            Command(command, timeout: .seconds(60), outputLimitBytes: 1 << 20))
    }

    static func paths(_ folder: String, named name: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { ($0 as NSString).lastPathComponent == name }.map { "\(folder)/\($0)" }
    }

    @Test(.enabled(if: find("shellcheck") != nil, "shellcheck is not installed"))
    func scriptsAreClean() async throws {
        try await Self.withFiles(of: "docker") { folder in
            for name in ["docker-run.sh", "haproxy-check.sh"] {
                let scripts = try Self.paths(folder, named: name)
                #expect(!scripts.isEmpty)
                for script in scripts {
                    let result = try await Self.run(Self.find("shellcheck") ?? "", script)
                    #expect(result.isSuccess, "\(result.output)")
                    #expect(try await Self.run("/bin/sh", "-n", script).isSuccess)
                }
            }
        }
    }

    @Test(.enabled(if: SystemdUnit.isHere, "systemd-analyze is not installed"))
    func systemdTakesUnitAndDropIn() async throws {
        try await Self.withFiles(of: "native") { folder in
            let unit = try String(
                contentsOfFile: "\(folder)/node1/postgresql.service", encoding: .utf8)
            let read = try await SystemdUnit(unit)
            // systemd names the line of what it does not understand.
            #expect(read.complaint.firstMatch(of: /tested\.service:[0-9]+: .*/)?.output == nil)
            #expect(
                read.commands.first == ["/bin/rm", "-f", "--", "/run/toolkit/shop/node1/open.conf"])

            let dropIn = try String(
                contentsOfFile: "\(folder)/node1/postgresql-dropin.conf", encoding: .utf8)
            let other = "[Service]\nExecStart=/bin/true\n"
            let both = try await SystemdUnit(other, dropIn: dropIn)
            #expect(
                both.commands == [
                    ["/bin/rm", "-f", "--", "/run/toolkit/shop/node1/open.conf"], ["/bin/true"],
                ])
            #expect(both.asserts == ["!/var/lib/toolkit/shop/node1/marker"])
        }
    }

    @Test(.enabled(if: find("visudo") != nil, "visudo is not installed"))
    func sudoTakesItsFile() async throws {
        for name in ["native", "native-18"] {
            try await Self.withFiles(of: name) { folder in
                let result = try await Self.run(
                    Self.find("visudo") ?? "", "--check", "--strict", "--file",
                    "\(folder)/cluster/sudoers")
                #expect(result.isSuccess, "\(result.output)\(result.errorOutput)")
            }
        }
    }

    @Test(.enabled(if: find("sysctl") != nil, "sysctl is not installed"))
    func theKernelHasItsSettings() async throws {
        try await Self.withFiles(of: "native") { folder in
            let result = try await Self.run(
                Self.find("sysctl") ?? "", "--dry-run", "--load=\(folder)/cluster/sysctl.conf")
            #expect(result.isSuccess, "\(result.output)\(result.errorOutput)")
            #expect(result.output.contains("vm.swappiness = 1\n"), "\(result.output)")
        }
    }

    @Test(.enabled(if: find("haproxy") != nil, "haproxy is not installed"))
    func haproxyTakesItsFile() async throws {
        try await Self.withFiles(of: "native") { folder in
            let result = try await Self.run(
                Self.find("haproxy") ?? "", "-c", "-f", "\(folder)/cluster/haproxy.cfg")
            #expect(result.isSuccess, "\(result.errorOutput)")
        }
    }

    @Test func opensshReadsKeysAndHosts() async throws {
        let keys = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: keys) }
        let made = try await Self.run(
            "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys.path + "/key")
        #expect(made.isSuccess, "\(made.errorOutput)")
        let line = try String(contentsOfFile: keys.path + "/key.pub", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        let facts = RenderFacts(
            publicKeys: [line], hostKeys: ["[10.0.0.1]:2222 \(line)"], passwordFile: "x\n")
        try await Self.withFiles(of: "native", facts: facts) { folder in
            let path = "\(folder)/cluster/authorized_keys"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains("\nrestrict,from=\"10.0.0.9\" \(line)\n"))
            let fingerprint = try await Self.run(
                "/usr/bin/ssh-keygen", "-l", "-f", keys.path + "/key.pub")
            let read = try await Self.run("/usr/bin/ssh-keygen", "-l", "-f", path)
            #expect(
                read.output.split(separator: " ")[1] == fingerprint.output.split(separator: " ")[1])
            let host = try await Self.run(
                "/usr/bin/ssh-keygen", "-F", "[10.0.0.1]:2222", "-f",
                "\(folder)/cluster/known_hosts")
            #expect(host.isSuccess)
        }
    }
}
