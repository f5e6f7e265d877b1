public import ClusterFile
public import Quotation
public import Rendering

/// The two roles of the toolkit in PostgreSQL, and what they may do. The one list of grants.
public enum Roles {
    /// Statements for a superuser's session that may write. `verifiers` are SCRAM verifiers by
    /// role, so that no log shows a password. The roles may exist already.
    public static func creation(
        _ settings: PostgresSettings, verifiers: [String: String]
    ) throws(QuotingError) -> [String] {
        var statements: [String] = []
        for role in [settings.role, settings.replicationRole] {
            let name = try Quoting.sqlIdentifier(role)
            let isMissing =
                "NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
                + (try Quoting.sqlLiteral(role)) + ")"
            let block = "BEGIN IF \(isMissing) THEN CREATE ROLE \(name); END IF; END"
            statements.append("DO \(try Quoting.sqlLiteral(block))")
            if let verifier = verifiers[role] {
                statements.append(
                    "ALTER ROLE \(name) PASSWORD \(try Quoting.sqlLiteral(verifier))")
            }
        }
        return statements
    }

    /// Statements that give both roles their rights, in the database that the scheduler connects
    /// to: rights on functions are kept per database.
    public static func grants(_ settings: PostgresSettings) throws(QuotingError) -> [String] {
        let role = try Quoting.sqlIdentifier(settings.role)
        let replication = try Quoting.sqlIdentifier(settings.replicationRole)
        // Before 15 no right allows a CHECKPOINT.
        let isSuperuser = settings.version < 15
        var statements = [
            "ALTER ROLE \(role) LOGIN REPLICATION\(isSuperuser ? " SUPERUSER" : "")",
            // Some of what the server says is told apart by its words.
            "ALTER ROLE \(role) SET lc_messages = 'C'",
            "ALTER ROLE \(replication) LOGIN REPLICATION",
        ]
        if !isSuperuser {
            statements.append("GRANT \(memberships.joined(separator: ", ")) TO \(role)")
            statements += functions(settings.version).map { grant($0, to: role) }
        }
        return statements + rewindFunctions.map { grant($0, to: replication) }
    }

    private static func grant(_ function: String, to role: String) -> String {
        "GRANT EXECUTE ON FUNCTION pg_catalog.\(function) TO \(role)"
    }

    private static let memberships = [
        "pg_monitor", "pg_checkpoint", "pg_signal_backend", "pg_execute_server_program",
    ]

    /// What the scheduler calls, beyond what its memberships allow.
    private static func functions(_ major: Int) -> [String] {
        [
            "pg_read_file(text, bigint, bigint, boolean)",
            "pg_promote(boolean, integer)",
            "pg_reload_conf()",
            "pg_wal_replay_resume()",
            "pg_ls_waldir()",
            // From 17 on it may flush, too.
            "pg_logical_emit_message(boolean, text, text\(major < 17 ? "" : ", boolean"))",
            "pg_control_system()",
            "pg_control_checkpoint()",
            "pg_control_recovery()",
            "pg_show_all_file_settings()",
        ]
    }

    /// What pg_rewind calls on its source.
    private static let rewindFunctions = [
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    ]
}
