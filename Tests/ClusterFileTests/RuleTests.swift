import Testing

@testable import ClusterFile

@Suite("Rules")
struct RuleTests {
    @Test("Every rule has a row that breaks it, and every row a rule")
    func rows() {
        let rows =
            NodeContradictionTests.nodes + PostgresContradictionTests.postgresql
            + UnsafeCombinationTests.places + UnsafeCombinationTests.timers + AdviceTests.advice
            + DockerTests.rows
        #expect(Set(rows.compactMap(\.code)) == Set(Rule.all.map(\.code)))
    }

    @Test("What a rule reads is declared, or its waiting would be in vain", arguments: Rule.all)
    func reads(_ rule: Rule) {
        for path in rule.reads { #expect(Settings.byPath[path] != nil, "\(path)") }
    }

    @Test("Every parameter of the toolkit is refused", arguments: ParameterName.owned.keys.sorted())
    func owned(_ name: String) throws {
        let yaml = threeNodes + "postgresql:\n  parameters:\n    \(name.uppercased()): x\n"
        let error = #expect(throws: ClusterFileError.self) { try load(yaml) }
        #expect(error?.problems.map(\.code) == ["parameters.owned"])
        #expect(error?.problems.map(\.position) == [Position(line: 8, column: name.count + 7)])
        #expect(error?.problems.first?.hint == ParameterName.owned[name])
    }

    @Test(
        "A problem with a value keeps rules about it quiet",
        arguments: [
            "fresh_max: soon, degrade_after: 1s", "frsh_max: 9s, degrade_after: 2s",
            "profile: turbo, degrade_after: 2s",
        ])
    func quiet(_ failover: String) {
        let error = #expect(throws: ClusterFileError.self) {
            try load(threeNodes + "failover: { \(failover) }\n")
        }
        #expect(error?.problems.count == 1)
    }

    @Test(
        "The nearest word is found",
        arguments: [
            ("prot", "port"), ("hots", "host"), ("pot", "port"), ("Port", "port"),
            ("name", "name"), ("zzzz", nil), ("", nil),
        ])
    func nearest(_ word: String, _ expected: String?) {
        #expect(Spelling.nearest(to: word, among: ["name", "host", "port"]) == expected)
    }

    @Test(
        "Paths are compared by their words",
        arguments: [
            ("/a/b", "/a", true), ("/a//b/", "/a/b", true), ("/a/../b", "/b", true),
            ("/ab", "/a", false), ("/a", "/a/b", false), ("/a/./b", "/a/b/", true),
        ])
    func paths(_ path: String, _ folder: String, _ isInside: Bool) {
        #expect(Paths.isInside(path, folder) == isInside)
    }
}
