import Foundation
import Testing

@Suite("The package's text")
struct TidyTests {
    /// Functions that may be longer than the limit, each with the reason.
    static let longFunctions: [String: String] = [:]

    @Test func isFound() {
        #expect(Set(SourceTree.swift.map(\.module)) == Set(ImportArrows.table.keys))
        #expect(SourceTree.scripts.contains { $0.path == "install.sh" })
    }

    @Test func importsAlongTheArrows() {
        #expect(SourceTree.swift.flatMap(ImportArrows.findings) == [])
    }

    @Test func hasShortFiles() {
        #expect((SourceTree.swift + SourceTree.hooks).flatMap(Checks.length) == [])
    }

    @Test func hasShortFunctions() {
        let long = (SourceTree.swift + SourceTree.scripts).flatMap(Checks.functions)
        #expect(long.filter { Self.longFunctions[$0.name] == nil }.map(\.finding) == [])
        #expect(Set(Self.longFunctions.keys).subtracting(long.map(\.name)) == [], "not needed")
    }

    @Test func hasNoBannedWords() {
        let files = SourceTree.swift + SourceTree.hooks
        #expect(files.flatMap(Checks.words) == [])
    }

    @Test func hasAHeaderOnEveryHook() {
        let hooks = SourceTree.hooks.filter { $0.path.hasSuffix("_command.sh") }
        #expect(hooks.flatMap(Checks.header) == [])
    }

    @Test func hasLinksThatLeadSomewhere() {
        var broken: [Finding] = []
        for page in SourceTree.pages {
            let folder = SourceTree.root.appending(path: page.path).deletingLastPathComponent()
            for link in Checks.links(in: page) {
                let target = folder.appending(path: link.target.removingPercentEncoding ?? "")
                if !FileManager.default.fileExists(atPath: target.path) {
                    broken.append(
                        Finding(path: page.path, line: link.line, says: "no \(link.target)"))
                }
            }
        }
        #expect(broken == [])
    }

    @Test(.enabled(if: shellcheck != nil, "SKIPPED: shellcheck is not installed"))
    func hasCleanScripts() async throws {
        let (status, said) = try await finish(
            [try #require(shellcheck), "--external-sources", "--"] + SourceTree.scripts.map(\.path),
            in: SourceTree.root.path)
        #expect(status == 0, "\(said)")
    }

    @Test func hasNoScriptThatCannotRun() {
        let scripts = SourceTree.scripts.filter { $0.text.hasPrefix("#!") }
        let still = scripts.filter { script in
            !FileManager.default.isExecutableFile(
                atPath: SourceTree.root.appending(path: script.path).path)
        }
        #expect(still.map(\.path) == [], "chmod +x")
    }
}

private let shellcheck = ["/usr/bin/shellcheck", "/usr/local/bin/shellcheck"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}
