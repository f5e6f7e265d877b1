/// What a statement returned: named columns, and rows of text as PostgreSQL writes it.
public struct Rows: Hashable, Sendable {
    public let columns: [String]
    public let values: [[String?]]
    /// What the server says it did: `SELECT 1`, `CREATE TABLE`.
    public let command: String
    /// The server that answered, for error texts.
    let source: String

    init(columns: [String] = [], values: [[String?]] = [], command: String = "", source: String) {
        self.columns = columns
        self.values = values
        self.command = command
        self.source = source
    }
}

extension Rows: RandomAccessCollection {
    public var startIndex: Int { values.startIndex }
    public var endIndex: Int { values.endIndex }
    public subscript(index: Int) -> Row { Row(rows: self, values: values[index]) }

    /// The only row of a statement that returns exactly one.
    public func single() throws(PostgresError) -> Row {
        guard count == 1 else {
            throw PostgresError(
                .unexpectedValue, "cannot read the answer", subject: source,
                message: "it has \(count) rows where one is expected")
        }
        return self[0]
    }
}

/// One row. The plain accessors throw when the column is missing, null or of another type; the
/// `optional` ones give nil for null only.
public struct Row: Hashable, Sendable {
    let rows: Rows
    public let values: [String?]

    public func string(_ column: String) throws(PostgresError) -> String {
        try present(optionalString(column), column)
    }

    public func int(_ column: String) throws(PostgresError) -> Int {
        try present(optionalInt(column), column)
    }

    public func double(_ column: String) throws(PostgresError) -> Double {
        try present(optionalDouble(column), column)
    }

    public func bool(_ column: String) throws(PostgresError) -> Bool {
        try present(optionalBool(column), column)
    }

    public func optionalString(_ column: String) throws(PostgresError) -> String? {
        guard let index = rows.columns.firstIndex(of: column) else {
            throw PostgresError(
                .missingColumn, "cannot read column '\(column)'", subject: rows.source,
                message: "the answer has only: \(rows.columns.joined(separator: ", "))")
        }
        return values[index]
    }

    public func optionalInt(_ column: String) throws(PostgresError) -> Int? {
        try convert(column, to: "an integer") { Int($0) }
    }

    public func optionalDouble(_ column: String) throws(PostgresError) -> Double? {
        try convert(column, to: "a number") { Double($0) }
    }

    public func optionalBool(_ column: String) throws(PostgresError) -> Bool? {
        try convert(column, to: "a boolean") {
            switch $0 {
            case "t": true
            case "f": false
            default: nil
            }
        }
    }

    private func convert<Value>(
        _ column: String, to type: String, _ parse: (String) -> Value?
    ) throws(PostgresError) -> Value? {
        guard let text = try optionalString(column) else { return nil }
        guard let value = parse(text) else {
            throw PostgresError(
                .unexpectedValue, "cannot read column '\(column)'", subject: rows.source,
                message: "its value is not \(type)")
        }
        return value
    }

    private func present<Value>(
        _ value: Value?, _ column: String
    ) throws(PostgresError) -> Value {
        guard let value else {
            throw PostgresError(
                .unexpectedValue, "cannot read column '\(column)'", subject: rows.source,
                message: "its value is null")
        }
        return value
    }
}
