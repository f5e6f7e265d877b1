/// Columns of text, aligned by their widest cell.
struct Table {
    enum Colour: String {
        case red = "31"
        case yellow = "33"
        case green = "32"
    }

    struct Cell {
        var text: String
        var colour: Colour?

        init(_ text: String, _ colour: Colour? = nil) {
            self.text = text.onOneLine
            self.colour = colour
        }
    }

    private var rows: [[Cell]]
    private var rightAligned: Set<Int>

    init(_ head: [String], rightAligned: Set<Int> = []) {
        rows = [head.map { Cell($0) }]
        self.rightAligned = rightAligned
    }

    mutating func add(_ row: [Cell]) { rows.append(row) }
    mutating func add(_ row: [String]) { rows.append(row.map { Cell($0) }) }

    func text(isColoured: Bool) -> String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.count > column ? $0[column].text.count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(
                    repeating: " ", count: max(0, widths[column] - cell.text.count))
                let isLast = column == row.count - 1
                let text =
                    isColoured && cell.colour != nil
                    ? "\u{1B}[\(cell.colour?.rawValue ?? "")m\(cell.text)\u{1B}[0m" : cell.text
                let padded = rightAligned.contains(column) ? space + text : text + space
                line += isLast && !rightAligned.contains(column) ? text : padded
                if !isLast { line += "  " }
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
