import Foundation
import Testing

@testable import Toolkit

@Suite("From nothing to files")
struct InitTests {
    @Test func initThenCheckThenRender() async throws {
        try await ToolkitProgram.inFolder { folder in
            let written = try await ToolkitProgram.run("init", "--cluster", "market", in: folder)
            #expect(written.status == 0)

            let checked = try await ToolkitProgram.run("check", "--offline", in: folder)
            #expect(checked.status == 0, "\(checked.output)\(checked.complaint)")

            let rendered = try await ToolkitProgram.run("render", "--output", "out", in: folder)
            #expect(rendered.status == 0, "\(rendered.complaint)")
            let paths = rendered.output.split(separator: "\n")
            #expect(paths.filter { $0.hasSuffix("/postgresql.conf") }.count == 3)
            #expect(paths.contains("out/dsn.txt"))
            #expect(rendered.complaint.contains("pgpass is left out: there are no passwords yet"))
            let conf = try String(
                contentsOfFile: "\(folder)/out/node1/postgresql.conf", encoding: .utf8)
            #expect(conf.contains("cluster_name = 'market/node1'"))
            let mode =
                try FileManager.default.attributesOfItem(
                    atPath: "\(folder)/out/node1/pg_hba.conf")[.posixPermissions] as? Int
            #expect(mode == 0o600)

            let one = try await ToolkitProgram.run(
                "render", "--output", "one", "--node", "node2", in: folder)
            #expect(one.status == 0)
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/one")
            #expect(names == ["node2"])
        }
    }

    @Test func neverOverwrites() async throws {
        try await ToolkitProgram.inFolder { folder in
            try "mine".write(
                toFile: "\(folder)/cluster.yaml", atomically: true, encoding: .utf8)
            let ended = try await ToolkitProgram.run("init", in: folder)
            #expect(ended.status == 1)
            #expect(ended.complaint.contains("it exists already"))
            let text = try String(contentsOfFile: "\(folder)/cluster.yaml", encoding: .utf8)
            #expect(text == "mine")
        }
    }

    @Test func refusesNameThatItsOwnFileWouldRefuse() async throws {
        try await ToolkitProgram.inFolder { folder in
            let ended = try await ToolkitProgram.run("init", "--cluster", "Shop!", in: folder)
            #expect(ended.status == 78)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/cluster.yaml"))
        }
    }
}
