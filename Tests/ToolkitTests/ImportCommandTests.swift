import Foundation
import Testing

@testable import Toolkit

@Suite("toolkit import")
struct ImportCommandTests {
    private static let conf = """
        node_name='node1'
        conninfo='host=10.0.0.1 password=hunter2'
        data_directory='/srv/pg'
        pg_bindir='/usr/pgsql-16/bin'

        """

    @Test("The file is for its owner alone, and overwritten only when told to")
    func output() async throws {
        try await ToolkitProgram.inFolder { folder in
            try Self.conf.write(toFile: "\(folder)/a.conf", atomically: true, encoding: .utf8)
            let written = try await ToolkitProgram.run(
                "import", "repmgr", "a.conf", "--output", "cluster.yaml", in: folder)
            try #require(written.status == 0, "\(written.complaint)")
            #expect(written.output.hasSuffix("wrote cluster.yaml\n"))
            let path = "\(folder)/cluster.yaml"
            let mode =
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let checked = try await ToolkitProgram.run("check", "--offline", in: folder)
            #expect(checked.status == 0, "\(checked.output)\(checked.complaint)")

            try "mine".write(toFile: path, atomically: true, encoding: .utf8)
            let refused = try await ToolkitProgram.run(
                "import", "repmgr", "a.conf", "--output", "cluster.yaml", in: folder)
            #expect(refused.status == 1)
            #expect(refused.complaint.contains("it exists already"))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")

            let forced = try await ToolkitProgram.run(
                "import", "repmgr", "a.conf", "--output", "cluster.yaml", "--force", in: folder)
            #expect(forced.status == 0)
            #expect(try String(contentsOfFile: path, encoding: .utf8).contains("cluster: main"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
        }
    }

    @Test("Without --output the file alone is on standard output; no password is anywhere")
    func streams() async throws {
        try await ToolkitProgram.inFolder { folder in
            try Self.conf.write(toFile: "\(folder)/a.conf", atomically: true, encoding: .utf8)
            let plain = try await ToolkitProgram.run("import", "repmgr", "a.conf", in: folder)
            #expect(plain.output.contains("cluster: main") && !plain.output.contains("Mapped"))
            #expect(plain.complaint.contains("Mapped"))
            #expect(plain.complaint.contains("Plan of the change-over"))
            let json = try await ToolkitProgram.run(
                "import", "repmgr", "a.conf", "--json", in: folder)
            let document =
                try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect(document?["source"] as? String == "repmgr")
            for text in [plain.output, plain.complaint, json.output, json.complaint] {
                #expect(!text.contains("hunter2"))
            }
        }
    }

    @Test("Bad input ends with 78, file and line; a missing file says why")
    func refused() async throws {
        try await ToolkitProgram.inFolder { folder in
            try "node_name='a\n".write(
                toFile: "\(folder)/a.conf", atomically: true, encoding: .utf8)
            let bad = try await ToolkitProgram.run("import", "repmgr", "a.conf", in: folder)
            #expect(bad.status == 78)
            #expect(bad.complaint.hasPrefix("a.conf:1:1: node_name: "))
            let missing = try await ToolkitProgram.run("import", "repmgr", "b.conf", in: folder)
            #expect(missing.status == 78)
            #expect(missing.complaint.contains("No such file or directory"))
            let none = try await ToolkitProgram.run("import", "repmgr", in: folder)
            #expect(none.status == 64)
        }
    }
}
