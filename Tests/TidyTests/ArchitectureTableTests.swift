import Testing

@Suite("The table of modules in docs/architecture.md")
struct ArchitectureTableTests {
    @Test func saysWhatTheArrowsSay() throws {
        let page = try #require(SourceTree.file("docs/architecture.md"))
        var written: [String: Set<String>] = [:]
        for line in page.lines {
            guard let row = line.wholeMatch(of: /\| `(\w+)` \|.*\| ([^|]+) \|/),
                ImportArrows.table[String(row.1)] != nil
            else { continue }
            let names = row.2.split(separator: ",").map {
                String($0.drop(while: \.isWhitespace))
            }
            written[String(row.1)] = names == ["–"] ? [] : Set(names)
        }
        #expect(written == ImportArrows.table)
    }
}
