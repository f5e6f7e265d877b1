import ClusterFile
import FailoverCore
import Foundation
import Testing

@Suite("Reading a file")
struct ClusterFileTests {
    @Test("cluster and nodes alone make a valid file, the rest has its defaults")
    func defaults() throws {
        let settings = try load(threeNodes).settings
        #expect(settings.cluster == "shop")
        #expect(!settings.isLab)
        #expect(
            settings.postgresql
                == PostgresSettings(
                    version: 15, binDirectory: "/usr/lib/postgresql/15/bin", database: "postgres",
                    parameters: [], hba: [], authentication: .scram, role: "toolkit",
                    replicationRole: "toolkit_replication"))
        #expect(
            settings.scheduler
                == SchedulerSettings(address: nil, directory: "/var/lib/toolkit/scheduler"))
        #expect(settings.execution == .ssh)
        #expect(
            settings.ssh
                == SSHSettings(
                    user: "postgres", port: 22, identityFile: nil,
                    knownHosts: "/home/anna/.ssh/known_hosts", connectTimeoutMs: 5_000))
        #expect(
            settings.node("b")
                == NodeSettings(
                    id: "b", host: "10.0.0.2", port: 5432,
                    dataDirectory: "/var/lib/postgresql/15/shop", priority: 50,
                    replicationQuorum: true, sshHost: "10.0.0.2", sshPort: 22,
                    sshUser: "postgres", socketDirectory: "/var/run/postgresql",
                    configDirectory: "/etc/toolkit/shop/b",
                    stateDirectory: "/var/lib/toolkit/shop/b",
                    runtimeDirectory: "/run/toolkit/shop/b"))
        #expect(
            settings.policy
                == Policy(
                    nodes: [.init(id: "a"), .init(id: "b"), .init(id: "c")],
                    numberSyncStandbys: 1, alone: .allow, mode: .automatic, timers: .default))
        #expect(settings.hooks.byName.count == Settings.hookDeclarations.count)
        #expect(
            settings.hooks.byName["promote_command"]
                == .init(
                    command: nil, timeoutMs: 30_000, retries: 0, retryDelayMs: 1_000,
                    onFailure: .abort))
        #expect(settings.baseDirectory == "/srv/shop")
    }

    @Test("A single node is asynchronous by itself")
    func singleNode() throws {
        let settings = try load("cluster: shop\nnodes: [ { name: a, host: h } ]\n").settings
        #expect(settings.policy.numberSyncStandbys == 0)
    }

    @Test(
        "A profile sets the timers, and each can be set alone",
        arguments: [("default", Timers.default), ("fast", .fast), ("patient", .patient)])
    func profile(_ name: String, _ expected: Timers) throws {
        let timers = try load(threeNodes + "failover: { profile: \(name) }\n").settings.policy
            .timers
        #expect(timers == expected)
        var one = expected
        one.minInterval = 90_000
        let text = threeNodes + "failover: { profile: \(name), min_interval: 90s }\n"
        #expect(try load(text).settings.policy.timers == one)
    }

    @Test("What stands in the file arrives")
    func everything() throws {
        let settings = try load(
            """
            cluster: shop
            lab: true
            postgresql:
              version: 16
              parameters: { max_connections: 200, work_mem: 4MB, jit: off }
              hba: [ "host app app 10.0.0.0/24 scram-sha-256" ]
              authentication: trust
            ssh: { user: pg, port: 2222, identity_file: keys/id, known_hosts: ~/known }
            synchronous: { number_sync_standbys: 0, alone: block }
            failover: { mode: manual, reconnect_attempts: 5 }
            nodes:
              - { name: a, host: db1, priority: 100, ssh: { host: vm1, port: 23, user: x } }
              - { name: b, host: db2, replication_quorum: false, ssh: { port: 24 } }
            hooks:
              promote_command: hooks/promote.sh
              follow_command: { timeout: 5min, retries: 3, on_failure: continue }
            event_notifications: [ failover_done ]
            """
        ).settings
        #expect(settings.isLab)
        #expect(settings.postgresql.authentication == .trust)
        #expect(
            settings.postgresql.parameters == [
                .init(name: "jit", value: "off"), .init(name: "max_connections", value: "200"),
                .init(name: "work_mem", value: "4MB"),
            ])
        #expect(settings.ssh.identityFile == "/srv/shop/keys/id")
        #expect(settings.ssh.knownHosts == "/home/anna/known")
        let (a, b) = (settings.nodes[0], settings.nodes[1])
        #expect((a.sshHost, a.sshPort, a.sshUser) == ("vm1", 23, "x"))
        #expect((b.sshHost, b.sshPort, b.sshUser) == ("db2", 24, "pg"))
        #expect(a.dataDirectory == "/var/lib/postgresql/16/shop")
        #expect(settings.postgresql.binDirectory == "/usr/lib/postgresql/16/bin")
        #expect(
            settings.policy.nodes == [
                .init(id: "a", priority: 100), .init(id: "b", replicationQuorum: false),
            ])
        #expect(settings.policy.mode == .manual)
        #expect(settings.policy.alone == .block)
        #expect(settings.policy.timers.reconnectAttempts == 5)
        #expect(settings.hooks.byName["promote_command"]?.command == "hooks/promote.sh")
        let follow = HookSettings.Hook(
            command: nil, timeoutMs: 300_000, retries: 3, retryDelayMs: 1_000,
            onFailure: .continue)
        #expect(settings.hooks.byName["follow_command"] == follow)
        #expect(settings.hooks.eventNotifications == ["failover_done"])
    }

    @Test("A file of everyday use is taken without a warning")
    func everyday() throws {
        let loaded = try load(
            """
            cluster: shop
            postgresql:
              version: 15
              bin_dir: /usr/lib/postgresql/15/bin
              parameters: { shared_buffers: 1GB }
              hba: [ "host app app 10.0.0.0/24 scram-sha-256" ]   # our own, after theirs
              authentication: scram-sha-256
            scheduler: { address: 10.0.0.9 }
            ssh: { user: postgres, port: 22, identity_file: ~/.ssh/id_ed25519 }
            synchronous:
              number_sync_standbys: 1
              alone: allow
            nodes:
              - { name: node1, host: 10.0.0.1, data_dir: /var/lib/postgresql/15/shop, priority: 100 }
              - { name: node2, host: 10.0.0.2, data_dir: /var/lib/postgresql/15/shop }
              - name: node3
                host: 10.0.0.3
                port: 5433
            failover: { profile: default }
            hooks:
              promote_command: hooks/promote_command.sh
            """)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.settings.nodes.map(\.priority) == [100, 50, 50])
    }

    @Test("What a failover may do is told to the policy")
    func failover() throws {
        let text = """
            cluster: shop
            nodes:
              - { name: a, host: h1 }
              - { name: b, host: h2 }
              - { name: c, host: h3, upstream: b }
            synchronous: { number_sync_standbys: 0 }
            failover:
              switchover_method: stop
              on_stall: alarm
              accept_split_brain_window: true
              fast_forward_max: 1GB
              fast_forward_timeout: 7s
              stall_timeout: 11s
            """
        let policy = try load(text).settings.policy
        #expect(policy.handOver == .stop)
        #expect(policy.stall == .alarm)
        #expect(policy.acceptsSplitBrainWindow)
        #expect(policy.fastForwardBytesMax == 1 << 30)
        #expect(policy.timers.fastForwardTimeout == 7_000)
        #expect(policy.timers.stallTimeout == 11_000)
        #expect(policy.nodes.map(\.upstream) == [nil, nil, "b"])
        #expect(policy.nodes.map(\.replicationQuorum) == [true, true, false])
    }

    @Test("Empty groups are as if they were not there")
    func emptyGroups() throws {
        let text = threeNodes + "postgresql:\nssh:\nfailover: {}\nhooks:\nsynchronous: ~\n"
        #expect(try load(text).settings == load(threeNodes).settings)
    }

    @Test("Windows line ends, a byte order mark and anchors are read")
    func oddTexts() throws {
        let plain = try load(threeNodes).settings
        #expect(try load("\u{FEFF}" + threeNodes).settings == plain)
        #expect(try load(threeNodes.replacing("\n", with: "\r\n")).settings == plain)
        let anchors = "cluster: &c shop\nnodes: [ { name: *c, host: h } ]\n"
        #expect(try load(anchors).settings.nodes[0].id == "shop")
    }

    @Test("Several errors are reported at once, in order of position")
    func severalErrors() {
        let row = FileRow(
            "all at once",
            yaml: """
                cluster: Shop
                nodes:
                  - { name: a, host: h1, port: 0 }
                  - { name: b, hots: h2, data_dir: x }
                postgresql:
                  parameters: { fsync: off }
                failover: { confirm: 1, fresh_max: 1h }
                lab: maybe
                """,
            says: """
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter \
                a-z, then letters a-z, digits, underscores, found "Shop": other characters are \
                refused
                  next: write a name such as `shop` or `node1`
                cluster.yaml:3:32: nodes[0].port: expected a whole number from 1 to 65535, found 0
                  next: write for example `port: 5432`
                cluster.yaml:4:16: nodes[1].hots: there is no such setting
                  next: did you mean `host`? known here: name, host, port, data_dir, priority, \
                replication_quorum, upstream, socket_dir, runtime, docker, machine, service, ssh
                cluster.yaml:4:36: nodes[1].data_dir: expected an absolute path, found "x": it \
                does not start with `/`
                  next: write the whole path, from `/` on
                cluster.yaml:6:24: postgresql.parameters.fsync: `off` is refused: a standby's \
                acknowledgement would promise nothing
                  next: leave it out
                cluster.yaml:7:22: failover.confirm: expected a duration from 0s to 1min, found 1
                  next: add the unit: `1ms`, `1s`, `1min` or `1h`
                cluster.yaml:7:36: failover.fresh_max: expected a duration from 100ms to 10min, \
                found "1h"
                  next: write for example `fresh_max: 2s`; whole numbers with ms, s, min or h
                cluster.yaml:8:6: lab: expected true or false, found "maybe"
                  next: write for example `lab: true`
                """)
        row.check()
    }
}
