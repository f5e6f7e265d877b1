import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Refused keys and YAML")
struct RefusedTextTests {
    static let keys: [FileRow] = [
        FileRow(
            "a key of the top level",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                synchronus:
                  alone: block

                """#,
            says: #"""
                cluster.yaml:6:1: synchronus: there is no such setting
                  next: did you mean `synchronous`? known here: cluster, lab, nodes, machine, postgresql, scheduler, execution, ssh, config_dir, state_dir, runtime_dir, synchronous, failover, hooks, event_notifications, child_nodes_connected_min_count, child_nodes_disconnect_min_count, child_nodes_disconnect_timeout
                """#),
        FileRow(
            "a key of PostgreSQL",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameter: {}

                """#,
            says: #"""
                cluster.yaml:7:3: postgresql.parameter: there is no such setting
                  next: did you mean `parameters`? known here: version, bin_dir, database, parameters, hba, authentication, role, replication_role
                """#),
        FileRow(
            "a key of a node",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, dta_dir: /x }

                """#,
            says: #"""
                cluster.yaml:3:32: nodes[0].dta_dir: there is no such setting
                  next: did you mean `data_dir`? known here: name, host, port, data_dir, priority, replication_quorum, upstream, socket_dir, runtime, docker, machine, service, ssh
                """#),
        FileRow(
            "a dash for an underscore",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                config-dir: /x

                """#,
            says: #"""
                cluster.yaml:6:1: config-dir: there is no such setting
                  next: did you mean `config_dir`? known here: cluster, lab, nodes, machine, postgresql, scheduler, execution, ssh, config_dir, state_dir, runtime_dir, synchronous, failover, hooks, event_notifications, child_nodes_connected_min_count, child_nodes_disconnect_min_count, child_nodes_disconnect_timeout
                """#),
        FileRow(
            "a key that belongs elsewhere",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                data_dir: /x

                """#,
            says: #"""
                cluster.yaml:6:1: data_dir: there is no such setting
                  next: `data_dir` is known as `nodes[].data_dir`; known here: cluster, lab, nodes, machine, postgresql, scheduler, execution, ssh, config_dir, state_dir, runtime_dir, synchronous, failover, hooks, event_notifications, child_nodes_connected_min_count, child_nodes_disconnect_min_count, child_nodes_disconnect_timeout
                """#),
        FileRow(
            "a key that nobody knows",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh:
                  zzzzzzzz: 1

                """#,
            says: #"""
                cluster.yaml:7:3: ssh.zzzzzzzz: there is no such setting
                  next: known here: user, port, identity_file, known_hosts, connect_timeout
                """#),
        FileRow(
            "a hook",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  promote_comand: x

                """#,
            says: #"""
                cluster.yaml:7:3: hooks.promote_comand: there is no such setting
                  next: did you mean `promote_command`? known here: promote_command, follow_command, child_nodes_disconnect_command, standby_disconnect_command, fence_command, rejoin_command, clone_command, service_start_command, service_stop_command, service_restart_command, service_reload_command, service_status_command, failover_validation_command, event_notification_command
                """#),
        FileRow(
            "a part of a hook",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  follow_command: { comand: x }

                """#,
            says: #"""
                cluster.yaml:7:21: hooks.follow_command.comand: there is no such setting
                  next: did you mean `command`? known here: command, timeout, retries, retry_delay, on_failure
                """#),
        FileRow(
            "a key that is no text",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ? [ a ]
                : b

                """#,
            says: #"""
                cluster.yaml:6:3: (no text): there is no such setting
                  next: known here: cluster, lab, nodes, machine, postgresql, scheduler, execution, ssh, config_dir, state_dir, runtime_dir, synchronous, failover, hooks, event_notifications, child_nodes_connected_min_count, child_nodes_disconnect_min_count, child_nodes_disconnect_timeout
                """#),
        FileRow(
            "a merge",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                <<: { lab: true }

                """#,
            says: #"""
                cluster.yaml:6:1: <<: there is no such setting
                  next: known here: cluster, lab, nodes, machine, postgresql, scheduler, execution, ssh, config_dir, state_dir, runtime_dir, synchronous, failover, hooks, event_notifications, child_nodes_connected_min_count, child_nodes_disconnect_min_count, child_nodes_disconnect_timeout
                """#),
    ]

    @Test("Keys that there are not", arguments: keys)
    func keysRow(_ row: FileRow) { row.check() }

    static let syntax: [FileRow] = [
        FileRow(
            "an open bracket",
            yaml: #"""
                cluster: [shop

                """#,
            says: #"""
                cluster.yaml:1:15: this is not YAML: did not find expected ',' or ']': while parsing a flow sequence (begun at 1:10)
                  next: correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @` need quotes
                """#),
        FileRow(
            "a colon in a text",
            yaml: #"""
                cluster: a: b

                """#,
            says: #"""
                cluster.yaml:1:11: this is not YAML: mapping values are not allowed in this context
                  next: correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @` need quotes
                """#),
        FileRow(
            "a tab",
            yaml: "cluster: shop\nnodes:\n\t- name: a\n",
            says: #"""
                cluster.yaml:3:1: this is not YAML: a tab can't indent a line
                  next: indent with spaces
                """#),
        FileRow(
            "an undefined alias",
            yaml: #"""
                cluster: *shop

                """#,
            says: #"""
                cluster.yaml:1:10: this is not YAML: found undefined alias
                  next: correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @` need quotes
                """#),
        FileRow(
            "a control character",
            yaml: "cluster: sh\u{1}op\n",
            says: #"""
                cluster.yaml:1:12: this is not YAML: control characters are not allowed
                  next: remove the character, or write it as an escape in double quotes
                """#),
        FileRow(
            "two documents",
            yaml: #"""
                cluster: shop
                ---
                cluster: shop

                """#,
            says: #"""
                cluster.yaml:2:1: a second document begins here
                  next: a file is about one cluster: remove the `---`
                """#),
        FileRow(
            "a key twice",
            yaml: #"""
                cluster: shop
                lab: true
                nodes: [ { name: a, host: h } ]

                lab: false

                """#,
            says: #"""
                cluster.yaml:5:1: `lab` is written more than once here, first at 2:1
                  next: keep one of them
                """#),
        FileRow(
            "a key twice in a node",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: h
                    name : b

                """#,
            says: #"""
                cluster.yaml:5:5: `name` is written more than once here, first at 3:5
                  next: keep one of them
                """#),
        FileRow(
            "two keys twice, and more",
            yaml:
                "cluster: shop\r\nnodes: [ { name: a, host: h } ]\r\nlab: true\r\n\"lab\": 5\r\nlab: 6\r\nssh:\r\n  port: 0\r\n  user: u\r\n  port: 23\r\n",
            says: #"""
                cluster.yaml:4:1: `lab` is written more than once here, first at 3:1
                  next: keep one of them
                cluster.yaml:5:1: `lab` is written more than once here, first at 3:1
                  next: keep one of them
                cluster.yaml:7:9: ssh.port: expected a whole number from 1 to 65535, found 0
                  next: write for example `port: 22`
                cluster.yaml:9:3: `port` is written more than once here, first at 7:3
                  next: keep one of them
                """#),
        FileRow(
            "a key twice and an open quote",
            yaml: #"""
                cluster: shop
                lab: true
                lab: false
                nodes: [ { name: 'a } ]

                """#,
            says: #"""
                cluster.yaml:4:24: this is not YAML: found unexpected end of stream: while scanning a quoted scalar (begun at 4:18)
                  next: correct it here or just above; texts with `: `, ` #` or a first `{ [ & * ! | > % @` need quotes
                """#),
        FileRow(
            "a key twice in one line",
            yaml: #"""
                cluster: shop
                nodes: [ { name: a, name: b } ]

                """#,
            says: #"""
                cluster.yaml:2:12: `name` is written more than once here
                  next: keep one of them
                """#),
        FileRow(
            "nothing",
            yaml: #"""

                """#,
            says: #"""
                cluster.yaml: the file is empty
                  next: `cluster` and `nodes` are needed; `toolkit init` writes a commented file
                """#),
        FileRow(
            "comments only",
            yaml: #"""
                # cluster: shop

                """#,
            says: #"""
                cluster.yaml: the file is empty
                  next: `cluster` and `nodes` are needed; `toolkit init` writes a commented file
                """#),
        FileRow(
            "deep nesting",
            yaml: #"""
                cluster: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[

                """#,
            says: #"""
                cluster.yaml:1:11: this is nested too deeply
                  next: no setting needs that; close the brackets
                """#),
    ]

    @Test("Texts that are not YAML", arguments: syntax)
    func syntaxRow(_ row: FileRow) { row.check() }
}
