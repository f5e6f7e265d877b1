import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Contradictions for PostgreSQL")
struct PostgresContradictionTests {
    static let postgresql: [FileRow] = [
        FileRow(
            "trust outside a lab",
            code: "postgresql.trust_outside_lab",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  authentication: trust

                """#,
            says: #"""
                cluster.yaml:7:19: postgresql.authentication: `trust` lets everyone on these addresses in as the toolkit
                  next: write `scram-sha-256`, or in a laboratory `lab: true` at the top
                """#),
        FileRow(
            "one role for both",
            code: "postgresql.same_role",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  role: toolkit_replication

                """#,
            says: #"""
                cluster.yaml:7:9: postgresql.role: `role` and `replication_role` are both "toolkit_replication", and they have different rights
                  next: give them different names
                """#),
        FileRow(
            "a reserved role",
            code: "postgresql.reserved_role",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  role: pg_monitor

                """#,
            says: #"""
                cluster.yaml:7:9: postgresql.role: PostgreSQL keeps the name "pg_monitor" for itself
                  next: choose another name
                """#),
        FileRow(
            "synchronous_standby_names",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters:
                    Synchronous_Standby_Names: '*'

                """#,
            says: #"""
                cluster.yaml:8:32: postgresql.parameters.Synchronous_Standby_Names: this parameter belongs to the toolkit
                  next: set `synchronous.number_sync_standbys` instead
                """#),
        FileRow(
            "primary_conninfo",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { primary_conninfo: host=x }

                """#,
            says: #"""
                cluster.yaml:7:35: postgresql.parameters.primary_conninfo: this parameter belongs to the toolkit
                  next: leave it out: the toolkit sets it and changes it
                """#),
        FileRow(
            "default_transaction_read_only",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { default_transaction_read_only: off }

                """#,
            says: #"""
                cluster.yaml:7:48: postgresql.parameters.default_transaction_read_only: this parameter belongs to the toolkit
                  next: leave it out: the toolkit sets it and changes it
                """#),
        FileRow(
            "port",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { port: 5433 }

                """#,
            says: #"""
                cluster.yaml:7:23: postgresql.parameters.port: this parameter belongs to the toolkit
                  next: set `nodes[].port` instead
                """#),
        FileRow(
            "recovery_min_apply_delay",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { recovery_min_apply_delay: 1h }

                """#,
            says: #"""
                cluster.yaml:7:43: postgresql.parameters.recovery_min_apply_delay: this parameter belongs to the toolkit
                  next: leave it out: a delayed node can be no candidate
                """#),
        FileRow(
            "recovery_target_lsn",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { recovery_target_lsn: 0/1 }

                """#,
            says: #"""
                cluster.yaml:7:38: postgresql.parameters.recovery_target_lsn: this parameter belongs to the toolkit
                  next: leave it out: a node never stops replay
                """#),
        FileRow(
            "restore_command",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { restore_command: 'cp %f %p' }

                """#,
            says: #"""
                cluster.yaml:7:34: postgresql.parameters.restore_command: this parameter belongs to the toolkit
                  next: leave it out: this version restores no WAL from an archive
                """#),
        FileRow(
            "wal_receiver_timeout",
            code: "parameters.owned",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { wal_receiver_timeout: 5s }

                """#,
            says: #"""
                cluster.yaml:7:39: postgresql.parameters.wal_receiver_timeout: this parameter belongs to the toolkit
                  next: set `failover.wal_receiver_timeout` instead
                """#),
        FileRow(
            "fsync",
            code: "parameters.unsafe",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { fsync: off }

                """#,
            says: #"""
                cluster.yaml:7:24: postgresql.parameters.fsync: `off` is refused: a standby's acknowledgement would promise nothing
                  next: leave it out
                """#),
        FileRow(
            "full_page_writes",
            code: "parameters.unsafe",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { full_page_writes: 'False' }

                """#,
            says: #"""
                cluster.yaml:7:35: postgresql.parameters.full_page_writes: `False` is refused: pg_rewind and crash recovery need it
                  next: leave it out
                """#),
        FileRow(
            "wal_level",
            code: "parameters.unsafe",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { wal_level: minimal }

                """#,
            says: #"""
                cluster.yaml:7:28: postgresql.parameters.wal_level: `minimal` is refused: standbys can't stream from it
                  next: leave it out
                """#),
        FileRow(
            "hot_standby",
            code: "parameters.unsafe",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { hot_standby: no }

                """#,
            says: #"""
                cluster.yaml:7:30: postgresql.parameters.hot_standby: `no` is refused: a standby could be neither observed nor promoted by SQL
                  next: leave it out
                """#),
        FileRow(
            "a parameter twice",
            code: "parameters.same",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { work_mem: 4MB, Work_Mem: 8MB }

                """#,
            says: #"""
                cluster.yaml:7:27: postgresql.parameters.work_mem: it is written twice, in capital and small letters
                  next: keep one of them
                """#),
        FileRow(
            "max_wal_senders",
            code: "parameters.too_few",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { max_wal_senders: 4 }

                """#,
            says: #"""
                cluster.yaml:7:34: postgresql.parameters.max_wal_senders: 4 is too few for 3 nodes
                  next: write at least 5, or leave it out
                """#),
        FileRow(
            "max_replication_slots",
            code: "parameters.too_few",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters: { max_replication_slots: 2 }

                """#,
            says: #"""
                cluster.yaml:7:40: postgresql.parameters.max_replication_slots: 2 is too few for 3 nodes
                  next: write at least 3, or leave it out
                """#),
        FileRow(
            "a parameter that was renamed",
            code: "parameters.version",
            yaml: #"""
                cluster: shop
                nodes: [ { name: a, host: h }, { name: b, host: i } ]
                postgresql:
                  version: 16
                  parameters:
                    Force_Parallel_Mode: on
                    io_method: worker
                    stats_temp_directory: /run/stats

                """#,
            says: #"""
                cluster.yaml:6:26: postgresql.parameters.Force_Parallel_Mode: PostgreSQL 16 and later do not know it
                  next: write `debug_parallel_query` instead
                cluster.yaml:7:16: postgresql.parameters.io_method: PostgreSQL 16 does not know it; it came with 18
                  next: leave it out
                cluster.yaml:8:27: postgresql.parameters.stats_temp_directory: PostgreSQL 15 and later do not know it
                  next: leave it out
                """#),
    ]

    @Test("Roles and parameters", arguments: postgresql)
    func postgresqlRow(_ row: FileRow) { row.check() }
}
