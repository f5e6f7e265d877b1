import ClusterFile
import Foundation

@testable import Import

/// Files of `Inputs/`: the examples that users wrote, as they stand there.
enum Inputs {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    static let repmgr = [
        "maestro_repmgr.conf", "esclavo61_repmgr.conf", "esclavo62_repmgr.conf",
        "esclavo63_repmgr.conf", "witness_repmgr.conf",
    ]
    static let patroni = ["pg-node1.yml", "pg-node2.yml", "pg-node3.yml"]
    static let pgAutoFailover = [
        "node1.cfg", "node2.cfg", "node3.cfg", "nodes.json", "formation.json",
    ]

    static func names(_ source: ImportSource) -> [String] {
        switch source {
        case .repmgr: repmgr
        case .patroni: patroni
        case .pgAutoFailover: pgAutoFailover
        }
    }

    static func files(_ source: ImportSource) throws -> [ImportFile] {
        try names(source).map { name in
            ImportFile(
                path: name,
                text: try String(
                    contentsOf: folder.appending(path: "Inputs/\(name)"), encoding: .utf8))
        }
    }
}

extension Imported {
    /// All that an import says, as one text.
    var everything: String {
        let mapped = report.mapped.map {
            "\($0.file):\($0.line) \($0.setting) = \($0.value) → "
                + ($0.target.map { target in "\(target) = " } ?? "built in: ") + $0.becomes
        }
        let unmapped = report.unmapped.map {
            "\($0.file):\($0.line) \($0.setting) = \($0.value)\n  because \($0.because)"
                + ($0.next.isEmpty ? "" : "\n  next: \($0.next)")
        }
        let steps = plan.phases.flatMap { phase in
            ["", "== \(phase.title)"]
                + phase.steps.flatMap { step in
                    ["\(step.on): \(step.title)"] + step.commands.map { "    \($0)" }
                        + (step.expect.isEmpty ? [] : ["  expect: \(step.expect)"])
                }
        }
        let parts = [
            [clusterYAML, "== mapped"], mapped, ["", "== not mapped"], unmapped,
            ["", "== warnings"], warnings.map(\.message), steps,
        ]
        return parts.flatMap(\.self).joined(separator: "\n") + "\n"
    }
}
