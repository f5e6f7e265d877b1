import ClusterFile
import Testing

/// A text of `cluster.yaml` and all that is said about it.
struct FileRow: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The code that each finding of the row has to have; nil: any.
    var code: String?
    var home: String?
    var yaml: String
    var says: String

    init(
        _ testDescription: String, code: String? = nil, home: String? = "/home/anna",
        yaml: String, says: String
    ) {
        self.testDescription = testDescription
        self.code = code
        self.home = home
        self.yaml = yaml
        self.says = says
    }

    func check() {
        do {
            let loaded = try load(yaml, home: home)
            let findings = loaded.warnings + loaded.notes
            #expect(findings.map(\.description).joined(separator: "\n") == says)
            if let code { #expect(findings.contains { $0.code == code }) }
            #expect(loaded.warnings.allSatisfy { $0.level == .warning })
            #expect(loaded.notes.allSatisfy { $0.level == .note })
        } catch {
            #expect(error.description == says)
            if let code { #expect(error.problems.allSatisfy { $0.code == code }) }
            #expect(error.problems.allSatisfy { $0.level == .error })
        }
    }
}

/// Reads a text as `cluster.yaml` of the folder /srv/shop.
func load(
    _ yaml: String, home: String? = "/home/anna"
) throws(ClusterFileError) -> ClusterFile.Loaded {
    try ClusterFile.parse(
        yaml, path: "cluster.yaml", baseDirectory: "/srv/shop",
        environment: home.map { ["HOME": $0] } ?? [:])
}

/// The smallest file with three nodes.
let threeNodes = """
    cluster: shop
    nodes:
      - { name: a, host: 10.0.0.1 }
      - { name: b, host: 10.0.0.2 }
      - { name: c, host: 10.0.0.3 }

    """
