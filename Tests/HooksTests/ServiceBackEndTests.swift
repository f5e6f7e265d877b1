import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

@Suite("What starts and stops PostgreSQL")
struct ServiceBackEndTests {
    /// Node a with `service`, as cluster.yaml would name it.
    private func node(_ bench: HookBench, _ service: String) -> NodeSettings {
        var node = bench.a
        node.service = service
        return node
    }

    @Test(.enabled(if: hasPgCtlcluster, "SKIPPED: postgresql-common is not installed"))
    func aClusterOfDebians() async throws {
        try await HookBench.with { (bench) async throws in
            var node = node(bench, "\(HookBench.version)/shop\(bench.a.port)")
            // pg_ctl hands the name of a data directory to a shell.
            node.dataDirectory = bench.path + "/data"
            try await bench.initialize(node)
            try await NodePrograms(settings: bench.settings, sharedHooks: HookBench.sharedHooks)
                .install(on: node, via: bench.runner)
            let root = bench.path + "/etc"
            let home = "\(root)/\(HookBench.version)/shop\(bench.a.port)"
            // The cluster's own file includes ours, as on an adopted machine.
            try await bench.sh(
                #"mkdir -p -- "$1" && ln -s -- "$2/server.log" "$1/log" && : >"$2/server.log""#,
                home, bench.path)
            let quoted = node.configDirectory.replacingOccurrences(of: "'", with: "''")
            try await bench.write(
                """
                include '\(quoted)/postgresql.conf'
                data_directory = '\(node.dataDirectory)'
                unix_socket_directories = '\(node.socketDirectory)'

                """,
                to: home + "/postgresql.conf")
            try await bench.sh(
                #"cp -- "$1/pg_hba.conf" "$2/" && : >"$2/pg_ident.conf""#, node.configDirectory,
                home)
            let target = node
            func run(_ hook: HookName, _ step: Int, _ mode: String = "fast") async -> HookOutcome {
                await bench.hooks.run(
                    HookCall(
                        hook, on: target, term: 1, step: step,
                        extra: ["PG_CLUSTER_CONF_ROOT": root, "TOOLKIT_STOP_MODE": mode]))
            }
            #expect(await bench.apply(step: 1, to: node, opening: .contents("# open\n")).isApplied)
            for step in 2...3 {
                let started = await run(.serviceStartCommand, step)
                #expect(started.isDone, "\(started)")
            }
            #expect(try await !bench.inspect(node).isOpened)
            let command = try await bench.sh(
                #"tr '\000' ' ' <"/proc/$(head -n 1 "$1/postmaster.pid")/cmdline""#,
                node.dataDirectory)
            #expect(command.contains("config_file=\(home)/postgresql.conf"))
            #expect(await run(.serviceRestartCommand, 4).isDone)
            #expect(await run(.serviceStatusCommand, 5).results["status"] == "ready")
            for (step, mode) in [(6, "fast"), (7, "fast"), (8, "immediate")] {
                let stopped = await run(.serviceStopCommand, step, mode)
                #expect(stopped.isDone, "\(stopped)")
                #expect(try await bench.inspect(node).postmaster == .stopped)
            }
            // A cluster that can't start is a failure that shows why.
            try await bench.write("nonsense\n", to: home + "/postgresql.conf")
            let failed = await run(.serviceStartCommand, 9)
            #expect(failed.status == 1, "\(failed)")
        }
    }

    /// There is no systemd in a container: a stand-in starts and stops the real server, and keeps it
    /// up as `Restart=always` does.
    private static let systemctl = #"""
        #!/bin/sh
        set -eu
        echo "$*" >>"$UNIT_DIR/asked"
        case $1 in
            start)
                : >"$UNIT_DIR/wanted"
                setsid sh -c 'echo $$ >"$UNIT_DIR/supervisor"; while :; do
                    "$PG_BINDIR/postgres" -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE"
                done' </dev/null >>"$UNIT_DIR/log" 2>&1 &
                ;;
            stop)
                rm -f -- "$UNIT_DIR/wanted"
                supervisor=$(cat -- "$UNIT_DIR/supervisor")
                kill -s KILL "$supervisor" 2>/dev/null || :
                kill -s INT -- "-$supervisor" 2>/dev/null || :
                ;;
            is-active) if [ -e "$UNIT_DIR/wanted" ]; then echo active; else echo inactive; fi ;;
        esac
        """#

    @Test func aUnitOfSystemd() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.initialize(bench.a)
            let node = node(bench, "postgresql@15-shop.service")
            let programs = bench.path + "/programs"
            try await bench.sh(#"mkdir -- "$1""#, programs)
            try await bench.write(Self.systemctl, to: programs + "/systemctl")
            try await bench.write(
                "#!/bin/sh\n[ \"$1\" = --non-interactive ]\nshift\nexec \"$@\"\n",
                to: programs + "/sudo")
            try await bench.sh(#"chmod 755 -- "$1"/*"#, programs)
            func run(_ hook: HookName, _ mode: String = "fast") async throws -> CommandResult {
                let call = HookCall(
                    hook, on: node, term: 1, step: 1,
                    extra: [
                        "UNIT_DIR": bench.path, "TOOLKIT_STOP_MODE": mode,
                    ])
                let variables = try HookEnvironment(settings: bench.settings).variables(for: call)
                return try await bench.runner.run(
                    Command(
                        [
                            "/bin/sh", "-c",
                            #"PATH=$3; for file in "$1"/hooks/*/"$2.sh"; do exec "$file"; done"#,
                            "sh", node.stateDirectory, hook.rawValue, programs + ":/usr/bin:/bin",
                        ],
                        environment: variables, timeout: .seconds(60)))
            }
            try await bench.hooks.prepare(node)
            #expect(await bench.apply(step: 1, to: node, opening: .contents("# open\n")).isApplied)
            for _ in 1...2 {
                let started = try await run(.serviceStartCommand)
                #expect(started.isSuccess, "\(started.errorOutput)")
            }
            #expect(try await !bench.inspect(node).isOpened)
            #expect(try await run(.serviceRestartCommand).isSuccess)
            for mode in ["fast", "fast", "immediate"] {
                #expect(try await run(.serviceStartCommand).isSuccess)
                let stopped = try await run(.serviceStopCommand, mode)
                #expect(stopped.isSuccess, "\(stopped.errorOutput)")
                #expect(try await bench.inspect(node).postmaster == .stopped)
            }
            #expect(try await run(.serviceStartCommand).isSuccess)
            // What would start it again is told to leave it down.
            #expect(try await run(.fenceCommand).isSuccess)
            #expect(try await bench.inspect(node).postmaster == .stopped)
            let asked = try await bench.read(bench.path + "/asked")
            #expect(asked.hasPrefix("start -- postgresql@15-shop.service\n"))
            #expect(asked.hasSuffix("stop --no-block -- postgresql@15-shop.service\n"))
        }
    }
}

private let hasPgCtlcluster = FileManager.default.isExecutableFile(
    atPath: "/usr/bin/pg_ctlcluster")
