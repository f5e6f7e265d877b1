import ClusterFile
import Import

/// What an import says, for a terminal.
struct ImportText {
    var imported: Imported
    var isColoured: Bool

    init(_ imported: Imported, isColoured: Bool) {
        self.imported = imported
        self.isColoured = isColoured
    }

    var report: String {
        [mapped, builtIn, unmapped, warnings, plan].filter { !$0.isEmpty }
            .joined(separator: "\n\n")
    }

    private func place(_ file: String, _ line: Int) -> String {
        "\(file.split(separator: "/").last.map(String.init) ?? file):\(line)"
    }

    private var mapped: String {
        var table = Table(["SETTING", "VALUE", "IN CLUSTER.YAML", "VALUE", "FROM"])
        for entry in imported.report.mapped {
            guard let target = entry.target else { continue }
            table.add([
                entry.setting, entry.value, target, entry.becomes, place(entry.file, entry.line),
            ])
        }
        return "Mapped\n" + table.text(isColoured: false)
    }

    /// The same words about the same setting of other files are told once.
    private var builtIn: String {
        var told: Set<[String]> = []
        var table = Table(["SETTING", "VALUE", "BECAUSE"])
        for entry in imported.report.mapped where entry.target == nil {
            guard told.insert([entry.setting, entry.becomes]).inserted else { continue }
            table.add([entry.setting, Self.short(entry.value), entry.becomes])
        }
        return told.isEmpty ? "" : "Needs no setting\n" + table.text(isColoured: false)
    }

    private var unmapped: String {
        let entries = imported.report.unmapped
        guard !entries.isEmpty else { return "Everything was mapped." }
        var lines = ["Not mapped"]
        var told: Set<[String]> = []
        for entry in entries where told.insert([entry.setting, entry.because]).inserted {
            let same = entries.filter {
                $0.setting == entry.setting && $0.because == entry.because
            }
            let more = same.count > 1 ? " (and \(same.count - 1) more like it)" : ""
            lines.append(
                "\(place(entry.file, entry.line)) \(entry.setting) = \(entry.value)\(more)"
                    .onOneLine)
            lines.append("  because \(entry.because.onOneLine)")
            if !entry.next.isEmpty { lines.append("  next: \(entry.next.onOneLine)") }
        }
        return lines.joined(separator: "\n")
    }

    private static func short(_ text: String) -> String {
        text.count > 40 ? text.prefix(39) + "…" : text
    }

    private var warnings: String {
        imported.warnings.isEmpty
            ? ""
            : (["The cluster.yaml is valid. Worth knowing"]
                + imported.warnings.map { finding in
                    let setting = finding.setting.isEmpty ? "" : "\(finding.setting): "
                    return "\(finding.level.rawValue): \(setting)\(finding.message.onOneLine)\n"
                        + "  next: \(finding.hint.onOneLine)"
                }).joined(separator: "\n")
    }

    private var plan: String {
        var number = 0
        return "Plan of the change-over: no data are moved\n"
            + imported.plan.phases.map { phase in
                "\n\(phase.title)\n"
                    + phase.steps.map { step in
                        number += 1
                        return lines(of: step, number).joined(separator: "\n")
                    }.joined(separator: "\n")
            }.joined(separator: "\n")
    }

    private func lines(of step: ChangeOver.Step, _ number: Int) -> [String] {
        ["\(number). \(step.on): \(step.title)".onOneLine]
            + step.commands.map { "       \($0.onOneLine)" }
            + (step.expect.isEmpty ? [] : ["     expect: \(step.expect.onOneLine)"])
    }
}

/// The same for programs; keys keep their meaning.
struct ImportDocument: Encodable {
    var source: String
    var files: [String]
    var output: String?
    var clusterYAML: String
    var mapped: [ImportReport.Mapped]
    var unmapped: [ImportReport.Unmapped]
    var warnings: [Finding]
    var plan: [ChangeOver.Phase]

    enum CodingKeys: String, CodingKey {
        case source, files, output, mapped, unmapped, warnings, plan
        case clusterYAML = "cluster_yaml"
    }

    init(_ imported: Imported, output: String?) {
        source = imported.source.rawValue
        files = imported.files
        self.output = output
        clusterYAML = imported.clusterYAML
        mapped = imported.report.mapped
        unmapped = imported.report.unmapped
        warnings = imported.warnings
        plan = imported.plan.phases
    }
}
