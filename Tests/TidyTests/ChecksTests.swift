import Testing

/// A check that finds nothing proves nothing: each one is shown what it must find.
@Suite("The checks of the text")
struct ChecksTests {
    func file(_ text: String, _ path: String = "Sources/Store/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test(arguments: [
        ("import GRDB", "Store", true), ("public import FailoverCore", "Store", true),
        ("import Foundation", "Store", true), ("@testable import Hooks", "Store", false),
        ("import Scheduler", "Store", false), ("  public import struct Hooks.Hook", "Store", false),
        ("@preconcurrency internal import Yams", "Store", false),
        ("import Foundation", "FailoverCore", false), ("import Reactor", "Scheduler", true),
        ("import Toolkit", "Demo", false), ("import Anything", "Nowhere", false),
    ])
    func imports(_ line: String, _ module: String, _ isAllowed: Bool) {
        let sample = file("// a comment\n" + line, "Sources/\(module)/Sample.swift")
        #expect(ImportArrows.findings(in: sample).isEmpty == isAllowed)
    }

    @Test func theTableHasNoCycle() {
        var open = ImportArrows.table
        while let leaf = open.first(where: { $0.value.isDisjoint(with: open.keys) })?.key {
            open[leaf] = nil
        }
        #expect(open.isEmpty)
    }

    @Test func fileLength() {
        #expect(Checks.length(of: file(String(repeating: "x\n", count: 400))).isEmpty)
        #expect(Checks.length(of: file(String(repeating: "x\n", count: 401))).count == 1)
    }

    @Test(arguments: [
        "let x = try! y()", "let x = y as! Z", "fatalError()", "fatalError(\"x\")", "// TODO: x",
        "// FIXME", "// XXX", "print(x)", "    print(\"x\")",
        "final class X: @unchecked Sendable {",
    ])
    func bannedWord(_ line: String) {
        #expect(Checks.words(in: file("let a = 1\n" + line)).map(\.line) == [2])
    }

    @Test(arguments: [
        "let x = try? y()", "mktemp XXXXXX", "pretty.print(x)", "blueprint(x)", "let has = alas!",
        "// safe: all is immutable\nfinal class X: @unchecked Sendable {",
    ])
    func allowedWord(_ text: String) {
        #expect(Checks.words(in: file(text)).isEmpty)
    }

    @Test func printingIsForTheCommandLine() {
        #expect(Checks.words(in: file("print(x)", "Sources/Toolkit/State.swift")).isEmpty)
    }

    @Test(arguments: [
        "func f() {",
        "public static func f<T>(\n        x: T\n    )\n        async throws -> T\n    {",
        "private mutating func f(_ x: (Int) -> Int = { $0 }) throws(E) {", "init(x: Int) {",
        "public init?(_ x: Int) {", "var f: Int {", "public subscript(_ id: Int) -> Int {",
    ])
    func longFunction(_ head: String) {
        func sample(_ lines: Int) -> SourceFile {
            let body = String(repeating: "        if x {\n        }\n", count: lines / 2)
            return file("struct S {\n    \(head)\n\(body)    }\n}\n")
        }
        #expect(Checks.functions(in: sample(60)).isEmpty)
        let found = Checks.functions(in: sample(70))
        #expect(found.map(\.finding.line) == [2])
    }

    @Test func aRequirementHasNoLength() {
        let rest = String(repeating: "    case x\n", count: 100)
        let text =
            "protocol P {\n    func f() async throws\n\n    var x: Int { get }\n\(rest)    }\n}\n"
        #expect(Checks.functions(in: file(text)).isEmpty)
    }

    @Test func aShellFunctionHasOne() {
        let text = "f() { # X\n" + String(repeating: "    :\n", count: 70) + "}\n"
        #expect(Checks.functions(in: file(text, "install.sh")).map(\.name) == ["f"])
    }

    static let header = """
        #!/bin/sh
        # stop_command — stop it.
        #
        # Runs on:   the node.
        # Knows:     PGDATA
        # Succeeds:  exit 0.
        # Retry:     exit 75.
        # Prints:    one line.
        set -eu
        """

    @Test(arguments: [
        ("", "", 0), ("# Knows:  ", "# Reads:  ", 1), ("# Prints:", "# Runs on:", 1),
        ("/bin/sh", "/bin/bash", 1), ("stop_command —", "stop —", 1), ("set -eu", "set -e", 1),
    ])
    func hookHeader(_ old: String, _ new: String, _ count: Int) {
        let text = old.isEmpty ? Self.header : Self.header.replacing(old, with: new)
        #expect(Checks.header(of: file(text, "hooks/stop_command.sh")).count == count)
    }

    @Test func linksOfAPage() {
        let page = """
            See [a](docs/a.md), [b](../b.md#part "title"), [web](https://example.org) and
            [here](#part), but not `[c](c.md)`.
            ```
            [d](d.md)
            ```
            ![picture](docs/e.svg)
            """
        #expect(
            Checks.links(in: file(page, "README.md")).map(\.target)
                == ["docs/a.md", "../b.md", "docs/e.svg"])
    }
}
