import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Contradictions between nodes")
struct NodeContradictionTests {
    static let nodes: [FileRow] = [
        FileRow(
            "more standbys than there are",
            code: "synchronous.too_few_voters",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                synchronous:
                  number_sync_standbys: 3

                """#,
            says: #"""
                cluster.yaml:7:25: synchronous.number_sync_standbys: a commit waits for 3, and when `a` is the primary only 2 standbys are left to count
                  next: write `number_sync_standbys: 2`, or add nodes to the quorum
                """#),
        FileRow(
            "one node can't wait for another",
            code: "synchronous.too_few_voters",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                synchronous:
                  number_sync_standbys: 1

                """#,
            says: #"""
                cluster.yaml:5:25: synchronous.number_sync_standbys: a commit waits for 1, and when `a` is the primary no standby is left to count
                  next: write `number_sync_standbys: 0`, or add nodes to the quorum
                """#),
        FileRow(
            "the standby does not count",
            code: "synchronous.too_few_voters",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - name: b
                    host: h2
                    replication_quorum: false

                """#,
            says: #"""
                cluster.yaml:6:25: nodes[1].replication_quorum: a commit waits for 1, and when `a` is the primary no standby is left to count
                  next: write `number_sync_standbys: 0`, or add nodes to the quorum
                """#),
        FileRow(
            "a name twice",
            code: "nodes.same_name",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: a, host: h2 }

                """#,
            says: #"""
                cluster.yaml:4:13: nodes[1].name: another node is named `a` too
                  next: give each node a name of its own
                """#),
        FileRow(
            "a host twice",
            code: "nodes.same_address",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.1, data_dir: /d }

                """#,
            says: #"""
                cluster.yaml:4:22: nodes[1].host: `a` has host 10.0.0.1 and port 5432 too
                  next: give each node of a host a port of its own
                """#),
        FileRow(
            "a port twice",
            code: "nodes.same_address",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: Db, port: 6000, socket_dir: /s }
                  - { name: b, host: db, port: 6000, data_dir: /d }

                """#,
            says: #"""
                cluster.yaml:4:32: nodes[1].port: `a` has host Db and port 6000 too
                  next: give each node of a host a port of its own
                """#),
        FileRow(
            "localhost is 127.0.0.1",
            code: "nodes.same_address",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: localhost, data_dir: /d1 }
                  - { name: b, host: 127.0.0.1, data_dir: /d2 }

                """#,
            says: #"""
                cluster.yaml:4:22: nodes[1].host: `a` has host localhost and port 5432 too
                  next: give each node of a host a port of its own
                """#),
        FileRow(
            "a socket twice",
            code: "nodes.same_socket",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 127.0.0.1, data_dir: /d1 }
                  - { name: b, host: 127.0.0.2, data_dir: /d2 }

                """#,
            says: #"""
                cluster.yaml:4:22: nodes[1].host: on this machine `a` has port 5432 and socket folder "/var/run/postgresql" too
                  next: give one of them another `port` or `socket_dir`
                """#),
        FileRow(
            "a data directory twice",
            code: "nodes.same_data_dir",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, data_dir: /d/1 }
                  - { name: b, host: h, port: 5433, data_dir: /d//1/ }

                """#,
            says: #"""
                cluster.yaml:4:47: nodes[1].data_dir: `a` has data directory "/d/1" too
                  next: give each node of a machine a data directory of its own
                """#),
        FileRow(
            "the default data directory twice",
            code: "nodes.same_data_dir",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h }
                  - { name: b, host: h, port: 5433 }

                """#,
            says: #"""
                cluster.yaml:4:5: nodes[1]: `a` has data directory "/var/lib/postgresql/15/shop" too
                  next: give each node of a machine a data directory of its own
                """#),
        FileRow(
            "one in the other",
            code: "nodes.same_data_dir",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, data_dir: /d }
                  - { name: b, host: h, port: 5433, data_dir: /d/sub }

                """#,
            says: #"""
                cluster.yaml:4:47: nodes[1].data_dir: data directory "/d/sub" and that of `a`, "/d", lie one in the other
                  next: put them side by side
                """#),
        FileRow(
            "two addresses of one SSH host",
            code: "nodes.same_data_dir",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, ssh: { host: vm } }
                  - { name: b, host: 10.1.0.1, port: 5433, ssh: { host: VM } }

                """#,
            says: #"""
                cluster.yaml:4:5: nodes[1]: `a` has data directory "/var/lib/postgresql/15/shop" too
                  next: give each node of a machine a data directory of its own
                """#),
        FileRow(
            "loopback among others",
            code: "nodes.loopback",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 127.0.0.1 }

                """#,
            says: #"""
                cluster.yaml:4:22: nodes[1].host: 127.0.0.1 is each machine's own address, and `a` is on 10.0.0.1
                  next: write the address that the other nodes reach `b` by
                """#),
        FileRow(
            "local commands for a remote node",
            code: "execution.remote_node",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2, ssh: { host: h2 } }
                execution: local

                """#,
            says: #"""
                cluster.yaml:4:39: nodes[1].ssh.host: `execution: local` runs the commands of all nodes on the scheduler's machine, and h2 is another
                  next: write `execution: ssh`, or leave `ssh` out
                """#),
        FileRow(
            "nobody may be promoted",
            code: "failover.no_candidate",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1, priority: 0 }
                  - { name: b, host: h2, priority: 0 }

                """#,
            says: #"""
                cluster.yaml:3:36: nodes[0].priority: all nodes have priority 0: none is ever promoted, and failover is automatic
                  next: give a node a priority of 1 to 100, or write `failover: { mode: manual }`
                """#),
        FileRow(
            "a node that follows itself",
            code: "nodes.upstream",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                  - { name: c, host: h3, upstream: c }

                """#,
            says: #"""
                cluster.yaml:5:36: nodes[2].upstream: a node can't follow itself
                  next: write one of `a`, `b`, or leave it out
                """#),
        FileRow(
            "a node that follows nobody",
            code: "nodes.upstream",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                  - { name: c, host: h3, upstream: d }

                """#,
            says: #"""
                cluster.yaml:5:36: nodes[2].upstream: there is no node `d`
                  next: write one of `a`, `b`, or leave it out
                """#),
        FileRow(
            "nodes that follow each other",
            code: "nodes.upstream",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                  - { name: c, host: h3, upstream: d }
                  - { name: d, host: h4, upstream: c }

                """#,
            says: #"""
                cluster.yaml:5:36: nodes[2].upstream: `d` follows `c` itself: a chain is refused
                  next: write one of `a`, `b`, or leave it out
                cluster.yaml:6:36: nodes[3].upstream: `c` follows `d` itself: a chain is refused
                  next: write one of `a`, `b`, or leave it out
                """#),
        FileRow(
            "a cascaded standby that is to be counted",
            code: "nodes.cascaded_voter",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                  - { name: c, host: h3, upstream: b, replication_quorum: true }

                """#,
            says: #"""
                cluster.yaml:5:59: nodes[2].replication_quorum: `c` follows a standby: the primary can't count it for commits
                  next: leave out `replication_quorum`, or `upstream`
                """#),
        FileRow(
            "the only standby follows a standby",
            code: "synchronous.too_few_voters",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2, upstream: a }

                """#,
            says: #"""
                cluster.yaml:4:36: nodes[1].upstream: a commit waits for 1, and when `a` is the primary no standby is left to count
                  next: write `number_sync_standbys: 0`, or add nodes to the quorum
                """#),
        FileRow(
            "a window that nobody needs",
            code: "failover.needless_window",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { accept_split_brain_window: true }

                """#,
            says: #"""
                cluster.yaml:6:40: failover.accept_split_brain_window: commits wait for 1: a failover needs no such window
                  next: leave it out, or write `synchronous: { number_sync_standbys: 0 }`
                """#),
    ]

    @Test("Names, addresses, places and the number of standbys", arguments: nodes)
    func nodesRow(_ row: FileRow) { row.check() }
}
