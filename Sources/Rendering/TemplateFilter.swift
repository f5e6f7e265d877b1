import Quotation

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
    /// One word of a shell.
    case sh
    /// A path in tmpfiles.d.
    case unitWord = "unit_word"
    /// The program of `ExecStart=`.
    case unitProgram = "unit_program"
    /// An argument of `ExecStart=`.
    case unitArgument = "unit_argument"
    /// The rest of a unit's line.
    case unitValue = "unit_value"
    case yaml
    /// YAML in which `$` begins a variable.
    case compose
    /// A part of such a text, between double quotes that stand in the template.
    case composePart = "compose_part"
    case sudoersUser = "sudoers_user"
    case sudoersArgument = "sudoers_argument"
    case sshOption = "ssh_option"
    case pgbouncer
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
        case .sh: try Quoting.shellWord(text)
        case .unitWord: try Quoting.unitWord(text)
        case .unitProgram: try Quoting.unitProgram(text)
        case .unitArgument: try Quoting.unitArgument(text)
        case .unitValue: try Quoting.unitValue(text)
        case .yaml: try Quoting.yaml(text)
        case .compose: try Quoting.compose(text)
        case .composePart: try String(Quoting.compose(text).dropFirst().dropLast())
        case .sudoersUser: try Quoting.sudoersUser(text)
        case .sudoersArgument: try Quoting.sudoersArgument(text)
        case .sshOption: try Quoting.sshOption(text)
        case .pgbouncer: try Quoting.pgbouncerValue(text)
        case .comment: try Quoting.comment(text)
        case .line: try Quoting.line(text)
        }
    }

    static var known: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
