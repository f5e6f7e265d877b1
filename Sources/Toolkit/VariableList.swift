import FailoverCore
import Rendering

/// `toolkit render --list-variables`: every variable of templates with its value for one node.
struct VariableList: Encodable {
    let cluster: String
    let node: NodeID?
    let values: [NamedValue]

    /// A longer value, or each element of a longer list, has a line of its own: the columns stay readable.
    private static let widestCell = 40

    var title: String {
        "variables of \(cluster)" + (node.map { ", with the values of \($0)" } ?? "")
    }

    var text: String {
        var table = Table(["VARIABLE", "VALUE", "MEANING"])
        var below: [[String]] = [[]]
        for named in values {
            let value = named.value.summary.onOneLine
            let isLong = value.count > Self.widestCell
            table.add([
                named.variable.path, isLong ? "(below)" : value, named.variable.documentation,
            ])
            below.append(isLong ? Self.lines(named.value) : [])
        }
        let rows = table.text(isColoured: false).split(
            separator: "\n", omittingEmptySubsequences: false)
        return zip(rows, below).map { row, below in
            ([String(row)] + below.map { "    " + $0 }).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func lines(_ value: TemplateValue) -> [String] {
        guard case .list(let elements) = value else { return [value.summary.onOneLine] }
        return elements.map(\.summary.onOneLine)
    }

    // MARK: - JSON

    private enum Key: String, CodingKey { case cluster, node, variables }

    private struct Variable: Encodable {
        var name: String
        var value: Value
        var meaning: String
    }

    private struct Value: Encodable {
        var value: TemplateValue

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .text(let text): try container.encode(text)
            case .integer(let number): try container.encode(number)
            case .boolean(let isOn): try container.encode(isOn)
            case .list(let elements): try container.encode(elements.map(Value.init))
            case .table(let table): try container.encode(table.mapValues(Value.init))
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(cluster, forKey: .cluster)
        try container.encodeIfPresent(node?.rawValue, forKey: .node)
        try container.encode(
            values.map {
                Variable(
                    name: $0.variable.path, value: Value(value: $0.value),
                    meaning: $0.variable.documentation)
            }, forKey: .variables)
    }
}
