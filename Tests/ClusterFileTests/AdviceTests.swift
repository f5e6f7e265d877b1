import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Warnings and notes")
struct AdviceTests {
    static let advice: [FileRow] = [
        FileRow(
            "asynchronous",
            code: "synchronous.asynchronous",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                synchronous: { number_sync_standbys: 0 }

                """#,
            says: #"""
                cluster.yaml:5:38: warning: synchronous.number_sync_standbys: replication is asynchronous: a failover loses what no standby has received, and it waits until the old primary was seen stopped
                  next: write 1 or more for failovers that lose nothing
                """#),
        FileRow(
            "asynchronous, and in a hurry",
            code: "synchronous.asynchronous",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }
                synchronous: { number_sync_standbys: 0 }
                failover: { accept_split_brain_window: true }

                """#,
            says: #"""
                cluster.yaml:6:40: warning: failover.accept_split_brain_window: replication is asynchronous: a failover loses what no standby has received, and it does not wait until the old primary was seen stopped: while that runs, both accept writes
                  next: leave `accept_split_brain_window` out, or write 1 or more
                """#),
        FileRow(
            "two nodes",
            code: "synchronous.single_copy",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h1 }
                  - { name: b, host: h2 }

                """#,
            says: #"""
                cluster.yaml:3:3: warning: nodes: with two nodes, commits after the loss of one have a single copy
                  next: add a third node, or write `alone: block` to let them wait
                """#),
        FileRow(
            "one machine",
            code: "nodes.shared_machine",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h }
                  - { name: b, host: h, port: 5433, data_dir: /d }
                synchronous: { alone: block }

                """#,
            says: #"""
                cluster.yaml:4:22: warning: nodes[1].host: `a` and `b` are on one machine and are lost together
                  next: put the nodes of the quorum on machines of their own
                """#),
        FileRow(
            "the scheduler beside a node",
            code: "scheduler.shared_machine",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                scheduler: { address: 10.0.0.2 }

                """#,
            says: #"""
                cluster.yaml:6:23: warning: scheduler.address: the scheduler is on the machine of `b`: when that is lost while it is the primary, no failover happens until the scheduler is back
                  next: run the scheduler on a machine of its own
                cluster.yaml:3:3: note: nodes: after the loss of the primary 2 of 2 standbys have to answer before one is promoted: no other node may be lost with it
                  next: a larger `number_sync_standbys` outlives more losses, and each commit waits for more standbys
                """#),
        FileRow(
            "trust in a line of one's own",
            code: "hba.trust",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba: [ host all all 0.0.0.0/0 trust ]

                """#,
            says: #"""
                cluster.yaml:7:10: warning: postgresql.hba[0]: `trust` lets everyone on these addresses in without a password
                  next: write scram-sha-256
                cluster.yaml:3:3: note: nodes: after the loss of the primary 2 of 2 standbys have to answer before one is promoted: no other node may be lost with it
                  next: a larger `number_sync_standbys` outlives more losses, and each commit waits for more standbys
                """#),
        FileRow(
            "synchronous_commit",
            code: "parameters.risky",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { parameters: { synchronous_commit: off } }

                """#,
            says: #"""
                cluster.yaml:6:49: warning: postgresql.parameters.synchronous_commit: `off`: acknowledged commits may be lost in a failover
                  next: leave it `on`
                cluster.yaml:3:3: note: nodes: after the loss of the primary 2 of 2 standbys have to answer before one is promoted: no other node may be lost with it
                  next: a larger `number_sync_standbys` outlives more losses, and each commit waits for more standbys
                """#),
        FileRow(
            "events for nobody",
            code: "event_notifications.unused",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                event_notifications: [ failover_done ]

                """#,
            says: #"""
                cluster.yaml:6:22: warning: event_notifications: nobody gets these events: there is no command
                  next: set `hooks.event_notification_command`
                cluster.yaml:3:3: note: nodes: after the loss of the primary 2 of 2 standbys have to answer before one is promoted: no other node may be lost with it
                  next: a larger `number_sync_standbys` outlives more losses, and each commit waits for more standbys
                """#),
        FileRow(
            "lost standbys that nobody asks for",
            code: "child_nodes.unused",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                child_nodes_disconnect_timeout: 10s

                """#,
            says: #"""
                cluster.yaml:4:33: warning: child_nodes_disconnect_timeout: nobody asks for this: there is no command
                  next: set `hooks.child_nodes_disconnect_command`
                cluster.yaml:3:3: note: nodes: with one node there is no failover
                  next: add nodes when you have them
                """#),
        FileRow(
            "one node",
            code: "nodes.single",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }

                """#,
            says: #"""
                cluster.yaml:3:3: note: nodes: with one node there is no failover
                  next: add nodes when you have them
                """#),
        FileRow(
            "k below half",
            code: "synchronous.one_more_loss",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }

                """#,
            says: #"""
                cluster.yaml:3:3: note: nodes: after the loss of the primary 2 of 2 standbys have to answer before one is promoted: no other node may be lost with it
                  next: a larger `number_sync_standbys` outlives more losses, and each commit waits for more standbys
                """#),
    ]

    @Test("The file is taken, its author is told", arguments: advice)
    func adviceRow(_ row: FileRow) { row.check() }
}
