import ClusterFile
import Execution

/// The plan of a change-over that moves no data: what to do on which machine, and the way back.
public struct ChangeOver: Hashable, Codable, Sendable {
    public struct Step: Hashable, Codable, Sendable {
        /// Which machine: "each node", "scheduler".
        public var on: String
        public var title: String
        public var commands: [String]
        /// What has to be seen before the next step; empty: nothing.
        public var expect: String
    }

    public struct Phase: Hashable, Codable, Sendable {
        public var title: String
        public var steps: [Step]
    }

    public private(set) var phases: [Phase]

    /// A daemon of the old tool.
    struct Service: Hashable {
        var node: String
        var isWitness = false
        var file: String
        var start: String?
        var stop: String?
    }

    /// What only the source's files tell.
    struct Facts: Hashable {
        var services: [Service] = []
        /// Nil: the files don't tell.
        var primary: String?
        /// Patroni: the dynamic configuration was given.
        var hasDynamic = false
        var scope = ""
    }

    init(_ source: ImportSource, _ settings: ClusterSettings, _ facts: Facts) {
        let writer = Writer(source: source, settings: settings, facts: facts)
        phases = [
            Phase(title: "Prepare; nothing stops", steps: writer.prepare),
            Phase(
                title: source == .pgAutoFailover
                    ? "Change over; writes stop at `stop the keeper` and go on after `adopt the data`"
                    : "Change over; the primary goes on, each standby is started anew",
                steps: writer.changeOver),
            Phase(title: "Verify", steps: writer.verify),
            Phase(
                title: "The way back, open until the last phase; no data are moved either",
                steps: writer.goBack),
            Phase(title: "Close the way back, when all is well", steps: writer.close),
        ]
    }

    /// What the steps have in common; those of one tool are in extensions.
    struct Writer {
        var source: ImportSource
        var settings: ClusterSettings
        var facts: Facts

        /// The primary's name, or a word to be replaced.
        var primary: String { facts.primary ?? "PRIMARY" }

        func step(
            _ on: String, _ title: String, _ commands: [String] = [], expect: String = ""
        ) -> Step {
            Step(on: on, title: title, commands: commands, expect: expect)
        }

        func quoted(_ text: String) -> String { ShellWord.quote(text) }

        func psql(_ node: NodeSettings, _ statement: String) -> String {
            "\(quoted(settings.postgresql.binDirectory + "/psql")) -h "
                + "\(quoted(node.socketDirectory)) -p \(node.port) -d postgres -c "
                + quoted(statement)
        }
    }
}

// MARK: - Steps that all three have

extension ChangeOver.Writer {
    var prepare: [ChangeOver.Step] {
        let folders = settings.directories
        let user = settings.ssh.user
        return [
            step("each node", "take a backup that you have restored once"),
            step(
                "each node, as root", "make the toolkit's folders",
                [
                    "install -d -o \(user) -g \(user) -m 0700 "
                        + "\(quoted(folders.configDirectory)) \(quoted(folders.stateDirectory))",
                    "echo 'd \(folders.runtimeDirectory) 0700 \(user) \(user) -' "
                        + "> /etc/tmpfiles.d/toolkit.conf && systemd-tmpfiles --create toolkit.conf",
                ]),
            step(
                "scheduler", "let its user reach each node over SSH as \(user), and trust the keys",
                machines.map { "ssh \(user)@\(quoted($0)) true" },
                expect: "no password, no question"),
            copyOwnLines,
            step(
                "scheduler",
                "set `scheduler.address`, and `ssh` and `nodes[].socket_dir` where it is not the "
                    + "default, then check the file", ["toolkit check --offline"],
                expect: "exit status 0"),
        ] + toolPrepare
    }

    /// What lies in the nodes' own files, which the import does not see.
    private var copyOwnLines: ChangeOver.Step {
        step(
            "each node",
            "compare its own settings and lines with cluster.yaml, and copy what is missing into "
                + "`postgresql.parameters` and `postgresql.hba`: after the change-over those files "
                + "are not read",
            settings.nodes.prefix(1).flatMap { node in
                [
                    psql(
                        node,
                        "SELECT name, setting, unit, sourcefile FROM pg_settings WHERE source = "
                            + "'configuration file'"),
                    psql(node, "SELECT * FROM pg_hba_file_rules"),
                ]
            },
            expect: "max_connections, max_worker_processes, max_wal_senders, "
                + "max_prepared_transactions and max_locks_per_transaction as large as now, or "
                + "standbys won't start; shared_preload_libraries without the old tool's")
    }

