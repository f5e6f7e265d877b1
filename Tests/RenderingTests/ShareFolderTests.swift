import Foundation
import Testing

@testable import ClusterFile

@Suite("The folder of the shipped defaults")
struct ShareFolderTests {
    /// A folder that holds the marker below each of `shares`.
    static func withFolder(
        shares: [String], _ body: (String) throws -> Void
    ) throws {
        let root = FileManager.default.temporaryDirectory
            .appendingPathComponent("share-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for share in shares {
            let templates = root.appendingPathComponent(share).appendingPathComponent("templates")
            try FileManager.default.createDirectory(
                at: templates, withIntermediateDirectories: true)
            try Data().write(to: templates.appendingPathComponent("postgresql.conf.tmpl"))
        }
        try body(root.path)
    }

    @Test func theVariableWins() throws {
        try Self.withFolder(shares: ["mine", "usr/share/toolkit"]) { root in
            let found = try ShareFolder.find(
                environment: ["TOOLKIT_SHARE": root + "/mine"],
                executable: root + "/usr/bin/toolkit")
            #expect(found.templates == root + "/mine/templates")
            #expect(found.hooks == root + "/mine/hooks")
        }
    }

    @Test func aWrongVariableIsNotPassedOver() throws {
        try Self.withFolder(shares: ["usr/share/toolkit"]) { root in
            let error = try #require(throws: ShareFolderError.self) {
                try ShareFolder.find(
                    environment: ["TOOLKIT_SHARE": "/no/such"],
                    executable: root + "/usr/bin/toolkit")
            }
            #expect(
                error.description == """
                    cannot find the shipped templates and hooks
                      because TOOLKIT_SHARE names /no/such, which has no \
                    templates/postgresql.conf.tmpl
                      next: set TOOLKIT_SHARE to the folder share/toolkit of the installation
                    """)
        }
    }

    @Test func anInstalledProgramFindsItsOwn() throws {
        try Self.withFolder(shares: ["usr/share/toolkit"]) { root in
            let found = try ShareFolder.find(
                environment: [:], executable: root + "/usr/bin/toolkit")
            #expect(found.path == root + "/usr/share/toolkit")
        }
    }

    @Test func aBuiltProgramFindsItsCheckout() throws {
        try Self.withFolder(shares: ["checkout"]) { root in
            let found = try ShareFolder.find(
                environment: [:],
                executable: root + "/checkout/.build/x86_64-unknown-linux-gnu/debug/toolkit")
            #expect(found.path == root + "/checkout")
        }
    }

    @Test func nothingFoundSaysWhereItLooked() throws {
        try Self.withFolder(shares: []) { root in
            let error = try #require(throws: ShareFolderError.self) {
                try ShareFolder.find(environment: [:], executable: root + "/bin/toolkit")
            }
            #expect(error.searched.first == root + "/share/toolkit")
            #expect(error.description.contains(root + "/share/toolkit, "))
        }
    }

    @Test func theRunningProgramFindsThisCheckout() throws {
        #expect(try FileManager.default.fileExists(atPath: ShareFolder.find().templates))
    }
}
