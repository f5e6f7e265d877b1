/// A value that its target has no way to say.
public struct QuotingError: Error, Hashable, Sendable, CustomStringConvertible {
    public let target: String
    /// Why not; never the value, which may be a secret.
    public let because: String

    public var description: String { "cannot be said in \(target): \(because)" }
}

/// Text for its target, so that what the target reads equals the value: one function for each.
public enum Quoting {
    /// A value of postgresql.conf, and the file name behind `include`.
    public static func confValue(_ value: String) throws(QuotingError) -> String {
        try refuseLineBreaks(value, in: "postgresql.conf")
        return "'" + doubling(["'", "\\"], in: value) + "'"
    }

    /// The name of a parameter: `work_mem`, `pg_stat_statements.max`.
    public static func confName(_ name: String) throws(QuotingError) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy(isConfIdentifier) else {
            throw QuotingError(
                target: "postgresql.conf",
                because: "a parameter's name is letters, digits, _ and $, with at most one dot")
        }
        guard !["include", "include_dir", "include_if_exists"].contains(name.lowercased()) else {
            throw QuotingError(target: "postgresql.conf", because: "\(name) is no parameter")
        }
        return name
    }

    /// An element of a list setting (`unix_socket_directories`), before `confValue`.
    public static func listElement(_ element: String) throws(QuotingError) -> String {
        guard !element.isEmpty else {
            throw QuotingError(target: "a list setting", because: "it is empty")
        }
        let plain = element.utf8.allSatisfy { isLetterOrDigit($0) || "_./:-".utf8.contains($0) }
        return plain ? element : "\"" + doubling(["\""], in: element) + "\""
    }

    /// A name in pg_hba.conf, always quoted, so that `all`, `replication`, `+` and `@` are names.
    public static func hbaToken(_ name: String) throws(QuotingError) -> String {
        try authenticationToken(name, in: "pg_hba.conf")
    }

    /// A name in pg_ident.conf.
    public static func identToken(_ name: String) throws(QuotingError) -> String {
        try authenticationToken(name, in: "pg_ident.conf")
    }

    /// An address or a method: letters, digits and `. _ : / % -`, which nothing has to quote.
    public static func word(_ word: String) throws(QuotingError) -> String {
        let plain = word.utf8.allSatisfy { isLetterOrDigit($0) || "._:/%-".utf8.contains($0) }
        guard plain, let first = word.utf8.first, first != UInt8(ascii: "-") else {
            throw QuotingError(
                target: "an unquoted word",
                because: "only letters, digits and . _ : / % - are allowed there")
        }
        return word
    }

    /// A string in SQL, whatever `standard_conforming_strings` says.
    public static func sqlLiteral(_ value: String) throws(QuotingError) -> String {
        try refuseNUL(value, in: "SQL")
        let quoted = "'" + doubling(["'", "\\"], in: value) + "'"
        return value.unicodeScalars.contains("\\") ? "E" + quoted : quoted
    }

    /// A name in SQL.
    public static func sqlIdentifier(_ name: String) throws(QuotingError) -> String {
        try refuseNUL(name, in: "SQL")
        guard (1...identifierBytesMax).contains(name.utf8.count) else {
            throw QuotingError(
                target: "SQL", because: "a name has 1 to \(identifierBytesMax) bytes")
        }
        return "\"" + doubling(["\""], in: name) + "\""
    }

    /// A value in a libpq connection string.
    public static func conninfoValue(_ value: String) throws(QuotingError) -> String {
        try refuseNUL(value, in: "a connection string")
        var quoted = "'"
        for scalar in value.unicodeScalars {
            if scalar == "'" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }

    /// Text behind a comment sign.
    public static func comment(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "a comment")
        // A backslash at the end of a line of pg_hba.conf joins the next line to it.
        return text.utf8.last == UInt8(ascii: "\\") ? text + " " : text
    }

    /// A user's own line, taken as it is.
    public static func line(_ line: String) throws(QuotingError) -> String {
        try refuseLineBreaks(line, in: "one line")
        guard line.utf8.last != UInt8(ascii: "\\") else {
            throw QuotingError(
                target: "one line", because: "its backslash at the end would swallow the next line")
        }
        return line
    }

    /// PostgreSQL cuts longer names off.
    static let identifierBytesMax = 63

    /// PostgreSQL 15 and older skip a line with a longer token.
    private static let tokenBytesMax = 255

    private static func authenticationToken(
        _ name: String, in target: String
    ) throws(QuotingError) -> String {
        try refuseLineBreaks(name, in: target)
        guard name.utf8.first != UInt8(ascii: "/") else {
            throw QuotingError(
                target: target, because: "a leading slash makes it a regular expression")
        }
        guard (1...tokenBytesMax).contains(name.utf8.count) else {
            throw QuotingError(
                target: target, because: "a name has 1 to \(tokenBytesMax) bytes there")
        }
        return "\"" + doubling(["\""], in: name) + "\""
    }

    static func refuseNUL(_ text: String, in target: String) throws(QuotingError) {
        guard !text.unicodeScalars.contains("\0") else {
            throw QuotingError(target: target, because: "it holds a NUL byte")
        }
    }

    static func refuseLineBreaks(_ text: String, in target: String) throws(QuotingError) {
        try refuseNUL(text, in: target)
        guard !text.unicodeScalars.contains(where: { $0 == "\n" || $0 == "\r" }) else {
            throw QuotingError(target: target, because: "it holds a line break")
        }
    }

    /// Works on scalars: a combining mark behind a quote makes one `Character` of the two.
    static func doubling(_ doubled: [Unicode.Scalar], in text: String) -> String {
        guard text.unicodeScalars.contains(where: doubled.contains) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if doubled.contains(scalar) { result.unicodeScalars.append(scalar) }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private static func isConfIdentifier(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, !(0x30...0x39).contains(first) else { return false }
        guard first != UInt8(ascii: "$") else { return false }
        return part.utf8.allSatisfy { isLetterOrDigit($0) || "_$".utf8.contains($0) }
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
