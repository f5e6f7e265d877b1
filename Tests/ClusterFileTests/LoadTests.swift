import ClusterFile
import Foundation
import Testing

@Suite("Loading from disk")
struct LoadTests {
    /// Runs `body` in a folder of its own.
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/clusterfile-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test("Relative paths start at the folder of the file")
    func baseDirectory() throws {
        try inFolder { folder in
            try write(threeNodes + "ssh: { known_hosts: hosts }\n", folder + "/shop.yaml")
            let settings = try ClusterFile.load(
                path: folder + "/shop.yaml", environment: [:]
            ).settings
            #expect(settings.baseDirectory == folder)
            #expect(settings.ssh.knownHosts == folder + "/hosts")
        }
    }

    @Test("A missing file and one that is no text are refused with what to do")
    func unreadable() throws {
        try inFolder { folder in
            let missing = folder + "/cluster.yaml"
            let absent = #expect(throws: ClusterFileError.self) {
                try ClusterFile.load(path: missing, environment: [:])
            }
            #expect(
                absent?.description == """
                    \(missing): cannot be read: No such file or directory
                      next: name a readable file with --config, or write one with `toolkit init`
                    """)
            let folderItself = #expect(throws: ClusterFileError.self) {
                try ClusterFile.load(path: folder, environment: [:])
            }
            #expect(folderItself?.description.contains("Is a directory") == true)
            try Data([0x63, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: missing))
            let binary = #expect(throws: ClusterFileError.self) {
                try ClusterFile.load(path: missing, environment: [:])
            }
            #expect(
                binary?.description == """
                    \(missing): this is not UTF-8 text
                      next: save the file as UTF-8
                    """)
        }
    }

    @Test("A folder of files is loaded in order of name")
    func folder() throws {
        try inFolder { folder in
            try write(threeNodes.replacing("shop", with: "b"), folder + "/2.yaml")
            try write(threeNodes.replacing("shop", with: "a"), folder + "/1.yml")
            try write("not a cluster", folder + "/README.md")
            let home = ["HOME": "/home/anna"]
            let loaded = try ClusterFile.loadAll(directory: folder, environment: home)
            #expect(loaded.map(\.settings.cluster) == ["a", "b"])
            #expect(loaded.map(\.path) == ["\(folder)/1.yml", "\(folder)/2.yaml"])

            try write(threeNodes.replacing("shop", with: "b"), folder + "/3.yaml")
            try write("cluster: x\n", folder + "/4.yaml")
            let error = #expect(throws: ClusterFileError.self) {
                try ClusterFile.loadAll(directory: folder, environment: home)
            }
            #expect(error?.problems.map(\.code) == ["cluster.twice", "key.missing"])
        }
    }

    @Test("A folder without files is refused")
    func emptyFolder() throws {
        try inFolder { folder in
            let error = #expect(throws: ClusterFileError.self) {
                try ClusterFile.loadAll(directory: folder, environment: [:])
            }
            #expect(error?.problems.map(\.code) == ["file.missing"])
        }
    }
}
