import ClusterFile

/// The steps of one tool alone.
extension ChangeOver.Writer {
    var toolPrepare: [ChangeOver.Step] {
        switch source {
        case .repmgr:
            [
                step(
                    "any node", "find the primary",
                    facts.services.prefix(1).map { "repmgr -f \(quoted($0.file)) cluster show" },
                    expect: "one primary, every standby running and attached")
            ]
        case .patroni:
            [
                step(
                    "any node", "find the primary",
                    facts.services.prefix(1).map { "patronictl -c \(quoted($0.file)) list" },
                    expect: "one leader, every replica streaming")
            ]
                + (facts.hasDynamic
                    ? []
                    : [
                        step(
                            "any node",
                            "import again with the dynamic configuration, which is in force: "
                                + "`bootstrap.dcs` may be years old",
                            facts.services.prefix(1).map {
                                "patronictl -c \(quoted($0.file)) show-config > dynamic.yml"
                            }
                                + [
                                    "toolkit import patroni dynamic.yml "
                                        + facts.services.map { quoted($0.file) }
                                        .joined(separator: " ")
                                ])
                    ])
        case .pgAutoFailover:
            [
                step(
                    "any node", "find the primary", ["pg_autoctl show state"],
                    expect: "primary and secondary, reported as assigned")
            ]
        }
    }

    var stopTool: [ChangeOver.Step] {
        switch source {
        case .repmgr: stopRepmgr
        case .patroni: stopPatroni
        case .pgAutoFailover: stopKeepers
        }
    }

    private var stopRepmgr: [ChangeOver.Step] {
        [
            step(
                "any node", "pause repmgrd everywhere, so that nothing fails over meanwhile",
                facts.services.prefix(1).map { "repmgr -f \(quoted($0.file)) service pause" },
                expect: "`repmgr service status` says paused for each node"),
            step(
                "each node",
                "stop repmgrd: on the standbys first, for they promote; then on the "
                    + "witness; on the primary last. See that nothing starts it again",
                facts.services.flatMap { service in
                    [
                        "# \(service.node)\(service.isWitness ? ", the witness" : "")",
                        service.stop ?? "systemctl disable --now repmgrd",
                    ]
                } + ["pgrep -a repmgrd"],
                expect: "no repmgrd runs on any node"),
        ]
    }

    private var stopPatroni: [ChangeOver.Step] {
        let file = facts.services.first?.file ?? "patroni.yml"
        return [
            step(
                "any node",
                "pause Patroni: without it, stopping Patroni stops PostgreSQL and the "
                    + "leader's key runs out",
                ["patronictl -c \(quoted(file)) pause --wait \(quoted(facts.scope))"],
                expect: "Maintenance mode: on"),
            step(
                "each node",
                "stop Patroni: on the replicas first, on the leader last. PostgreSQL "
                    + "goes on. See that nothing starts it again",
                ["systemctl disable --now patroni", "pgrep -af patroni"],
                expect: "no Patroni runs on any node; PostgreSQL does"),
        ]
    }

    private var stopKeepers: [ChangeOver.Step] {
        [
            step(
                "monitor", "stop the monitor first: with it, a node that stops is failed over",
                ["systemctl disable --now pgautofailover"],
                expect: "no pg_autoctl runs there; the nodes keep their roles"),
            step(
                "each node",
                "stop the keeper, which stops PostgreSQL: on the primary first, then, "
                    + "when it is down, on the standbys. See that nothing starts it again",
                ["systemctl disable --now pgautofailover", "pgrep -a pg_autoctl"],
                expect: "no pg_autoctl and no PostgreSQL runs"),
        ]
    }

    var startTool: [ChangeOver.Step] {
        switch source {
        case .repmgr:
            [
                step(
                    "each node", "start PostgreSQL as before, the primary first; then repmgrd",
                    facts.services.flatMap {
                        ["# \($0.node)", $0.start ?? "systemctl enable --now repmgrd"]
                    }
                        + facts.services.prefix(1).map {
                            "repmgr -f \(quoted($0.file)) service unpause"
                        },
                    expect: "`repmgr cluster show` as before the change-over")
            ]
        case .patroni:
            [
                step(
                    "each node", "start Patroni, on the primary first; on the others when it leads",
                    [
                        "systemctl enable --now patroni",
                        "patronictl -c \(quoted(facts.services.first?.file ?? "patroni.yml")) "
                            + "resume --wait \(quoted(facts.scope))",
                    ],
                    expect: "`patronictl list` as before the change-over")
            ]
        case .pgAutoFailover:
            [
                step("monitor", "start the monitor", ["systemctl enable --now pgautofailover"]),
                step(
                    "each node", "start the keeper, on the primary first",
                    ["systemctl enable --now pgautofailover"],
                    expect: "`pg_autoctl show state` as before the change-over"),
            ]
        }
    }

    var close: [ChangeOver.Step] {
        let slots = "drop the slots that nobody uses any more: their WAL is kept until then"
        let listing =
            "SELECT slot_name FROM pg_replication_slots WHERE NOT active AND slot_type = 'physical'"
        let drop = step(
            "primary", slots,
            settings.nodes.prefix(1).flatMap {
                [psql($0, listing), psql($0, "SELECT pg_drop_replication_slot('SLOT')")]
            }, expect: "none of those that are dropped is one of the toolkit's")
        switch source {
        case .repmgr:
            return [
                drop,
                step(
                    "primary",
                    "remove repmgr's extension, database and roles, its packages and "
                        + "files; a witness server is of no use any more"),
            ]
        case .patroni:
            return [
                drop,
                step(
                    "each node",
                    "remove Patroni's packages and files, its roles in PostgreSQL, and "
                        + "its keys in the store (patronictl remove)"),
            ]
        case .pgAutoFailover:
            return [
                drop,
                step(
                    "each node",
                    "remove pg_auto_failover's packages, its lines in postgresql.conf "
                        + "and pg_hba.conf, its role; the monitor is of no use any more"),
            ]
        }
    }
}
