/// What follows the bar in `{{ name | filter }}`: the target that the value is quoted for.
public enum TemplateFilter: String, Hashable, Sendable, CaseIterable {
    /// A value of postgresql.conf.
    case conf
    /// A parameter's name in postgresql.conf.
    case confName = "conf_name"
    /// One element of a list that is a value of postgresql.conf (`unix_socket_directories`).
    case confElement = "conf_element"
    /// A name in pg_hba.conf.
    case hba
    /// A name in pg_ident.conf.
    case ident
    /// A token that needs no quotes anywhere: an address, a method.
    case word
    case sqlLiteral = "sql_literal"
    case sqlIdentifier = "sql_identifier"
    /// Text behind a `#` or `--`.
    case comment
    /// A whole line that is taken as it is.
    case line

    func apply(_ text: String) throws(QuotingError) -> String {
        switch self {
        case .conf: try Quoting.confValue(text)
        case .confName: try Quoting.confName(text)
        case .confElement: try Quoting.confValue(Quoting.listElement(text))
        case .hba: try Quoting.hbaToken(text)
        case .ident: try Quoting.identToken(text)
        case .word: try Quoting.word(text)
        case .sqlLiteral: try Quoting.sqlLiteral(text)
        case .sqlIdentifier: try Quoting.sqlIdentifier(text)
        case .comment: try Quoting.comment(text)
        case .line: try Quoting.line(text)
        }
    }

    static var known: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
