/// What a template's variable may be.
public enum TemplateValue: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case boolean(Bool)
    case list([TemplateValue])
    case table([String: TemplateValue])

    var kind: String {
        switch self {
        case .text: "text"
        case .integer: "a number"
        case .boolean: "a yes or no"
        case .list: "a list"
        case .table: "a table"
        }
    }

    /// On one line, for a table of values.
    public var summary: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .boolean(let isOn): isOn ? "on" : "off"
        case .list(let elements): elements.map(\.summary).joined(separator: ", ")
        case .table(let table):
            "{ "
                + table.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.summary)" }
                .joined(separator: ", ") + " }"
        }
    }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(arrayLiteral elements: TemplateValue...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (String, TemplateValue)...) {
        self = .table(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

/// A place in a template, both counted from 1; columns count characters.
public struct TemplatePosition: Hashable, Sendable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A template that cannot be read, or not be filled in.
public struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let position: TemplatePosition
    /// What is wrong there; never a variable's value, which may be a secret.
    public let problem: String

    public var description: String { "\(file):\(position.line):\(position.column): \(problem)" }
}
