import Execution
import Foundation
import Rendering
import Testing
import ToolkitTesting
import Yams

/// Each filter's own reader reads back what was put in.
@Suite("Hostile values through each filter")
struct HostileFilterTests {
    static func filled(_ filter: TemplateFilter, _ value: String) throws -> String {
        try Template("{{ a | \(filter.rawValue) }}", file: "t").render(["a": .text(value)])
    }

    /// By bytes: Swift's `==` takes é and e + ´ for the same.
    static func isSame(_ left: [String], _ right: [String]) -> Bool {
        left.map { Array($0.utf8) } == right.map { Array($0.utf8) }
    }

    @Test func atLeastSixty() {
        #expect(HostileValues.all.count >= 60)
        #expect(Set(HostileValues.all.map { Array($0.utf8) }).count == HostileValues.all.count)
    }

    @Test func aShellReadsThem() async throws {
        let words = try HostileValues.all.map { try Self.filled(.sh, $0) }
        let result = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-s"],
                standardInput: Array("printf '%s\\0' \(words.joined(separator: " "))\n".utf8),
                timeout: .seconds(20)))
        #expect(result.isSuccess)
        let read = result.output.split(separator: "\0", omittingEmptySubsequences: false)
        #expect(Self.isSame(read.dropLast().map(String.init), HostileValues.all))
    }

    @Test func yamlReadsThem() throws {
        let entries = try HostileValues.all.map { "- \(try Self.filled(.yaml, $0))\n" }
        let read = try #require(try Yams.load(yaml: entries.joined()) as? [String])
        #expect(Self.isSame(read, HostileValues.all))
        let flow = try HostileValues.all.map { "{ a: \(try Self.filled(.yaml, $0)), b: 1 }" }
        let mappings = try #require(
            try Yams.load(yaml: "[\(flow.joined(separator: ", "))]") as? [[String: Any]])
        #expect(Self.isSame(mappings.compactMap { $0["a"] as? String }, HostileValues.all))
    }

    /// Compose takes `$$` for a dollar sign after YAML was read.
    @Test func composeReadsThem() throws {
        let entries = try HostileValues.all.map {
            "- \(try Self.filled(.compose, $0))\n- \"\(try Self.filled(.composePart, $0)):x\"\n"
        }
        let read = try #require(try Yams.load(yaml: entries.joined()) as? [String])
        #expect(
            Self.isSame(
                read.map(Self.interpolated),
                HostileValues.all.flatMap { [$0, $0 + ":x"] }))
    }

    /// `$$` as `$`; a `$` alone would begin a variable, and is lost here.
    static func interpolated(_ text: String) -> String {
        var rest = text.unicodeScalars[...]
        var result = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == "$", rest.popFirst() != "$" { continue }
            result.append(scalar)
        }
        return String(result)
    }

    @Test(.enabled(if: SystemdUnit.isHere, "systemd-analyze is not installed"))
    func systemdReadsArgumentsAndValues() async throws {
        for chunk in stride(from: 0, to: HostileValues.all.count, by: 20) {
            let values = HostileValues.all[chunk..<min(chunk + 20, HostileValues.all.count)]
            let lines = try values.map {
                "ExecStartPre=/bin/true \(try Self.filled(.unitArgument, $0)) end\n"
            }
            let asserts = try values.map {
                "AssertPathExists=!\(try Self.filled(.unitValue, "/x/\($0)/marker"))\n"
            }
            let unit = try await SystemdUnit(
                "[Unit]\n\(asserts.joined())[Service]\nType=oneshot\n\(lines.joined())"
                    + "ExecStart=/bin/true\n")
            #expect(
                Self.isSame(
                    unit.commands.filter { $0.count == 3 }.map { $0[1] }, Array(values)),
                "\(unit.commands)")
            #expect(
                Self.isSame(
                    unit.asserts, values.map { "!/x/\(SystemdUnit.simplified($0))/marker" }),
                "\(unit.asserts)")
        }
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-tmpfiles"),
            "systemd-tmpfiles is not installed"))
    func tmpfilesMakesTheFolders() async throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-tmpfiles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let names = HostileValues.all.filter { !$0.contains("/") }
        let lines = try names.map {
            "d \(try Self.filled(.unitWord, "\(root.path)/folders/\($0)")) 0700 - - -\n"
        }
        let file = root.appendingPathComponent("toolkit.conf")
        try Data(lines.joined().utf8).write(to: file)
        let result = try await LocalRunner().run(
            Command(
                ["/usr/bin/systemd-tmpfiles", "--create", file.path], timeout: .seconds(20)))
        #expect(result.isSuccess, "\(result.errorOutput)")
        let made = try FileManager.default.contentsOfDirectory(atPath: "\(root.path)/folders")
        #expect(Set(made.map { Array($0.utf8) }) == Set(names.map { Array($0.utf8) }))
    }

    @Test func pgbouncerReadsThem() throws {
        for value in HostileValues.all {
            let text = try Self.filled(.pgbouncer, value)
            #expect(text.utf8.first == UInt8(ascii: "'") && text.utf8.last == UInt8(ascii: "'"))
            // By scalars: a quote and a combining mark are one character.
            var inner = text.unicodeScalars.dropFirst().dropLast()
            var read = String.UnicodeScalarView()
            while let scalar = inner.popFirst() {
                if scalar == "'" { #expect(inner.popFirst() == "'") }
                read.append(scalar)
            }
            #expect(Self.isSame([String(read)], [value]))
        }
    }

    @Test("What a line can't hold is refused, never cut", arguments: TemplateFilter.allCases)
    func refusesBreaks(_ filter: TemplateFilter) throws {
        // A shell word, YAML and SQL can hold line breaks.
        let holds: Set<TemplateFilter> = [
            .sh, .yaml, .compose, .composePart, .sqlLiteral, .sqlIdentifier,
        ]
        for value in HostileValues.broken where !holds.contains(filter) || value.contains("\0") {
            #expect(throws: TemplateError.self) { try Self.filled(filter, value) }
        }
    }
}
