import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Unsafe combinations")
struct UnsafeCombinationTests {
    static let places: [FileRow] = [
        FileRow(
            "config_dir inside the data directory",
            code: "directories.inside_data",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                config_dir: /var/lib/postgresql/15/shop/conf

                """#,
            says: #"""
                cluster.yaml:6:13: config_dir: "/var/lib/postgresql/15/shop/conf/shop/a" lies in the data directory of `a`, "/var/lib/postgresql/15/shop", and would be copied from node to node
                  next: choose a `config_dir` outside of it
                """#),
        FileRow(
            "runtime_dir that leads there",
            code: "directories.inside_data",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                runtime_dir: /run/../var/lib/postgresql/15/shop

                """#,
            says: #"""
                cluster.yaml:6:14: runtime_dir: "/run/../var/lib/postgresql/15/shop/shop/a" lies in the data directory of `a`, "/var/lib/postgresql/15/shop", and would be copied from node to node
                  next: choose a `runtime_dir` outside of it
                """#),
        FileRow(
            "a data directory above them",
            code: "directories.inside_data",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: h
                    data_dir: /etc

                """#,
            says: #"""
                cluster.yaml:5:15: nodes[0].data_dir: "/etc/toolkit/shop/a" lies in the data directory of `a`, "/etc", and would be copied from node to node
                  next: choose a `config_dir` outside of it
                """#),
        FileRow(
            "another node's data directory",
            code: "directories.inside_data",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, data_dir: /d/1 }
                  - { name: b, host: h, port: 5433, data_dir: /etc/toolkit/shop/a }

                """#,
            says: #"""
                cluster.yaml:4:47: nodes[1].data_dir: "/etc/toolkit/shop/a" lies in the data directory of `b`, "/etc/toolkit/shop/a", and would be copied from node to node
                  next: choose a `config_dir` outside of it
                """#),
        FileRow(
            "two are one",
            code: "directories.same",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                state_dir: /etc/toolkit/

                """#,
            says: #"""
                cluster.yaml:6:12: state_dir: `config_dir` is "/etc/toolkit" too
                  next: give each of `config_dir`, `state_dir` and `runtime_dir` its own
                """#),
        FileRow(
            "the store in a data directory",
            code: "scheduler.inside_data",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 127.0.0.1, data_dir: /d }
                  - { name: b, host: 127.0.0.1, port: 5433 }
                scheduler:
                  directory: /d/store

                """#,
            says: #"""
                cluster.yaml:6:14: scheduler.directory: "/d/store" lies in the data directory of `a`, "/d"
                  next: choose a folder outside of it
                """#),
        FileRow(
            "a long socket path",
            code: "nodes.socket_path_length",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: h
                    socket_dir: /ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss

                """#,
            says: #"""
                cluster.yaml:5:17: nodes[0].socket_dir: the path of PostgreSQL's socket in it has 115 bytes, and 107 is the most
                  next: choose a shorter folder, such as /var/run/postgresql
                """#),
        FileRow(
            "a long path of the scheduler's socket",
            code: "scheduler.socket_path_length",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                scheduler:
                  directory: /ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss

                """#,
            says: #"""
                cluster.yaml:7:14: scheduler.directory: the path of the scheduler's socket in it has 111 bytes, and 107 is the most
                  next: choose a shorter folder, such as /var/lib/toolkit/scheduler
                """#),
        FileRow(
            "a hook without a command",
            code: "hooks.no_command",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  failover_validation_command: { timeout: 3s }

                """#,
            says: #"""
                cluster.yaml:7:32: hooks.failover_validation_command: `command` is missing, and no script is shipped for this hook
                  next: add `command:`, or leave the hook out
                """#),
    ]

    @Test("Between places", arguments: places)
    func placesRow(_ row: FileRow) { row.check() }

    static let timers: [FileRow] = [
        FileRow(
            "fresh_max",
            code: "failover.fresh_max_wal_receiver_timeout",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { fresh_max: 3s, degrade_after: 4s }

                """#,
            says: #"""
                cluster.yaml:6:24: failover.fresh_max: `fresh_max` (3s) has to be shorter than `wal_receiver_timeout` (3s): a voter must stop vouching before its connection is dropped
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "wal_receiver_timeout",
            code: "failover.wal_receiver_timeout_fresh_max",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { wal_receiver_timeout: 4s }

                """#,
            says: #"""
                cluster.yaml:6:35: failover.wal_receiver_timeout: `wal_receiver_timeout` (4s) has to be shorter than twice `fresh_max` (2s): from an idle primary a standby hears only after half of its timeout
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "monitor_interval",
            code: "failover.monitor_interval_fresh_max",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { monitor_interval: 2s }

                """#,
            says: #"""
                cluster.yaml:6:31: failover.monitor_interval: `monitor_interval` (2s) has to be shorter than `fresh_max` (2s): a voter has to be asked within that time
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "probe_timeout",
            code: "failover.probe_timeout_fresh_max",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover:
                  profile: fast
                  probe_timeout: 1s

                """#,
            says: #"""
                cluster.yaml:8:18: failover.probe_timeout: `probe_timeout` (1s) has to be shorter than `fresh_max` (800ms): a later answer tells nothing that is still fresh
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "degrade_after",
            code: "failover.fresh_max_degrade_after",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { degrade_after: 1500ms }

                """#,
            says: #"""
                cluster.yaml:6:28: failover.degrade_after: `fresh_max` (2s) has to be shorter than `degrade_after` (1500ms): a voter would leave the quorum while it still vouches for the primary
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "confirm",
            code: "failover.confirm_degrade_after",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { confirm: 3s }

                """#,
            says: #"""
                cluster.yaml:6:22: failover.confirm: `confirm` (3s) has to be shorter than `degrade_after` (3s): voters would leave the quorum before a failover can start
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "confirm_refused",
            code: "failover.confirm_refused_confirm",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { confirm_refused: 301ms }

                """#,
            says: #"""
                cluster.yaml:6:30: failover.confirm_refused: `confirm_refused` (301ms) has to be at most `confirm` (300ms): a refused connection is the stronger sign
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "voter_unreachable",
            code: "failover.degrade_after_voter_unreachable",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { voter_unreachable: 2s }

                """#,
            says: #"""
                cluster.yaml:6:32: failover.voter_unreachable: `degrade_after` (3s) has to be shorter than `voter_unreachable` (2s): a voter that still streams is worth more patience than a silent one
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "wal_receiver_status_interval",
            code: "failover.wal_receiver_status_interval_wal_sender_timeout",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { wal_receiver_status_interval: 5s }

                """#,
            says: #"""
                cluster.yaml:6:43: failover.wal_receiver_status_interval: `wal_receiver_status_interval` (5s) has to be shorter than half of `wal_sender_timeout` (10s): one late report would cost the connection
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "stall_timeout",
            code: "failover.probe_timeout_stall_timeout",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { probe_timeout: 1500ms, stall_timeout: 1s }

                """#,
            says: #"""
                cluster.yaml:6:51: failover.stall_timeout: `probe_timeout` (1500ms) has to be shorter than `stall_timeout` (1s): a test write gets that long before it counts as hanging
                  next: change one of them, or leave both to `failover.profile`
                """#),
        FileRow(
            "whole seconds",
            code: "failover.whole_seconds",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { wal_receiver_status_interval: 1500ms }

                """#,
            says: #"""
                cluster.yaml:6:43: failover.wal_receiver_status_interval: 1500ms is not a whole number of seconds
                  next: write `1s`
                """#),
        FileRow(
            "switchover_timeout",
            code: "failover.switchover_too_short",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover:
                  switchover_timeout: 10s

                """#,
            says: #"""
                cluster.yaml:7:23: failover.switchover_timeout: `switchover_timeout` (10s) has to be longer than `seal_timeout` and `promote_timeout` together (35s), which are part of it
                  next: change one of them, or leave all to `failover.profile`
                """#),
        FileRow(
            "no home",
            code: "ssh.no_home",
            home: nil,
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh: { identity_file: ~/.ssh/id }

                """#,
            says: #"""
                cluster.yaml:6:6: ssh.known_hosts: `~/` leads nowhere: HOME is not set
                  next: write the whole path
                cluster.yaml:6:23: ssh.identity_file: `~/` leads nowhere: HOME is not set
                  next: write the whole path
                """#),
    ]

    @Test("Between timers", arguments: timers)
    func timersRow(_ row: FileRow) { row.check() }
}
