/// Names of PostgreSQL's parameters, and which of them belong to the toolkit.
enum ParameterName {
    /// A letter or underscore, then letters, digits, underscores, `$`; parts joined by dots.
    static func isValid(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 200 && parts.count <= 2
            && parts.allSatisfy { part in
                guard let first = part.utf8.first, isLetter(first) else { return false }
                return part.utf8.dropFirst().allSatisfy {
                    isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                        || $0 == UInt8(ascii: "$")
                }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
    }

    /// What to do instead of setting it; nil: it is the user's.
    static func ownersHint(_ name: String) -> String? {
        if name.hasPrefix("recovery_target") { return "leave it out: a node never stops replay" }
        return name.hasPrefix("toolkit.") ? set : owned[name]
    }

    private static let set = "leave it out: the toolkit sets it and changes it"
    private static func setting(_ path: String) -> String { "set `\(path)` instead" }

    /// By name in small letters.
    static let owned: [String: String] = [
        "synchronous_standby_names": "set `synchronous.number_sync_standbys` instead",
        "primary_conninfo": set,
        "primary_slot_name": set,
        "default_transaction_read_only": set,
        "restore_command": "leave it out: this version restores no WAL from an archive",
        "archive_cleanup_command": "leave it out: this version restores no WAL from an archive",
        "recovery_end_command": set,
        "promote_trigger_file": "leave it out: promotion is `toolkit switchover`",
        "recovery_min_apply_delay": "leave it out: a delayed node can be no candidate",
        "wal_log_hints": "leave it out: it is always on, for pg_rewind",
        "cluster_name": "leave it out: it is the node's name",
        "port": setting("nodes[].port"),
        "listen_addresses": "leave it out: a node listens on its `host` and on loopback",
        "unix_socket_directories": setting("nodes[].socket_dir"),
        "data_directory": setting("nodes[].data_dir"),
        "config_file": setting("config_dir"),
        "hba_file": setting("postgresql.hba"),
        "ident_file": "leave it out: the toolkit writes no pg_ident.conf",
        "allow_alter_system": set,
        "include": "write the parameters here",
        "include_dir": "write the parameters here",
        "include_if_exists": "write the parameters here",
        "wal_receiver_timeout": setting("failover.wal_receiver_timeout"),
        "wal_sender_timeout": setting("failover.wal_sender_timeout"),
        "wal_receiver_status_interval": setting("failover.wal_receiver_status_interval"),
        "wal_retrieve_retry_interval": setting("failover.wal_retrieve_retry_interval"),
    ]
}
