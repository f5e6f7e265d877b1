/// Where something stands in a file; both count from 1, columns in Unicode scalars.
public struct Position: Hashable, Codable, Comparable, Sendable, CustomStringConvertible {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
    public var description: String { "\(line):\(column)" }
}

/// One thing that the reader of a `cluster.yaml` has to say about it.
public struct Finding: Hashable, Codable, Sendable, CustomStringConvertible {
    public enum Level: String, Hashable, Codable, Sendable {
        /// The file is refused.
        case error
        /// The file is taken; what it says is a risk.
        case warning
        /// What the file means and its author may not expect.
        case note
    }

    public var level: Level
    /// A stable word for programs: `type.wrong`, `nodes.same_address`.
    public var code: String
    public var file: String
    /// Nil: about the file as a whole.
    public var position: Position?
    /// The setting's path as written, `nodes[1].port`; empty: about the file as a whole.
    public var setting: String
    public var message: String
    /// What to do next.
    public var hint: String

    public init(
        level: Level = .error, code: String, file: String, position: Position? = nil,
        setting: String = "", message: String, hint: String
    ) {
        self.level = level
        self.code = code
        self.file = file
        self.position = position
        self.setting = setting
        self.message = message
        self.hint = hint
    }

    /// `cluster.yaml:4:11: nodes[0].port: expected …, found …` and below it `  next: …`.
    public var description: String {
        let place = position.map { "\(file):\($0): " } ?? "\(file): "
        let kind = level == .error ? "" : "\(level.rawValue): "
        let subject = setting.isEmpty ? "" : "\(setting): "
        return "\(place)\(kind)\(subject)\(message)\n  next: \(hint)"
    }
}

extension Finding {
    /// In order of position; what has none, about the file as a whole, first.
    static func isBefore(_ left: Finding, _ right: Finding) -> Bool {
        let start = Position(line: 0, column: 0)
        let places = (left.position ?? start, right.position ?? start)
        if places.0 != places.1 { return places.0 < places.1 }
        return (left.setting, left.code) < (right.setting, right.code)
    }
}

/// Why a `cluster.yaml` is refused: every problem that one reading can find, in order of position.
public struct ClusterFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// Invariant: not empty.
    public var problems: [Finding]

    public init(path: String, problems: [Finding]) {
        self.path = path
        self.problems = problems
    }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
