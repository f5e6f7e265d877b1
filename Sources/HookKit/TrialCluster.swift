import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks

/// Two throw-away nodes for one trial: a is the primary, b its standby. What a trial needs around
/// its hook is done by PostgreSQL's own programs, so that no other hook can spoil it.
struct TrialCluster: Sendable {
    let path: String
    let runner: OwnerRunner
    let settings: ClusterSettings
    var a: NodeSettings { settings.nodes[0] }
    var b: NodeSettings { settings.nodes[1] }

    /// Nodes, directories and ports of its own; hooks and their folder as in `own`.
    init(_ ground: TrialGround, number: Int) throws(TrialError) {
        let path = "\(ground.folder.path)/\(number)"
        self.path = path
        runner = ground.folder.runner
        let nodes = zip(["trial_a", "trial_b"], ground.ports).map { name, port in
            "  - { name: \(name), host: 127.0.0.1, port: \(port), data_dir: \(path)/data/\(name) }"
        }
        let text = """
            cluster: hook_test
            lab: true
            execution: local
            postgresql:
              version: \(ground.version)
              bin_dir: "\(ground.binDirectory)"
              authentication: trust
              replication_role: postgres
            config_dir: \(path)/config
            state_dir: \(path)/state
            runtime_dir: \(path)/runtime
            nodes:
            \(nodes.joined(separator: "\n"))
            """
        do {
            var settings = try ClusterFile.parse(text, baseDirectory: path).settings
            for index in settings.nodes.indices { settings.nodes[index].socketDirectory = path }
            settings.hooks = ground.own.hooks
            settings.baseDirectory = ground.own.baseDirectory
            self.settings = settings
        } catch {
            throw TrialError("\(error)", next: "name a bin_dir with PostgreSQL's programs")
        }
    }

    /// Everything but data.
    func lay(sharedHooks: String) async throws {
        try await sh(#"umask 077; mkdir -p -- "$@""#, [path, path + "/data"])
        let programs = NodePrograms(settings: settings, sharedHooks: sharedHooks)
        for node in settings.nodes {
            try await sh(
                #"umask 077; mkdir -p -- "$@""#, [node.configDirectory, node.runtimeDirectory])
            try await programs.install(on: node, via: runner)
            try await write(configuration(of: node), to: node.configDirectory + "/postgresql.conf")
            try await write(
                "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 trust\n"
                    + "host replication all 127.0.0.1/32 trust\n",
                to: node.configDirectory + "/pg_hba.conf")
        }
        try await point(a, at: nil)
        try await point(b, at: a)
    }

    private func configuration(of node: NodeSettings) -> String {
        """
        data_directory = '\(node.dataDirectory)'
        hba_file = '\(node.configDirectory)/pg_hba.conf'
        listen_addresses = '127.0.0.1'
        port = \(node.port)
        unix_socket_directories = '\(node.socketDirectory)'
        fsync = off
        shared_buffers = 16MB
        autovacuum = off
        wal_log_hints = on
        wal_keep_size = 256MB
        wal_retrieve_retry_interval = 100ms
        dynamic_shared_memory_type = mmap
        include 'node.conf'
        include_if_exists '\(node.runtimeDirectory)/open.conf'

        """
    }

    // MARK: Acting

    /// Runs a shell script as the owner of the nodes; its arguments are `$1`, `$2` ….
    @discardableResult
    func sh(_ script: String, _ arguments: [String] = []) async throws -> String {
        let result = try await runner.run(
            Command(["/bin/sh", "-euc", script, "sh"] + arguments, timeout: .seconds(120)))
        guard result.isSuccess else {
            throw TrialError(
                "the throw-away cluster could not be made ready: \(result.errorOutput)",
                next: "look at PostgreSQL's programs in \(settings.postgresql.binDirectory)")
        }
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func write(_ text: String, to path: String) async throws {
        try await runner.upload(Array(text.utf8), to: path, mode: 0o600, timeout: .seconds(10))
    }

    @discardableResult
    func sql(_ statement: String, on node: NodeSettings) async throws -> String {
        try await sh(
            #"cd / && exec "$1"/psql -X -q -A -t -h "$2" -p "$3" -U postgres -d postgres -c "$4""#,
            [settings.postgresql.binDirectory, path, String(node.port), statement])
    }

    func start(_ node: NodeSettings) async throws {
        try await sh(
            #"cd / && "$1"/pg_ctl start -w -s -D "$2" -l "$2.log" -o "-c config_file=$3""#,
            [
                settings.postgresql.binDirectory, node.dataDirectory,
                node.configDirectory + "/postgresql.conf",
            ])
    }

    func stop(_ node: NodeSettings, mode: String = "fast") async throws {
        try await sh(
            #"cd / && "$1"/pg_ctl stop -w -s -D "$2" -m "$3""#,
            [settings.postgresql.binDirectory, node.dataDirectory, mode])
    }

    /// Writes whom a node streams from; a running server reads it at its next reload.
    func point(_ node: NodeSettings, at upstream: NodeSettings?, more: String = "") async throws {
        let conninfo = upstream.map {
            "host=127.0.0.1 port=\($0.port) user=postgres application_name=\(node.id)"
        }
        try await write(
            "primary_conninfo = '\(conninfo ?? "")'\n" + more,
            to: node.configDirectory + "/node.conf")
    }

    func reload(_ node: NodeSettings) async throws {
        try await sql("select pg_reload_conf()", on: node)
    }

    func open(_ node: NodeSettings) async throws {
        try await write("# opened\n", to: node.runtimeDirectory + "/open.conf")
    }

    func promote(_ node: NodeSettings) async throws {
        try await sql("select pg_promote()", on: node)
        try await sql("checkpoint", on: node)
    }

    /// Ends everything that works below its folder, at once.
    func end() async throws {
        try await sh(
            #"""
            while
                left=$(find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$1/*" 2>/dev/null | cut -d/ -f3)
                [ -n "$left" ]
            do
                for pid in $left; do kill -KILL "$pid" 2>/dev/null || :; done
                sleep 0.02
            done
            rm -rf -- "$1"
            """#, [path])
    }

    // MARK: Looking

    func inspect(_ node: NodeSettings) async throws -> InspectReport {
        try await InspectReport.of(node, via: runner)
    }

    func streams(_ node: NodeSettings, from upstream: NodeSettings) async throws -> Bool {
        let state = "select state from pg_stat_replication where application_name = '\(node.id)'"
        return try await sql(state, on: upstream) == "streaming"
    }

    /// What a hook that did not run has left alone: both nodes' processes and signals.
    func fingerprint() async throws -> [String] {
        var facts: [String] = []
        for node in settings.nodes {
            let seen = try await inspect(node)
            facts.append(
                "\(seen.postmaster) \(seen.hasStandbySignal) \(seen.isOpened) \(seen.marker)")
        }
        return facts
    }

    /// Polls until `isSeen` holds; false after ten seconds.
    func soon(_ isSeen: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while try await !isSeen() {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }
}
