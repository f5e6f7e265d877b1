import Deployment
import Execution
import Foundation
import Testing

@Suite("Unified diffs")
struct UnifiedDiffTests {
    static let texts = [
        "", "a\n", "a", "b\n", "a\nb\nc\n", "a\nc\n", "a\nb\nc", "x\na\nb\nc\ny\n",
        (1...40).map { "line \($0)\n" }.joined(),
        (1...40).map { $0 == 3 || $0 == 30 ? "other \($0)\n" : "line \($0)\n" }.joined(),
        (1...40).map { $0 == 10 || $0 == 16 ? "" : "line \($0)\n" }.joined(),
        (0...41).map { "line \($0)\n" }.joined(), "é\n", "e\u{301}\n", "a\r\n",
    ]

    @Test func patchMakesTheNewTextOfTheOldOne() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-diff-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("file").path
        for old in Self.texts {
            for new in Self.texts {
                let diff = UnifiedDiff(from: old, to: new, old: "file", new: "file")
                #expect(diff.isEmpty == (Array(old.utf8) == Array(new.utf8)))
                guard !diff.isEmpty else { continue }
                try Data(old.utf8).write(to: URL(fileURLWithPath: file))
                let result = try await LocalRunner().run(
                    Command(
                        [
                            "/usr/bin/patch", "--quiet", "--binary", "--directory", folder.path,
                            "file",
                        ],
                        standardInput: Array(diff.text.utf8), timeout: .seconds(20)))
                #expect(result.isSuccess, "\(diff.text)\(result.output)\(result.errorOutput)")
                let made = FileManager.default.contents(atPath: file) ?? Data()
                #expect(Array(made) == Array(new.utf8), "\(diff.text)")
            }
        }
    }

    @Test func distantChangesAreHunksOfTheirOwn() {
        let diff = UnifiedDiff(from: Self.texts[8], to: Self.texts[9], old: "a", new: "b")
        #expect(
            diff.text.split(separator: "\n").filter { $0.hasPrefix("@@") } == [
                "@@ -1,6 +1,6 @@", "@@ -27,7 +27,7 @@",
            ])
    }
}
