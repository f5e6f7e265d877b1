public import ClusterFile

/// What an import makes.
public struct Imported: Sendable {
    public var source: ImportSource
    public var files: [String]
    /// A cluster.yaml that the product takes.
    public var clusterYAML: String
    public var settings: ClusterSettings
    public var report: ImportReport
    /// What the product has to say about the cluster.yaml.
    public var warnings: [Finding]
    public var plan: ChangeOver
}

/// From another tool's configuration to a cluster.yaml. Text in, result out: no file is opened, no
/// machine asked.
public enum Importer {
    public static func run(
        _ source: ImportSource, _ files: [ImportFile], options: ImportOptions = ImportOptions()
    ) throws(ImportError) -> Imported {
        var reading =
            switch source {
            case .repmgr: try RepmgrReading(files).reading
            case .patroni: try PatroniReading(files).reading
            case .pgAutoFailover: try PgAutoFailoverReading(files).reading
            }
        complete(&reading.draft, options)
        let (yaml, loaded) = try accepted(&reading.draft)
        return Imported(
            source: source, files: files.map(\.path), clusterYAML: yaml,
            settings: loaded.settings, report: reading.draft.report,
            warnings: loaded.warnings + loaded.notes,
            plan: ChangeOver(source, loaded.settings, reading.facts))
    }

    /// What the command line says, and what is still missing.
    private static func complete(_ draft: inout Draft, _ options: ImportOptions) {
        let nowhere = SourceSetting(
            name: "", value: "", file: draft.nodes.first?.document.file ?? "",
            position: Position(line: 1, column: 1))
        if let cluster = options.cluster {
            if let old = draft.values["cluster"] {
                draft.report.retract(target: "cluster", old.scalar.shown)
            }
            var origin = nowhere
            origin.name = "--cluster"
            origin.value = cluster
            draft.values["cluster"] = nil
            draft.set("cluster", .text(cluster), from: origin)
        }
        var origin = draft.values["postgresql.bin_dir"]?.origin ?? nowhere
        let told = draft.values["postgresql.bin_dir"].flatMap {
            ProgramPath.version(in: $0.scalar.shown)
        }
        if options.postgresqlVersion != nil {
            origin.name = "--postgresql"
            origin.value = options.postgresqlVersion.map(String.init) ?? ""
        }
        guard let version = options.postgresqlVersion ?? told else {
            draft.problems.append(
                origin.problem(
                    "version.unknown", "no path tells the major version of PostgreSQL",
                    "name it with --postgresql, such as `--postgresql 16`"))
            return
        }
        draft.set("postgresql.version", .number(version), from: origin)
    }

    /// The text that `ClusterFile` takes; what it refuses and can be left out is left out.
    private static func accepted(
        _ draft: inout Draft
    ) throws(ImportError) -> (yaml: String, loaded: ClusterFile.Loaded) {
        guard draft.problems.isEmpty else {
            throw ImportError(problems: draft.problems)
        }
        while true {
            let yaml = ClusterText.text(of: draft)
            do throws(ClusterFileError) {
                // No key is read: any home makes `~/` lead somewhere.
                let loaded = try ClusterFile.parse(
                    yaml, baseDirectory: "/", environment: ["HOME": "/nonexistent"])
                return (yaml, loaded)
            } catch {
                let refused = error.problems.filter { !draft.leaveOut($0) }
                guard refused.isEmpty else {
                    throw ImportError(problems: refused.map { traced($0, draft) })
                }
            }
        }
    }

    /// With the place of the source in place of that of the text that nobody has.
    private static func traced(_ finding: Finding, _ draft: Draft) -> Finding {
        guard let origin = draft.value(at: finding.setting)?.origin else {
            return draft.nodes.first?.document.problem(
                finding.code, finding.setting, finding.message, finding.hint) ?? finding
        }
        let path = finding.setting.isEmpty ? "" : "as `\(finding.setting)` of cluster.yaml: "
        return origin.problem(
            finding.code, SecretText.hiding(in: path + finding.message), finding.hint)
    }
}

/// What the readers of the three sources leave behind.
struct Reading {
    var draft: Draft
    var facts: ChangeOver.Facts
}
