/// Whole numbers with a unit, as the file has them.
private struct Quantity {
    /// The largest first.
    var units: [(name: String, factor: Int64)]

    /// In the largest unit that leaves no rest.
    func render(_ value: Int64, zero: String) -> String {
        guard value != 0, let unit = units.first(where: { value % $0.factor == 0 }) else {
            return zero
        }
        return "\(value / unit.factor)\(unit.name)"
    }

    /// Nil for anything but a whole number with a unit.
    func parse(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits),
            let unit = units.first(where: { $0.name == text.dropFirst(digits.count) })
        else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : value
    }
}

/// Durations: `500ms`, `3s`, `5min`, `1h`.
public enum DurationText {
    private static let quantity = Quantity(units: [
        ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1),
    ])

    /// In the largest unit that leaves no rest.
    public static func render(_ ms: Int64) -> String { quantity.render(ms, zero: "0s") }

    /// Milliseconds; nil for anything but a whole number with a unit.
    public static func parse(_ text: String) -> Int64? { quantity.parse(text) }
}

/// Sizes, in PostgreSQL's units of 1024: `512kB`, `16MB`, `1GB`, `2TB`.
public enum SizeText {
    private static let quantity = Quantity(units: [
        ("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10), ("B", 1),
    ])

    /// In the largest unit that leaves no rest.
    public static func render(_ bytes: Int64) -> String { quantity.render(bytes, zero: "0B") }

    /// Bytes; nil for anything but a whole number with a unit.
    public static func parse(_ text: String) -> Int64? { quantity.parse(text) }
}
