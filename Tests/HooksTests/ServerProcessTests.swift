import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

@Suite("What the shipped hooks do to processes and files")
struct ServerProcessTests {
    enum Binary: String, CaseIterable, Sendable {
        case removed
        case replaced
    }

    @Test(arguments: Binary.allCases)
    func fenceFindsAServerWhoseBinaryIsNotWhereItWas(_ binary: Binary) async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            // Only a look at the processes can find it now.
            try await bench.sh(
                #"head -n 1 -- "$1/postmaster.pid" >"$2/postmaster" && rm -- "$1/postmaster.pid""#,
                node.dataDirectory, bench.path)
            var settings = bench.settings
            settings.postgresql.binDirectory = bench.path + "/elsewhere"
            if binary == .replaced {
                try await bench.sh(
                    #"mkdir -- "$1" && cp /bin/true "$1/postgres""#,
                    settings.postgresql.binDirectory)
            }
            let runner = bench.runner
            let hooks = HookRunner(
                settings: settings, sharedHooks: HookBench.sharedHooks, runner: { _ in runner },
                local: runner)
            let fenced = await hooks.run(HookCall(.fenceCommand, on: node, term: 1, step: 2))
            #expect(fenced.results["fenced"] == "yes", "\(fenced)")
            #expect(try await !bench.isAlive("postmaster"))
        }
    }

    @Test func fenceEndsAServerThatAppearsAfterItsFirstLook() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            // Another hand starts a server in the pause between the two looks.
            let script = #"""
                sleep() {
                    if [ "$1" = 0.1 ]; then
                        cd -- "$PGDATA"
                        setsid "$PG_BINDIR/postgres" -D . -c "config_file=$TOOLKIT_CONFIG_FILE" \
                            </dev/null >"$OUT/log" 2>&1 &
                        echo "$!" >"$OUT/late"
                        while no_server_process; do command sleep 0.02; done
                    else
                        command sleep "$1"
                    fi
                }
                . "$0"
                """#
            let folder = try await bench.libraryFolder(on: node)
            let fenced = try await bench.runner.run(
                Command(
                    ["/bin/sh", "-euc", script, folder + "/fence_command.sh"],
                    environment: try bench.libraryVariables(on: node), timeout: .seconds(60)))
            #expect(fenced.isSuccess, "\(fenced.errorOutput)")
            #expect(fenced.output.contains("toolkit:fenced=yes"))
            #expect(try await bench.exists(bench.path + "/late"))
            #expect(try await !bench.isAlive("late"))
        }
    }

    @Test func aLookThatCannotBeMadeFindsNotNobody() async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"""
                no_server_process && echo nobody
                find() { return 127; }
                no_server_process || echo unknown
                end_orphans true
                """#
            let result = try await bench.library(script, on: bench.a)
            #expect(result.output == "nobody\nunknown\n")
            #expect(result.ending == .exited(1), "\(result.errorOutput)")
        }
    }

    @Test func aStartingServerIsInItsDirectoryFromItsFirstMoment() async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"""
                PG_BINDIR=$OUT/bin
                mkdir -p -- "$PG_BINDIR" "$PGDATA"
                echo 15 >"$PGDATA/PG_VERSION"
                printf '%s\n' '#!/bin/sh' 'pwd >"$OUT/place"' >"$PG_BINDIR/postgres"
                chmod +x "$PG_BINDIR/postgres"
                start_postgres 20
                """#
            let result = try await bench.library(script, on: bench.a)
            #expect(result.ending == .exited(1), "\(result.errorOutput)")
            #expect(try await bench.read(bench.path + "/place") == bench.a.dataDirectory + "\n")
        }
    }

    @Test func theLockFileOfAServerThatHasJustStartedIsKept() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            // The first look comes before the server does; the lock file names a foreign process.
            let script = #"""
                cd /
                sleep 60 &
                sleeper=$!
                sed "1s/.*/$sleeper/" "$PGDATA/postmaster.pid" >"$OUT/pid"
                cat "$OUT/pid" >"$PGDATA/postmaster.pid"
                look() { processes=$(server_processes) && [ -z "$processes" ]; }
                no_server_process() { if mkdir "$OUT/looked" 2>/dev/null; then return 0; fi; look; }
                (clear_the_way) || echo refused
                kill "$sleeper"
                [ -e "$PGDATA/postmaster.pid" ] && ! look && echo alive
                """#
            let result = try await bench.library(script, on: node)
            #expect(result.output == "refused\nalive\n", "\(result.errorOutput)")
        }
    }

    @Test func aNumberThatHasBecomeAnotherProcessIsNotEnded() async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"""
                mkdir -p -- "$PGDATA"
                sleep 60 &
                sleeper=$!
                server_processes() { if mkdir "$OUT/looked" 2>/dev/null; then echo "$sleeper"; fi; }
                end_orphans true
                kill -0 "$sleeper" && echo alive
                kill "$sleeper"
                """#
            let result = try await bench.library(script, on: bench.a)
            #expect(result.output == "alive\n", "\(result.errorOutput)")
        }
    }

    @Test func anOrphanIsNotEndedUnderANewServer() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            let result = try await bench.library("clear_the_way", on: node)
            #expect(result.ending == .exited(1), "\(result.errorOutput)")
            #expect(try await bench.sql("select 1", on: node) == "1")
        }
    }

    // MARK: - Rewind and clone

    @Test func everyTimelinePastTheSwitchIsSetAsideDurably() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.initialize(bench.a)
            // Timeline 2 came after the last checkpoint; its third segment is a recycled file.
            let script = #"""
                . "$here/lib/rewind.sh"
                TOOLKIT_SWITCH_LSN=0/1000000
                cd -- "$PGDATA/pg_wal"
                printf '\0\0\0\0\0\0\0\0\0\0\0\002\0\0\0\0' >000000020000000000000002
                printf '\0\0\0\0\0\0\0\0\0\0\0\002\0\0\0\0' >000000020000000000000003
                sync() { echo "synced $*"; command sync "$@"; }
                set_wal_aside >"$OUT/said"
                cd -- "$TOOLKIT_STATE_DIR/set-aside/1-0-1000000"
                ls
                grep -c "synced -- .*\.part$" "$OUT/said"
                grep -c "synced -- $PWD " "$OUT/said"
                """#
            let result = try await bench.library(script, on: bench.a)
            #expect(
                result.output == "000000010000000000000001\n000000020000000000000002\n2\n1\n",
                "\(result.errorOutput)")
        }
    }

    @Test func aCopyThatWasEndedHasFailed() async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"""
                . "$here/lib/clone.sh"
                PG_BINDIR=$OUT/bin
                mkdir -- "$PG_BINDIR"
                printf '%s\n' '#!/bin/sh' 'kill -s KILL "$PPID"' >"$PG_BINDIR/pg_basebackup"
                chmod +x "$PG_BINDIR/pg_basebackup"
                TOOLKIT_PRIMARY_CONNINFO=host=127.0.0.1
                copy_source "$OUT/copy" || echo failed
                """#
            let result = try await bench.library(script, on: bench.a)
            #expect(result.output == "failed\n", "\(result.errorOutput)")
        }
    }

    /// The copy of an earlier try goes before the next one is whole where there is no room for both.
    @Test(arguments: [(1, "kept\n"), (1 << 60, "gone\n")])
    func anUnusedCopyMakesRoom(_ bytes: Int, _ left: String) async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"""
                . "$here/lib/clone.sh"
                mkdir -p -- "$PGDATA"
                echo copy >"$PGDATA/backup_label"
                label_copy "$PGDATA"
                ask_source() { echo "0|\#(bytes)"; }
                (check_source "${PGDATA%/*}") 2>/dev/null || :
                if [ -e "$PGDATA" ]; then echo kept; else echo gone; fi
                """#
            let result = try await bench.library(script, on: bench.b)
            #expect(result.output == left, "\(result.errorOutput)")
        }
    }

    @Test func aCloneRemovesOnlyCopiesOfItsOwn() async throws {
        try await HookBench.with { (bench) async throws in
            try await bench.initialize(bench.a)
            #expect(await bench.run(.serviceStartCommand, on: bench.a, step: 1).isDone)
            let data = bench.b.dataDirectory
            try await bench.sh(#"mkdir -p -- "$1.clone.7" "$1.clone.mine" "$1.clone.8x""#, data)
            #expect(
                await bench.apply(
                    step: 1, to: bench.b, nodeConf: bench.upstream(bench.a, name: "b_1")
                ).isApplied)
            let cloned = await bench.run(.cloneCommand, on: bench.b, step: 2, primary: bench.a)
            #expect(cloned.isDone, "\(cloned)")
            #expect(try await bench.exists(data + ".clone.mine", data + ".clone.8x"))
            #expect(try await !bench.exists(data + ".clone.7"))
        }
    }

    @Test func anUploadPutsNewFilesInThePlaceOfThoseThatRun() async throws {
        try await HookBench.with { (bench) async throws in
            let folder = try await bench.libraryFolder(on: bench.a)
            let look = #"cd -- "$1" && ls -i fence_command.sh && ls lib && ls -a"#
            let before = try await bench.sh(look, folder)
            try await bench.sh(#"exec 5<"$1/fence_command.sh"; rm -- "$1/complete""#, folder)
            try await bench.bundle().upload(
                to: bench.a, via: bench.runner, timeout: .seconds(30))
            let after = try await bench.sh(look, folder)
            let (old, new) = (before.split(separator: "\n"), after.split(separator: "\n"))
            #expect(old.dropFirst() == new.dropFirst())
            #expect(old.first != new.first)
        }
    }
}

extension HookBench {
    func bundle() throws -> HookBundle {
        try HookBundle(HookScripts(settings: settings, sharedHooks: Self.sharedHooks))
    }

    /// The folder of the shipped scripts on a node.
    func libraryFolder(on node: NodeSettings) async throws -> String {
        try await hooks.prepare(node)
        return try bundle().folder(on: node)
    }

    /// Runs `script` as a hook's would run, with the library that hooks source; `OUT` is the bench's
    /// folder.
    func library(_ script: String, on node: NodeSettings) async throws -> CommandResult {
        let folder = try await libraryFolder(on: node)
        return try await runner.run(
            Command(
                ["/bin/sh", "-euc", "here=$1\n. \"$here/lib/common.sh\"\n" + script, "sh", folder],
                environment: try libraryVariables(on: node), timeout: .seconds(60)))
    }

    /// A hook's environment, and `OUT`.
    func libraryVariables(on node: NodeSettings) throws -> [String: String] {
        let call = HookCall(.fenceCommand, on: node, term: 1, step: 1)
        var variables = try HookEnvironment(settings: settings).variables(for: call)
        variables["OUT"] = path
        return variables
    }
}
