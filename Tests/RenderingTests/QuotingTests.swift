import Rendering
import Testing

@Suite("Quoting")
struct QuotingTests {
    struct Row: CustomTestStringConvertible {
        var filter: TemplateFilter
        var value: String
        var gives: String
        var testDescription: String { "\(filter.rawValue) \(value.debugDescription)" }
    }

    static let rows: [Row] = [
        Row(filter: .conf, value: "", gives: "''"),
        Row(filter: .conf, value: "it's", gives: "'it''s'"),
        Row(filter: .conf, value: #"a\'b\"#, gives: #"'a\\''b\\'"#),
        Row(filter: .conf, value: "'\u{301}", gives: "'''\u{301}'"),
        Row(filter: .conf, value: "# $(x) ; %p {{ -ü", gives: "'# $(x) ; %p {{ -ü'"),
        Row(filter: .confName, value: "work_mem", gives: "work_mem"),
        Row(filter: .confName, value: "pg_stat_statements.max", gives: "pg_stat_statements.max"),
        Row(filter: .confElement, value: "/run/shop", gives: "'/run/shop'"),
        Row(filter: .confElement, value: #"/a, "b'"#, gives: #"'"/a, ""b''"'"#),
        Row(filter: .hba, value: "all", gives: "\"all\""),
        Row(filter: .hba, value: "a\"b", gives: "\"a\"\"b\""),
        Row(filter: .ident, value: "+x, @y #z", gives: "\"+x, @y #z\""),
        Row(filter: .word, value: "fe80::1%eth0", gives: "fe80::1%eth0"),
        Row(filter: .sqlLiteral, value: "it's", gives: "'it''s'"),
        Row(filter: .sqlLiteral, value: #"a\'b"#, gives: #"E'a\\''b'"#),
        Row(filter: .sqlIdentifier, value: "a\"b", gives: "\"a\"\"b\""),
        Row(filter: .comment, value: #"ends in \"#, gives: #"ends in \ "#),
        Row(filter: .line, value: "host all all all md5", gives: "host all all all md5"),
    ]

    @Test(arguments: rows)
    func quotes(_ row: Row) throws {
        let template = try Template("{{ a | \(row.filter.rawValue) }}", file: "t")
        #expect(try template.render(["a": .text(row.value)]) == row.gives)
    }

    static let refused: [Row] = [
        Row(filter: .conf, value: "a\nb", gives: "in postgresql.conf: it holds a line break"),
        Row(filter: .conf, value: "a\r\nb", gives: "in postgresql.conf: it holds a line break"),
        Row(filter: .conf, value: "a\0b", gives: "in postgresql.conf: it holds a NUL byte"),
        Row(
            filter: .confName, value: "a = 1 #",
            gives: "in postgresql.conf: "
                + "a parameter's name is letters, digits, _ and $, with at most one dot"),
        Row(
            filter: .confName, value: "1a",
            gives: "in postgresql.conf: "
                + "a parameter's name is letters, digits, _ and $, with at most one dot"),
        Row(
            filter: .confName, value: "",
            gives: "in postgresql.conf: "
                + "a parameter's name is letters, digits, _ and $, with at most one dot"),
        Row(
            filter: .confName, value: "Include_Dir",
            gives: "in postgresql.conf: Include_Dir is no parameter"),
        Row(filter: .confElement, value: "", gives: "in a list setting: it is empty"),
        Row(filter: .hba, value: "a\nb", gives: "in pg_hba.conf: it holds a line break"),
        Row(
            filter: .hba, value: "/x",
            gives: "in pg_hba.conf: a leading slash makes it a regular expression"),
        Row(
            filter: .hba, value: "/\u{301}",
            gives: "in pg_hba.conf: a leading slash makes it a regular expression"),
        Row(filter: .hba, value: "", gives: "in pg_hba.conf: a name has 1 to 255 bytes there"),
        Row(
            filter: .ident, value: String(repeating: "ü", count: 128),
            gives: "in pg_ident.conf: a name has 1 to 255 bytes there"),
        Row(
            filter: .word, value: "10.0.0.1 trust",
            gives: "in an unquoted word: only letters, digits and . _ : / % - are allowed there"),
        Row(
            filter: .word, value: "-x",
            gives: "in an unquoted word: only letters, digits and . _ : / % - are allowed there"),
        Row(filter: .sqlLiteral, value: "\0", gives: "in SQL: it holds a NUL byte"),
        Row(filter: .sqlIdentifier, value: "\0", gives: "in SQL: it holds a NUL byte"),
        Row(
            filter: .sqlIdentifier, value: String(repeating: "a", count: 64),
            gives: "in SQL: a name has 1 to 63 bytes"),
        Row(filter: .comment, value: "a\nb", gives: "in a comment: it holds a line break"),
        Row(
            filter: .line, value: "host all \\",
            gives: "in one line: its backslash at the end would swallow the next line"),
    ]

    @Test(arguments: refused)
    func refusesWhatTheTargetCannotSay(_ row: Row) throws {
        let template = try Template("{{ a | \(row.filter.rawValue) }}", file: "t")
        let error = try #require(throws: TemplateError.self) {
            try template.render(["a": .text(row.value)])
        }
        #expect(error.description == "t:1:1: 'a' cannot be said " + row.gives)
    }
}
