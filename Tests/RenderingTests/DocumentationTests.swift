import Foundation
import Rendering
import Testing

/// docs/templates.md says what the declarations say; `REWRITE=1` writes its tables anew.
@Suite("docs/templates.md", .serialized)
struct DocumentationTests {
    static let page = Checkout.tests.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("docs/templates.md")

    static let files: String = {
        let rows = Catalogue.all.map { entry in
            let scope = entry.scope == .cluster ? "the cluster" : "each node"
            let kind = entry.runtime.map { ", \($0.rawValue)" } ?? ""
            let place = entry.place.isEmpty ? "–" : "`\(entry.place)`"
            let installer =
                switch entry.installer {
                case .deploy: "`deploy`, `render --apply`"
                case .nodeApply: "node-apply"
                case .administrator: "you"
                }
            let mode = String(entry.mode, radix: 8)
            return "| `\(entry.name)` | \(scope)\(kind) | \(place) | \(mode) | \(installer) | "
                + "\(entry.purpose) |\n"
        }
        return "| File | For | Place | Mode | Put there by | Holds |\n|---|---|---|---|---|---|\n"
            + rows.joined()
    }()

    static let variables: String = {
        let rows = TemplateVariable.all.map {
            "| `\($0.path)` | \($0.isDefinedIn) | \($0.documentation) |\n"
        }
        return "| Variable | Defined in | Is |\n|---|---|---|\n" + rows.joined()
    }()

    @Test(arguments: ["files", "variables"])
    func table(_ name: String) throws {
        let wanted = name == "files" ? Self.files : Self.variables
        var text = try String(contentsOf: Self.page, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- \(name) -->\n"))
        let end = try #require(
            text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex))
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            text.replaceSubrange(begin.upperBound..<end.lowerBound, with: wanted)
            try Data(text.utf8).write(to: Self.page)
        } else {
            #expect(text[begin.upperBound..<end.lowerBound] == wanted)
        }
    }

    @Test func everyFilterIsExplained() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        for filter in TemplateFilter.allCases { #expect(text.contains("`\(filter.rawValue)`")) }
    }

    @Test func everyShippedTemplateIsOfTheCatalogue() throws {
        let shipped = try FileManager.default.contentsOfDirectory(
            atPath: Checkout.templates.shipped)
        #expect(Set(shipped) == Set(Catalogue.all.compactMap(\.template)))
    }
}
