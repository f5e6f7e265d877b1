public import ClusterFile

/// Whose configuration is imported.
public enum ImportSource: String, CaseIterable, Codable, Hashable, Sendable {
    case repmgr
    case patroni
    case pgAutoFailover = "pg-auto-failover"

    /// Its name in prose.
    public var title: String {
        switch self {
        case .repmgr: "repmgr"
        case .patroni: "Patroni"
        case .pgAutoFailover: "pg_auto_failover"
        }
    }
}

/// A file to import: nothing here opens one.
public struct ImportFile: Hashable, Sendable {
    public var path: String
    public var text: String

    public init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}

/// What the files can't say.
public struct ImportOptions: Hashable, Sendable {
    /// Name of the cluster; nil: what the files call it.
    public var cluster: String?
    /// Major version of PostgreSQL; nil: as the paths of its programs tell.
    public var postgresqlVersion: Int?

    public init(cluster: String? = nil, postgresqlVersion: Int? = nil) {
        self.cluster = cluster
        self.postgresqlVersion = postgresqlVersion
    }
}

/// Why files are refused: every problem that one reading can find.
public struct ImportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Invariant: not empty.
    public var problems: [Finding]

    public init(problems: [Finding]) { self.problems = problems }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One setting as a source file has it.
struct SourceSetting: Hashable, Sendable {
    /// As the mapping table names it: `reconnect_attempts`, `bootstrap.dcs.ttl`, `conninfo host`.
    var name: String
    var value: String
    var file: String
    var position: Position

    func problem(_ code: String, _ message: String, _ hint: String) -> Finding {
        Finding(
            code: code, file: file, position: position, setting: name, message: message,
            hint: hint)
    }
}

/// A source file, read.
struct SourceDocument: Hashable, Sendable {
    var file: String
    var settings: [SourceSetting]

    /// The last one wins, as it does for all three.
    subscript(name: String) -> SourceSetting? { settings.last { $0.name == name } }

    func problem(_ code: String, _ setting: String, _ message: String, _ hint: String)
        -> Finding
    {
        Finding(
            code: code, file: file, position: Position(line: 1, column: 1), setting: setting,
            message: message, hint: hint)
    }
}
