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
            #expect(variables.complaint.isEmpty)
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

    @Test func variablesAsATableAndAsJSON() async throws {
        try await withCluster { folder in
            let table = try await ToolkitProgram.run("render", "--list-variables", in: folder)
            #expect(table.complaint.contains("with the values of node1; --node names another"))
            let lines = table.output.split(separator: "\n")
            let meaning = try #require(lines.first?.range(of: "MEANING"))
            let column = lines[0].distance(from: lines[0].startIndex, to: meaning.lowerBound)
            #expect(column < 100)
            let nodes = try #require(lines.firstIndex { $0.hasPrefix("nodes ") })
            #expect(lines[nodes].contains(" (below) "))
            #expect(lines[nodes + 1].hasPrefix("    { "))

            let json = try await ToolkitProgram.run(
                "render", "--list-variables", "--node", "node2", "--json", in: folder)
            let list = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
            let table2 = try #require(list as? [String: Any])
            #expect(table2["node"] as? String == "node2")
            let variables = try #require(table2["variables"] as? [[String: Any]])
            let port = try #require(variables.first { $0["name"] as? String == "node.port" })
            #expect(port["value"] as? Int == 5432)
        }
    }

    @Test("A node that left its container keeps none of its files, and a foreign one stays")
    func staleFiles() async throws {
        try await withCluster { folder in
            let first = try await ToolkitProgram.run("render", "--output", "out", in: folder)
            #expect(first.status == 0 && !first.complaint.contains("no more"))
            let foreign = folder + "/out/node1/compose.yaml"
            for path in [foreign, folder + "/out/node2/mine.conf"] {
                try "mine\n".write(toFile: path, atomically: true, encoding: .utf8)
            }
            try Self.yaml.replacing(", runtime: docker", with: "").write(
                toFile: folder + "/cluster.yaml", atomically: true, encoding: .utf8)
            let second = try await ToolkitProgram.run("render", "--output", "out", in: folder)
            #expect(second.status == 0, "\(second.complaint)")
            for name in ["docker-run.sh", "compose.yaml"] {
                #expect(second.complaint.contains("removed out/node2/\(name): "))
            }
            #expect(
                second.complaint.contains("out/node1/compose.yaml is rendered no more, and stays"))
            let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/out/node2")
            #expect(left.contains("mine.conf") && left.contains("postgresql.service"))
            #expect(!left.contains("compose.yaml") && !left.contains("docker-run.sh"))
            #expect(FileManager.default.fileExists(atPath: foreign))
        }
    }

    @Test func aBadPlaceIsNamed() async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run(
                "render", "--output", "cluster.yaml/out", in: folder)
            #expect(ended.status == 1)
            #expect(
                ended.complaint.contains("because cluster.yaml exists and is no folder"),
                "\(ended.complaint)")
        }
    }

    /// What is never looked for on a node can't be said to be as rendered.
    @Test(arguments: [
        ("--diff", "dsn.txt", "it is a file of the whole cluster"),
        ("--diff", "sudoers", "it is a file of the whole cluster"),
        ("--diff", "node.conf", "it carries what the scheduler last decided"),
        ("--apply", "compose.yaml", "it has no place of its own on a node"),
        ("--apply", "postgresql.service", "putting it there needs root"),
    ])
    func notCompared(_ way: String, _ file: String, _ why: String) async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run("render", way, "--only", file, in: folder)
            #expect(ended.status == 64)
            #expect(ended.complaint.contains("'\(file)'") && ended.complaint.contains(why))
            #expect(!ended.output.contains("as rendered"))
        }
    }

    @Test("An administrator's file that lies nowhere is not as rendered either")
    func notInstalled() async throws {
        try await withCluster { folder in
            try (Self.yaml.replacing(", runtime: docker", with: "") + "execution: local\n").write(
                toFile: folder + "/cluster.yaml", atomically: true, encoding: .utf8)
            let ended = try await ToolkitProgram.run(
                "render", "--diff", "--only", "postgresql.service", in: folder)
            #expect(ended.status == 1, "\(ended.output)")
            #expect(ended.complaint.contains("node1: postgresql.service is not compared: nothing"))
            #expect(ended.complaint.contains("nothing was compared\n"), "\(ended.complaint)")
        }
    }

    @Test func everyNodeThatCannotBeAskedIsNamed() async throws {
        try await withCluster { folder in
            try """
            cluster: market
            ssh: { port: 9, connect_timeout: 2s }
            nodes:
              - { name: node1, host: 127.0.0.1 }
              - { name: node2, host: 127.0.0.1, port: 5433, data_dir: /srv/two }

            """.write(toFile: folder + "/cluster.yaml", atomically: true, encoding: .utf8)
            let ended = try await ToolkitProgram.run("render", "--diff", "--json", in: folder)
            #expect(ended.status != 0)
            for node in ["node1", "node2"] {
                #expect(ended.complaint.contains("\(node): "), "\(ended.complaint)")
                #expect(ended.output.contains("\"node\" : \"\(node)\""))
            }
        }
    }

    @Test(arguments: [
        (["render"], "Say what to do: one of"),
        (["render", "--check", "--stdout"], "Say only one of"),
        (["render", "--check", "--only", "nothing"], "There is no file 'nothing'"),
        (["render", "--check", "--yes"], "--yes belongs to --apply"),
        (["render", "--check", "--json"], "--json belongs to"),
        (["render", "--check", "--node", "nodeX"], "there is no node 'nodeX' in the cluster"),
    ])
    func wrongUsage(_ arguments: [String], _ says: String) async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run(arguments, in: folder)
            #expect(ended.status == 64)
            #expect(ended.complaint.contains(says), "\(ended.complaint)")
            #expect(!ended.complaint.contains("toolkit <subcommand>"))
        }
    }

    @Test(arguments: [
        ("compose.yaml", "node1 is not of the kind that has such a file"),
        ("dsn.txt", "that is the whole cluster's, and none of node1 alone"),
    ])
    func nothingToRenderIsAFailure(_ file: String, _ why: String) async throws {
        try await withCluster { folder in
            let ended = try await ToolkitProgram.run(
                "render", "--only", file, "--node", "node1", "--stdout", in: folder)
            #expect(ended.status == 1)
            #expect(ended.complaint.contains(why), "\(ended.complaint)")
        }
    }
}
