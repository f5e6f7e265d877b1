extension Rule {
    /// A server refuses to start over a parameter that it doesn't know.
    static let versions = Rule(
        code: "parameters.version", reads: ["postgresql.parameters", "postgresql.version"]
    ) { subject in
        let version = subject.settings.postgresql.version
        return violations(in: subject) { name, _ in
            guard let known = ParameterName.versions[name], !known.range.contains(version) else {
                return nil
            }
            let since = known.range.lowerBound
            if version < since {
                return (
                    "PostgreSQL \(version) does not know it; it came with \(since)", "leave it out"
                )
            }
            return (
                "PostgreSQL \(known.range.upperBound + 1) and later do not know it",
                known.instead.map { "write `\($0)` instead" } ?? "leave it out"
            )
        }
    }
}

extension ParameterName {
    /// Which majors of 13 to 18 know a parameter.
    struct Versions: Sendable {
        var range: ClosedRange<Int>
        /// Its name in later majors.
        var instead: String?
    }

    private static func since(_ major: Int) -> Versions { Versions(range: major...18) }
    private static func until(_ major: Int, instead: String? = nil) -> Versions {
        Versions(range: 13...major, instead: instead)
    }

    /// The parameters that came, went or were renamed; by name in small letters.
    static let versions: [String: Versions] = [
        // Went.
        "operator_precedence_warning": until(13),
        "vacuum_cleanup_index_scale_factor": until(13),
        "stats_temp_directory": until(14),
        "force_parallel_mode": until(15, instead: "debug_parallel_query"),
        "lc_collate": until(15), "lc_ctype": until(15),
        "promote_trigger_file": until(15), "vacuum_defer_cleanup_age": until(15),
        "db_user_namespace": until(16), "old_snapshot_threshold": until(16),
        "trace_recovery_messages": until(16),
        // Came.
        "client_connection_check_interval": since(14), "compute_query_id": since(14),
        "default_toast_compression": since(14), "huge_page_size": since(14),
        "idle_session_timeout": since(14), "in_hot_standby": since(14),
        "log_recovery_conflict_waits": since(14), "min_dynamic_shared_memory": since(14),
        "recovery_init_sync_method": since(14), "remove_temp_files_after_crash": since(14),
        "ssl_crl_dir": since(14), "track_wal_io_timing": since(14),
        "vacuum_failsafe_age": since(14), "vacuum_multixact_failsafe_age": since(14),
        "log_startup_progress_interval": since(15), "recovery_prefetch": since(15),
        "stats_fetch_consistency": since(15), "wal_decode_buffer_size": since(15),
        "createrole_self_grant": since(16), "debug_parallel_query": since(16),
        "enable_presorted_aggregate": since(16), "gss_accept_delegation": since(16),
        "reserved_connections": since(16), "scram_iterations": since(16),
        "vacuum_buffer_usage_limit": since(16),
        "enable_group_by_reordering": since(17), "event_triggers": since(17),
        "huge_pages_status": since(17), "io_combine_limit": since(17),
        "max_notify_queue_pages": since(17),
        "summarize_wal": since(17), "sync_replication_slots": since(17),
        "synchronized_standby_slots": since(17), "trace_connection_negotiation": since(17),
        "transaction_buffers": since(17), "transaction_timeout": since(17),
        "wal_summary_keep_time": since(17),
        "autovacuum_vacuum_max_threshold": since(18), "autovacuum_worker_slots": since(18),
        "enable_distinct_reordering": since(18), "enable_self_join_elimination": since(18),
        "extension_control_path": since(18), "file_copy_method": since(18),
        "idle_replication_slot_timeout": since(18), "io_max_combine_limit": since(18),
        "io_max_concurrency": since(18), "io_method": since(18), "io_workers": since(18),
        "log_lock_failures": since(18), "max_active_replication_origins": since(18),
        "md5_password_warnings": since(18), "oauth_validator_libraries": since(18),
        "ssl_groups": since(18), "ssl_tls13_ciphers": since(18),
        "track_cost_delay_timing": since(18), "vacuum_max_eager_freeze_failure_rate": since(18),
        "vacuum_truncate": since(18),
    ]
}
