import FailoverCore

extension Rule {
    /// Warnings and notes: the file is taken, its author should know.
    static let advice: [Rule] = [
        Rule(
            code: "synchronous.asynchronous", level: .warning,
            reads: [
                "nodes", "synchronous.number_sync_standbys", "failover.accept_split_brain_window",
            ]
        ) { subject in
            let policy = subject.settings.policy
            guard subject.settings.nodes.count > 1, policy.numberSyncStandbys == 0 else {
                return []
            }
            let isUnfenced = policy.acceptsSplitBrainWindow
            return [
                subject.violation(
                    subject.laterWritten([
                        "synchronous.number_sync_standbys", "failover.accept_split_brain_window",
                    ]),
                    "replication is asynchronous: a failover loses what no standby has received"
                        + (isUnfenced
                            ? ", and it does not wait until the old primary was seen stopped: "
                                + "while that runs, both accept writes"
                            : ", and it waits until the old primary was seen stopped"),
                    isUnfenced
                        ? "leave `accept_split_brain_window` out, or write 1 or more"
                        : "write 1 or more for failovers that lose nothing")
            ]
        },
        Rule(
            code: "synchronous.single_copy", level: .warning,
            reads: ["nodes", "synchronous"]
        ) { subject in
            let policy = subject.settings.policy
            guard subject.settings.nodes.count == 2, policy.numberSyncStandbys > 0,
                policy.alone == .allow
            else { return [] }
            return [
                subject.violation(
                    subject.written("synchronous.alone", "synchronous", "nodes"),
                    "with two nodes, commits after the loss of one have a single copy",
                    "add a third node, or write `alone: block` to let them wait")
            ]
        },
        Rule(
            code: "nodes.shared_machine", level: .warning,
            reads: ["nodes[].host", "nodes[].ssh.host", "nodes[].replication_quorum", "lab"]
        ) { subject in
            guard !subject.settings.isLab else { return [] }
            return subject.pairs { first, path, second in
                guard isOneMachine(first, second), first.replicationQuorum,
                    second.replicationQuorum
                else { return nil }
                return subject.violation(
                    "\(path).host",
                    "`\(first.id)` and `\(second.id)` are on one machine and are lost together",
                    "put the nodes of the quorum on machines of their own")
            }
        },
        Rule(
            code: "scheduler.shared_machine", level: .warning,
            reads: ["scheduler.address", "nodes[].host", "lab"]
        ) { subject in
            guard let address = subject.settings.scheduler.address, !subject.settings.isLab,
                let node = subject.settings.nodes.first(where: {
                    Host.machine($0.host) == Host.machine(address)
                })
            else { return [] }
            return [
                subject.violation(
                    "scheduler.address",
                    "the scheduler is on the machine of `\(node.id)`: when that is lost while it "
                        + "is the primary, no failover happens until the scheduler is back",
                    "run the scheduler on a machine of its own")
            ]
        },
        Rule(
            code: "hba.trust", level: .warning, reads: ["postgresql.hba", "lab"], check: hbaTrust),
        Rule(code: "parameters.risky", level: .warning, reads: ["postgresql.parameters"]) {
            subject in
            violations(in: subject) { name, value in
                risky.first { $0.name == name && $0.values.contains(value.lowercased()) }
                    .map { ("`\(value)`: \($0.because)", $0.hint) }
            }
        },
        Rule(
            code: "event_notifications.unused", level: .warning,
            reads: ["event_notifications", "hooks.event_notification_command"]
        ) { subject in
            let hooks = subject.settings.hooks
            guard !hooks.eventNotifications.isEmpty,
                hooks.byName["event_notification_command"]?.command == nil
            else { return [] }
            return [
                subject.violation(
                    "event_notifications", "nobody gets these events: there is no command",
                    "set `hooks.event_notification_command`")
            ]
        },
        Rule(
            code: "child_nodes.unused", level: .warning,
            reads: childNodes + ["hooks.child_nodes_disconnect_command"]
        ) { subject in
            guard subject.settings.hooks.byName["child_nodes_disconnect_command"]?.command == nil,
                let written = childNodes.first(where: { subject.reading.items[$0] != nil })
            else { return [] }
            return [
                subject.violation(
                    written, "nobody asks for this: there is no command",
                    "set `hooks.child_nodes_disconnect_command`")
            ]
        },
        Rule(code: "nodes.single", level: .note, reads: ["nodes"]) { subject in
            guard subject.settings.nodes.count == 1 else { return [] }
            return [
                subject.violation(
                    "nodes", "with one node there is no failover", "add nodes when you have them")
            ]
        },
        Rule(
            code: "synchronous.one_more_loss", level: .note,
            reads: ["nodes", "nodes[].replication_quorum", "synchronous.number_sync_standbys"],
            check: oneMoreLoss),
    ]

    private static let childNodes = [
        "child_nodes_connected_min_count", "child_nodes_disconnect_min_count",
        "child_nodes_disconnect_timeout",
    ]

    private static let risky: [(name: String, values: Set<String>, because: String, hint: String)] =
        [
            (
                "synchronous_commit", ["off", "local", "remote_write", "false", "no", "0"],
                "acknowledged commits may be lost in a failover", "leave it `on`"
            ),
            (
                "restart_after_crash", ["off", "false", "no", "0"],
                "a crashed backend stops the whole node", "leave it out"
            ),
            (
                "password_encryption", ["md5"], "md5 is broken", "leave it out: scram-sha-256"
            ),
            (
                "max_standby_streaming_delay", ["-1"],
                "a long query on a standby holds its replay, and so a failover, up",
                "write a limit such as 30s"
            ),
        ]

    @Sendable private static func hbaTrust(_ subject: Subject) -> [Violation] {
        guard !subject.settings.isLab else { return [] }
        let places = subject.reading.items["postgresql.hba"]?.places ?? []
        return subject.settings.postgresql.hba.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard words.first != "local", words.contains("trust") else { return nil }
            return Violation(
                setting: "postgresql.hba[\(index)]", position: places[index],
                message: "`trust` lets everyone on these addresses in without a password",
                hint: "write scram-sha-256")
        }
    }

    /// The table of the protocol: what a loss of the primary and one voter more means.
    @Sendable private static func oneMoreLoss(_ subject: Subject) -> [Violation] {
        let k = subject.settings.policy.numberSyncStandbys
        let voters = subject.settings.nodes.count { $0.replicationQuorum } - 1
        guard k > 0, voters > 1, 2 * k <= voters else { return [] }
        let others = k == 1 ? "no other node" : "at most \(k - 1) of them"
        return [
            subject.violation(
                subject.written("synchronous.number_sync_standbys", "nodes"),
                "after the loss of the primary \(voters - k + 1) of \(voters) standbys have to "
                    + "answer before one is promoted: \(others) may be lost with it",
                "a larger `number_sync_standbys` outlives more losses, and each commit waits for "
                    + "more standbys")
        ]
    }
}
