import FailoverCore

extension Resolved {
    /// The typed result. `home` is where `~/` leads; `baseDirectory` where relative paths start.
    func settings(baseDirectory: String, home: String?) -> ClusterSettings {
        let nodes = (0..<reading.nodeCount).map { node("nodes[\($0)]") }
        let hooks = hooks
        return ClusterSettings(
            cluster: cluster, isLab: flag("lab"), postgresql: postgresql,
            scheduler: SchedulerSettings(
                address: optionalText("scheduler.address"),
                directory: text("scheduler.directory")),
            execution: ExecutionMode(rawValue: text("execution")) ?? .ssh,
            ssh: ssh(baseDirectory: baseDirectory, home: home),
            directories: DirectorySettings(
                configDirectory: text("config_dir"), stateDirectory: text("state_dir"),
                runtimeDirectory: text("runtime_dir")),
            nodes: nodes, policy: policy(of: nodes, hooks), hooks: hooks,
            baseDirectory: baseDirectory)
    }

    private var postgresql: PostgresSettings {
        PostgresSettings(
            version: version, binDirectory: text("postgresql.bin_dir"),
            database: text("postgresql.database"),
            parameters: reading.parameters("postgresql.parameters") ?? [],
            hba: reading.texts("postgresql.hba") ?? [],
            authentication: .init(rawValue: text("postgresql.authentication")) ?? .scram,
            role: text("postgresql.role"), replicationRole: text("postgresql.replication_role"))
    }

    private func ssh(baseDirectory: String, home: String?) -> SSHSettings {
        func whole(_ path: String) -> String {
            if path.hasPrefix("/") { return path }
            if path.hasPrefix("~/") { return (home ?? "") + path.dropFirst() }
            return baseDirectory.hasSuffix("/") ? baseDirectory + path : "\(baseDirectory)/\(path)"
        }
        return SSHSettings(
            user: text("ssh.user"), port: number("ssh.port"),
            identityFile: optionalText("ssh.identity_file").map(whole),
            knownHosts: whole(text("ssh.known_hosts")),
            connectTimeoutMs: duration("ssh.connect_timeout"))
    }

    private func node(_ path: String) -> NodeSettings {
        let name = text("\(path).name")
        let upstream = optionalText("\(path).upstream").map { NodeID($0) }
        func below(_ folder: String) -> String {
            let base = text(folder)
            return (base.hasSuffix("/") ? base : base + "/") + "\(cluster)/\(name)"
        }
        return NodeSettings(
            id: NodeID(name), host: text("\(path).host"), port: number("\(path).port"),
            dataDirectory: text("\(path).data_dir"), priority: number("\(path).priority"),
            replicationQuorum: flag("\(path).replication_quorum") && upstream == nil,
            upstream: upstream,
            sshHost: text("\(path).ssh.host"), sshPort: number("\(path).ssh.port"),
            sshUser: text("\(path).ssh.user"), socketDirectory: text("\(path).socket_dir"),
            configDirectory: below("config_dir"), stateDirectory: below("state_dir"),
            runtimeDirectory: below("runtime_dir"), machine: machine("\(path).machine"),
            docker: text("\(path).runtime") == "docker" ? docker("\(path).docker") : nil,
            service: optionalText("\(path).service"))
    }

    /// What a node says of its machine, else what the file says of all.
    private func machine(_ path: String) -> MachineSettings {
        MachineSettings(
            memoryBytes: reading.size("\(path).memory") ?? reading.size("machine.memory"),
            cores: reading.number("\(path).cores") ?? reading.number("machine.cores"),
            diskBytes: reading.size("\(path).disk") ?? reading.size("machine.disk"))
    }

    private func docker(_ path: String) -> DockerSettings {
        DockerSettings(
            image: text("\(path).image"), container: text("\(path).container"),
            volume: text("\(path).volume"), mount: text("\(path).mount"),
            network: text("\(path).network"))
    }

    private func policy(of nodes: [NodeSettings], _ hooks: HookSettings) -> Policy {
        var timers = Timers.default
        for timer in Settings.timers { timers[keyPath: timer.field] = duration(timer.path) }
        timers.reconnectAttempts = number("failover.reconnect_attempts")
        return Policy(
            nodes: nodes.map {
                .init(
                    id: $0.id, priority: $0.priority, replicationQuorum: $0.replicationQuorum,
                    upstream: $0.upstream)
            },
            numberSyncStandbys: reading.number("synchronous.number_sync_standbys")
                ?? (nodes.count >= 2 ? 1 : 0),
            alone: .init(rawValue: text("synchronous.alone")) ?? .allow,
            mode: .init(rawValue: text("failover.mode")) ?? .automatic,
            validatesFailover: hooks.byName["failover_validation_command"]?.command != nil,
            handOver: .init(rawValue: text("failover.switchover_method")) ?? .quiesce,
            stall: .init(rawValue: text("failover.on_stall")) ?? .failover,
            acceptsSplitBrainWindow: flag("failover.accept_split_brain_window"),
            fastForwardBytesMax: UInt64(size("failover.fast_forward_max")), timers: timers)
    }

    private var hooks: HookSettings {
        let pairs = Settings.hookDeclarations.map { hook in
            let path = hook.path
            let command = optionalText(path) ?? optionalText("\(path).command")
            return (
                hook.name,
                HookSettings.Hook(
                    command: command, timeoutMs: duration("\(path).timeout"),
                    retries: number("\(path).retries"),
                    retryDelayMs: duration("\(path).retry_delay"),
                    onFailure: hook.mayContinue && text("\(path).on_failure") == "continue"
                        ? .continue : .abort,
                    runsOnScheduler: hook.mayRunOnScheduler && text("\(path).run_on") == "scheduler"
                )
            )
        }
        return HookSettings(
            byName: Dictionary(uniqueKeysWithValues: pairs),
            eventNotifications: reading.texts("event_notifications") ?? [],
            childNodes: ChildNodeSettings(
                connectedMin: reading.number("child_nodes_connected_min_count"),
                disconnectedMin: reading.number("child_nodes_disconnect_min_count"),
                timeoutMs: duration("child_nodes_disconnect_timeout")))
    }
}
