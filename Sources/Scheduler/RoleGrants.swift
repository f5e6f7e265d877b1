/// What the role `toolkit` must be allowed to do on a cluster (DESIGN 5): as SQL, for whoever
/// makes the role.
public enum RoleGrants {
    /// Functions that only a superuser may call unless they are granted, beyond what the
    /// predefined roles give.
    static let functions = [
        "pg_read_file(text, bigint, bigint, boolean)",
        "pg_promote(boolean, integer)",
        "pg_reload_conf()",
        "pg_wal_replay_resume()",
        "pg_ls_waldir()",
        "pg_logical_emit_message(boolean, text, text)",
        "pg_control_system()",
        "pg_control_checkpoint()",
        "pg_control_recovery()",
    ]

    /// What pg_rewind calls on its source as a role that is no superuser.
    static let rewindFunctions = [
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    ]

    /// Statements that give `role` its rights, for a session of a superuser in the database that
    /// the scheduler connects to. `role` and `replicationRole` exist and are plain identifiers.
    /// On 13 and 14 the role has to be a superuser: CHECKPOINT can't be granted there.
    public static func sql(
        role: String, replicationRole: String, version: Int
    ) -> [String] {
        let rewind = rewindFunctions.map {
            "GRANT EXECUTE ON FUNCTION pg_catalog.\($0) TO \(identifier(replicationRole))"
        }
        let replication = ["ALTER ROLE \(identifier(replicationRole)) LOGIN REPLICATION"] + rewind
        guard version >= 15 else {
            return ["ALTER ROLE \(identifier(role)) LOGIN SUPERUSER"] + replication
        }
        return [
            "ALTER ROLE \(identifier(role)) LOGIN REPLICATION",
            """
            GRANT pg_monitor, pg_checkpoint, pg_signal_backend, pg_execute_server_program \
            TO \(identifier(role))
            """,
        ]
            + functions.map {
                "GRANT EXECUTE ON FUNCTION pg_catalog.\($0) TO \(identifier(role))"
            } + replication
    }

    private static func identifier(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }
}