    var changeOver: [ChangeOver.Step] {
        stopTool + [
            step(
                "each node",
                "set aside what ALTER SYSTEM has set and the toolkit owns; a server that runs goes "
                    + "by it until it is adopted, so reload none",
                settings.nodes.flatMap { node in
                    let conf = quoted(node.dataDirectory + "/postgresql.auto.conf")
                    let kept = quoted(node.dataDirectory + "/postgresql.auto.conf.before-toolkit")
                    return ["# \(node.id)", "cp -p \(conf) \(kept)", reset(conf)]
                },
                expect: "`toolkit check` no longer complains about auto_conf"),
            step(
                "scheduler", "look at what the adoption would do",
                ["toolkit deploy --adopt \(primary) --dry-run"]
                    + (facts.primary == nil ? ["# PRIMARY: the node that was the primary"] : []),
                expect: "no refusal; no initdb, no clone. Settings that it says stand in the "
                    + "primary's own files alone: in cluster.yaml where they should stay"),
            step(
                "each node",
                "only where the adoption refuses a running primary and a restart of it is no "
                    + "way out: stop PostgreSQL, the primary first, then, when it is down, the "
                    + "standbys. Writes stop here, and go on after the next step",
                settings.nodes.flatMap { ["# \($0.id)", stopServer($0)] },
                expect: "`database system is shut down` in each log; nothing starts it again"),
            step(
                "scheduler",
                "adopt the data: a primary that runs goes on, what is stopped starts on them",
                ["toolkit deploy --adopt \(primary)"],
                expect: "every node is up; passwords of the toolkit's roles are made and kept in "
                    + "\(settings.scheduler.directory)/\(settings.cluster).pgpass (0600) and each "
                    + "node's \(settings.directories.stateDirectory)/…/pgpass"),
            step(
                "scheduler", "keep it up, as a service (README, step 6)",
                ["systemctl enable --now toolkit-\(settings.cluster)"]),
        ]
    }

    /// The names that `toolkit check` looks for.
    private func reset(_ conf: String) -> String {
        let names =
            "primary_conninfo|primary_slot_name|synchronous_standby_names|restore_command"
            + "|default_transaction_read_only|recovery_min_apply_delay|synchronous_commit"
            + "|data_directory|hba_file|ident_file|port|listen_addresses|unix_socket_directories"
        return "sed -i -E '/^[[:space:]]*(\(names))[[:space:]]*=/d' \(conf)"
    }

    func stopServer(_ node: NodeSettings) -> String {
        "\(quoted(settings.postgresql.binDirectory + "/pg_ctl")) stop -m fast -w -D "
            + quoted(node.dataDirectory)
    }

    var verify: [ChangeOver.Step] {
        [
            step(
                "scheduler", "look at the cluster", ["toolkit state", "toolkit check"],
                expect: "steady, \(primary) primary, the others secondary on the same timeline; "
                    + "exit status 0"),
            step(
                "an application's machine", "connect as the applications will",
                ["toolkit dsn --database DATABASE --user ROLE"],
                expect: "a write goes through; give this string to the applications"),
            step(
                "scheduler", "move the primary and back, when it suits",
                [
                    "toolkit switchover --dry-run", "toolkit switchover",
                    "toolkit switchover --to \(primary)",
                ],
                expect: "every node follows"),
        ]
    }

    /// Each once: several nodes may be on one.
    private var machines: [String] {
        settings.nodes.map(\.sshHost).reduce(into: []) { machines, host in
            if !machines.contains(host) { machines.append(host) }
        }
    }

    var goBack: [ChangeOver.Step] {
        [
            step(
                "scheduler", "give the primary back to the node that had it, if it has moved",
                ["toolkit switchover --to \(primary)"],
                expect: "\(source.title) finds the roles that it knows"),
            step(
                "scheduler", "stop the scheduler",
                ["systemctl disable --now toolkit-\(settings.cluster)"]),
            step(
                "scheduler",
                "stop PostgreSQL and take the toolkit away: the standbys get all WAL, the data stay",
                ["toolkit undeploy --yes \(quoted(settings.cluster))"],
                expect: "stopped, for each node; its lines are gone from postgresql.conf and "
                    + "pg_hba.conf of a primary that was adopted while it ran"),
            step(
                "each node",
                "put postgresql.auto.conf back",
                settings.nodes.flatMap { node in
                    let conf = node.dataDirectory + "/postgresql.auto.conf"
                    return [
                        "# \(node.id)",
                        "cp -p \(quoted(conf + ".before-toolkit")) \(quoted(conf))",
                    ]
                },
                expect: "standby.signal lies in the data directory of each standby, and not in "
                    + "that of the primary"),
        ] + startTool
    }
}
