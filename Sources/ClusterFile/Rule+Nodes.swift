extension Rule {
    static let nodeRules: [Rule] = [
        Rule(code: "nodes.same_name", reads: ["nodes[].name"]) { subject in
            subject.pairs { first, path, second in
                guard first.id == second.id else { return nil }
                return subject.violation(
                    "\(path).name", "another node is named `\(second.id)` too",
                    "give each node a name of its own")
            }
        },
        Rule(code: "nodes.same_address", reads: ["nodes[].host", "nodes[].port"]) { subject in
            subject.pairs { first, path, second in
                guard Host.address(first.host) == Host.address(second.host),
                    first.port == second.port
                else { return nil }
                return subject.violation(
                    subject.written("\(path).port", "\(path).host"),
                    "`\(first.id)` has host \(first.host) and port \(first.port) too",
                    "give each node of a host a port of its own")
            }
        },
        Rule(
            code: "nodes.same_socket",
            reads: ["nodes[].host", "nodes[].port", "nodes[].socket_dir", "nodes[].ssh.host"]
        ) { subject in
            subject.pairs { first, path, second in
                guard Host.address(first.host) != Host.address(second.host),
                    isOneMachine(first, second), first.port == second.port,
                    Paths.normalized(first.socketDirectory)
                        == Paths.normalized(second.socketDirectory)
                else { return nil }
                return subject.violation(
                    subject.written("\(path).socket_dir", "\(path).port", "\(path).host"),
                    "on this machine `\(first.id)` has port \(first.port) and socket folder "
                        + "\(Found.quoted(first.socketDirectory)) too",
                    "give one of them another `port` or `socket_dir`")
            }
        },
        Rule(
            code: "nodes.same_data_dir",
            reads: [
                "nodes[].host", "nodes[].data_dir", "nodes[].ssh.host", "nodes[].runtime",
                "nodes[].docker.volume",
            ]
        ) { subject in
            subject.pairs { first, path, second in
                // The paths of a container are its volume's.
                guard isOneMachine(first, second), first.docker?.volume == second.docker?.volume
                else { return nil }
                let (one, other) = (first.dataDirectory, second.dataDirectory)
                let setting = subject.written("\(path).data_dir", path)
                if Paths.normalized(one) == Paths.normalized(other) {
                    return subject.violation(
                        setting, "`\(first.id)` has data directory \(Found.quoted(one)) too",
                        "give each node of a machine a data directory of its own")
                }
                guard Paths.isInside(one, other) || Paths.isInside(other, one) else { return nil }
                return subject.violation(
                    setting,
                    "data directory \(Found.quoted(other)) and that of `\(first.id)`, "
                        + "\(Found.quoted(one)), lie one in the other",
                    "put them side by side")
            }
        },
        Rule(
            code: "nodes.loopback", reads: ["nodes[].host"]
        ) { subject in
            guard let other = subject.nodes.first(where: { !Host.isLoopback($0.node.host) }) else {
                return []
            }
            return subject.nodes.filter { Host.isLoopback($0.node.host) }.map { path, node in
                subject.violation(
                    "\(path).host",
                    "\(node.host) is each machine's own address, and `\(other.node.id)` is on "
                        + "\(other.node.host)",
                    "write the address that the other nodes reach `\(node.id)` by")
            }
        },
        Rule(code: "execution.remote_node", reads: ["execution", "nodes[].ssh.host"]) { subject in
            guard subject.settings.execution == .local else { return [] }
            return subject.nodes.filter { path, node in
                subject.reading.isWritten("\(path).ssh.host") && !Host.isLoopback(node.sshHost)
            }.map { path, node in
                subject.violation(
                    "\(path).ssh.host",
                    "`execution: local` runs the commands of all nodes on the scheduler's machine, "
                        + "and \(node.sshHost) is another",
                    "write `execution: ssh`, or leave `ssh` out")
            }
        },
    ]

    static func isOneMachine(_ first: NodeSettings, _ second: NodeSettings) -> Bool {
        Host.machine(first.host) == Host.machine(second.host)
            || Host.machine(first.sshHost) == Host.machine(second.sshHost)
                && !Host.isLoopback(first.sshHost)
    }
}
