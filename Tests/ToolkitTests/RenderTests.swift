import Execution
import Foundation
import Testing

@testable import Toolkit

@Suite("toolkit render")
struct RenderTests {
    static let yaml = """
        cluster: market
        nodes:
          - { name: node1, host: 10.0.0.1 }
          - { name: node2, host: 10.0.0.2, runtime: docker }

        """

    private func withCluster(_ body: (String) async throws -> Void) async throws {
        try await ToolkitProgram.inFolder { folder in
            try Self.yaml.write(
                toFile: "\(folder)/cluster.yaml", atomically: true, encoding: .utf8)
            try await body(folder)
        }
    }

    @Test func oneFileOnStandardOutput() async throws {
        try await withCluster { folder in
            let dsn = try await ToolkitProgram.run(
                "render", "--only", "dsn.txt", "--stdout", in: folder)
            #expect(dsn.status == 0)
            #expect(
                dsn.output.contains("\nhost=10.0.0.1,10.0.0.2 port=5432,5432 target_session_attrs"))
            #expect(!dsn.output.contains("==>"))

            let both = try await ToolkitProgram.run(
                "render", "--only", "pg_ident.conf", "--only", "postgresql.service", "--stdout",
                in: folder)
            let names = both.output.split(separator: "\n").filter { $0.hasPrefix("==> ") }
            #expect(
                names == [
                    "==> node1/pg_ident.conf", "==> node1/postgresql.service",
                    "==> node2/pg_ident.conf",
                ])
        }
    }

    @Test func checkAndVariables() async throws {
        try await withCluster { folder in
            let check = try await ToolkitProgram.run("render", "--check", in: folder)
            #expect(check.status == 0)
            #expect(check.output.contains("files of market can be rendered; nothing was written"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["cluster.yaml"])

            let variables = try await ToolkitProgram.run(
                "render", "--list-variables", "--node", "node2", in: folder)
            #expect(variables.status == 0)
            let rows = variables.output.split(separator: "\n").map {
                $0.split(separator: " ").prefix(3).joined(separator: " ")
            }
            #expect(rows.contains("docker.image postgres:15 As"))
            #expect(rows.contains("node.port 5432 As"))
        }
    }

    @Test func aBrokenTemplateOfTheClusterIsNamed() async throws {
        try await withCluster { folder in
            let templates = folder + "/templates"
            try FileManager.default.createDirectory(
                atPath: templates, withIntermediateDirectories: true)
            try "x\n{{ nobody }}\n".write(
                toFile: templates + "/sudoers.tmpl", atomically: true, encoding: .utf8)
            let ended = try await ToolkitProgram.run("render", "--check", in: folder)
            #expect(ended.status == 1)
            #expect(ended.complaint.contains("templates/sudoers.tmpl:2:1: 'nobody' is undefined"))
        }
    }

    @Test func everyClusterOfAFolder() async throws {
        try await withCluster { folder in
            let clusters = folder + "/clusters"
            try FileManager.default.createDirectory(
                atPath: clusters, withIntermediateDirectories: true)
            for name in ["market", "shop"] {
                try Self.yaml.replacing("market", with: name).write(
                    toFile: "\(clusters)/\(name).yaml", atomically: true, encoding: .utf8)
            }
            let ended = try await ToolkitProgram.run(
                "render", "--config", "clusters", "--output", "out", in: folder)
            #expect(ended.status == 0, "\(ended.complaint)")
            #expect(FileManager.default.fileExists(atPath: "\(folder)/out/shop/node1/node.conf"))
            #expect(FileManager.default.fileExists(atPath: "\(folder)/out/market/dsn.txt"))
            let script =
                try FileManager.default.attributesOfItem(
                    atPath: "\(folder)/out/shop/node2/docker-run.sh")[.posixPermissions] as? Int
            #expect(script == 0o755)
        }
    }

    private static let many = (10..<30).map { "c\($0)" }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        try await ToolkitProgram.inFolder { folder in
            let templates = folder + "/clusters/templates"
            try FileManager.default.createDirectory(
                atPath: templates, withIntermediateDirectories: true)
            try "{{ ssh.from | word }}\n".write(
                toFile: templates + "/sudoers.tmpl", atomically: true, encoding: .utf8)
            for name in Self.many {
                let text = Self.yaml + "scheduler: { address: 10.0.0.9 }\n"
                try text.replacing("market", with: name).write(
                    toFile: "\(folder)/clusters/\(name).yaml", atomically: true, encoding: .utf8)
            }
            try await body(folder)
        }
    }

    @Test("Clusters are rendered all at once, and told in their order")
    func order() async throws {
        try await withFolder { folder in
            let ended = try await ToolkitProgram.run(
                "render", "--config", "clusters", "--output", "out", in: folder)
            #expect(ended.status == 0, "\(ended.complaint)")
            let paths = ended.output.split(separator: "\n").map(String.init)
            var places: [String] = []
            for path in paths {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(path)"), "\(path)")
                let place = path.split(separator: "/").dropFirst().dropLast()
                    .joined(separator: "/")
                if places.last != place { places.append(place) }
            }
            #expect(places == Self.many.flatMap { ["\($0)/node1", "\($0)/node2", $0] })

            try FileManager.default.removeItem(atPath: "\(folder)/out")
            try Data().write(to: URL(filePath: "\(folder)/out"))
            let blocked = try await ToolkitProgram.run(
                "render", "--config", "clusters", "--output", "out", in: folder)
            #expect(blocked.status == 1 && blocked.output.isEmpty)
            #expect(blocked.complaint.contains("cannot make the folder out/c10/node1"))
        }
    }

    @Test("When one of many clusters can't be rendered, nothing is written")
    func oneIsBroken() async throws {
        try await withFolder { folder in
            try Self.yaml.replacing("market", with: "c17").write(
                toFile: "\(folder)/clusters/c17.yaml", atomically: true, encoding: .utf8)
            let ended = try await ToolkitProgram.run(
                "render", "--config", "clusters", "--output", "out", in: folder)
            #expect(ended.status == 1)
            #expect(ended.output.isEmpty)
            #expect(ended.complaint.contains("sudoers.tmpl of c17\n"), "\(ended.complaint)")
            #expect(ended.complaint.contains("templates/sudoers.tmpl:1:1: 'ssh.from'"))
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
        }
    }

    @Test(arguments: [
        ["render"], ["render", "--check", "--stdout"], ["render", "--check", "--only", "nothing"],
        ["render", "--check", "--yes"],
    ])
    func wrongUsage(_ arguments: [String]) async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run(arguments, in: folder)
            #expect(ended.status == 64)
        }
    }

    @Test func nothingToRenderIsAFailure() async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run(
                "render", "--only", "compose.yaml", "--node", "node1", "--stdout", in: folder)
            #expect(ended.status == 1)
            #expect(ended.complaint.contains("no node has such a file"))
        }
    }
}
