import ClusterFile
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

@Suite("Default hooks on real PostgreSQL")
struct DefaultHookTests {
    /// a opened, b cloned from it and streaming.
    private func pair(_ bench: HookBench) async throws {
        try await bench.initialize(bench.a)
        #expect(await bench.run(.serviceStartCommand, on: bench.a, step: 1).isDone)
        try await bench.sql("create table t (x int)", on: bench.a)
        let pointed = await bench.apply(
            step: 1, to: bench.b, nodeConf: bench.upstream(bench.a, name: "b_1"))
        #expect(pointed.isApplied)
        let cloned = await bench.run(.cloneCommand, on: bench.b, step: 2, primary: bench.a)
        #expect(cloned.isDone, "\(cloned)")
        #expect(cloned.results["progress"] == "100%")
        try await streams("b_1", from: bench.a, bench)
    }

    private func streams(_ name: String, from node: NodeSettings, _ bench: HookBench) async throws {
        try await until("\(name) streams") {
            try await bench.sql(
                "select state from pg_stat_replication where application_name = '\(name)'", on: node
            )
                == "streaming"
        }
    }

    @Test func startStopRestartReloadStatus() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStatusCommand, on: node, step: 1).status == 3)
            #expect(await bench.run(.serviceReloadCommand, on: node, step: 1).status == 1)
            #expect(await bench.apply(step: 1, to: node, opening: .contents("# open\n")).isApplied)
            for step in 2...3 {
                #expect(await bench.run(.serviceStartCommand, on: node, step: step).isDone)
            }
            #expect(try await !bench.inspect(node).isOpened)
            let status = await bench.run(.serviceStatusCommand, on: node, step: 3)
            #expect(status.results["status"] == "ready")

            // A start of a running, opened node leaves it open; a restart does not.
            #expect(await bench.apply(step: 4, to: node, opening: .contents("# open\n")).isApplied)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 4).isDone)
            #expect(try await bench.inspect(node).isOpened)
            try await bench.write("work_mem = '5MB'\n", to: node.configDirectory + "/node.conf")
            #expect(await bench.run(.serviceReloadCommand, on: node, step: 5).isDone)
            try await until("reloaded") {
                try await bench.sql("show work_mem", on: node) == "5MB"
            }
            let before = try await bench.sql("select pg_postmaster_start_time()", on: node)
            #expect(await bench.run(.serviceRestartCommand, on: node, step: 6).isDone)
            #expect(try await bench.sql("select pg_postmaster_start_time()", on: node) != before)
            #expect(try await !bench.inspect(node).isOpened)
            for (step, mode) in [(7, "smart"), (8, "fast"), (9, "immediate")] {
                let stop = await bench.run(
                    .serviceStopCommand, on: node, step: step, extra: ["TOOLKIT_STOP_MODE": mode])
                #expect(stop.isDone)
            }
            #expect(try await bench.inspect(node).postmaster == .stopped)
        }
    }

    @Test func disconnectEndsTheReceiverAndPromoteEndsRecovery() async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            #expect(await bench.run(.followCommand, on: bench.b, step: 3).isDone)
            try await streams("b_1", from: bench.a, bench)
            // Replay is paused: the settings alone don't end the receiver (PROTOCOL F11).
            try await bench.sql("select pg_wal_replay_pause()", on: bench.b)
            #expect(
                await bench.apply(step: 4, to: bench.b, nodeConf: "primary_conninfo = ''\n")
                    .isApplied)
            for step in 4...5 {
                let ended = await bench.run(.standbyDisconnectCommand, on: bench.b, step: step)
                #expect(ended.isDone, "\(ended)")
                let count = "select count(*) from pg_stat_wal_receiver"
                #expect(try await bench.sql(count, on: bench.b) == "0")
            }
            try await bench.sql("select pg_wal_replay_resume()", on: bench.b)
            for step in 6...7 {
                #expect(await bench.run(.promoteCommand, on: bench.b, step: step).isDone)
                try await until("b is promoted") {
                    try await bench.sql("select pg_is_in_recovery()", on: bench.b) == "f"
                }
            }
            #expect(await bench.run(.followCommand, on: bench.b, step: 8).status == 1)
        }
    }

    @Test func fenceEndsTheServerItsOrphansAndItsOpening() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            #expect(await bench.apply(step: 2, to: node, opening: .contents("# open\n")).isApplied)
            // A frozen backend stands for the busy one that outlives its postmaster (F19).
            let orphan = try await bench.sh(
                #"""
                "$1"/psql -X -h "$2" -p "$3" -U postgres -d postgres -c 'select pg_sleep(600)' \
                    >/dev/null 2>&1 &
                until pid=$("$1"/psql -X -A -t -h "$2" -p "$3" -U postgres -d postgres -c \
                    "select pid from pg_stat_activity where query = 'select pg_sleep(600)'") &&
                    [ -n "$pid" ]; do sleep 0.05; done
                kill -STOP "$pid"; read -r postmaster <"$4/postmaster.pid"
                kill -KILL "$postmaster"; echo "$pid"
                """#, bench.settings.postgresql.binDirectory, node.socketDirectory,
                String(node.port),
                node.dataDirectory
            ).trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(Int(orphan) != nil)
            let left = try await bench.inspect(node)
            #expect(left.postmaster == .stopped && left.mayHaveOrphans)
            for step in 3...4 {
                let fenced = await bench.run(.fenceCommand, on: node, step: step)
                #expect(fenced.results["fenced"] == "yes", "\(fenced)")
            }
            let state = try await bench.sh(
                #"sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null || :"#,
                orphan)
            #expect(["", "Z\n"].contains(state))
            let fenced = try await bench.inspect(node)
            #expect(!fenced.isOpened && !fenced.mayHaveOrphans)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 5).isDone)
            #expect(await bench.run(.fenceCommand, on: node, step: 6).isDone)
            #expect(try await bench.inspect(node).postmaster == .stopped)
        }
    }

    /// a killed with log past the fork, b promoted.
    private func diverge(_ bench: HookBench) async throws -> LSN {
        try await pair(bench)
        #expect(
            await bench.apply(term: 2, step: 3, to: bench.b, nodeConf: "primary_conninfo = ''\n")
                .isApplied)
        #expect(await bench.run(.standbyDisconnectCommand, on: bench.b, term: 2, step: 3).isDone)
        try await bench.sql("insert into t select generate_series(1, 1000)", on: bench.a)
        #expect(await bench.run(.promoteCommand, on: bench.b, term: 2, step: 4).isDone)
        try await until("b is promoted") {
            try await bench.sql("select pg_is_in_recovery()", on: bench.b) == "f"
        }
        try await bench.sql("checkpoint", on: bench.b)
        try await bench.sql("insert into t values (42)", on: bench.b)
        try await bench.sh(
            #"read -r pid <"$1/postmaster.pid"; kill -KILL "$pid""#, bench.a.dataDirectory)
        let history = try #require(
            try await bench.inspect(bench.b).histories.first { $0.timeline.number == 2 })
        return try #require(history.ancestors.last).end
    }

    @Test func rejoinRewindsADivergedPrimary() async throws {
        try await HookBench.with { (bench) async throws in
            let fork = try await diverge(bench)
            #expect(
                await bench.apply(
                    term: 2, step: 5, to: bench.a, nodeConf: bench.upstream(bench.b, name: "a_2")
                ).isApplied)
            try await bench.write(
                "primary_conninfo = 'host=evil'\nwork_mem = '6MB'\n",
                to: bench.b.dataDirectory + "/postgresql.auto.conf")
            func rejoin(_ step: Int) async -> HookOutcome {
                await bench.run(
                    .rejoinCommand, on: bench.a, term: 2, step: step, primary: bench.b,
                    switchLSN: fork, extra: ["TOOLKIT_REJOIN_METHOD": "rewind"])
            }
            let rewound = await rejoin(6)
            #expect(rewound.results["rewound"] == "yes", "\(rewound)")
            #expect(rewound.results["switch_lsn"] == fork.description)
            let end = try #require(rewound.results["rewound_from"].flatMap { LSN($0) })
            #expect(end > fork)
            try await streams("a_2", from: bench.b, bench)
            try await until("a has b's rows alone") {
                try await bench.sql("select string_agg(x::text, ',') from t", on: bench.a) == "42"
            }
            #expect(try await bench.sql("show work_mem", on: bench.a) == "6MB")
            let seen = try await bench.inspect(bench.a)
            #expect(seen.marker == .none && seen.hasStandbySignal)
            let ours = #"grep -ci "primary_\|toolkit" "$1/postgresql.auto.conf" || :"#
            #expect(try await bench.sh(ours, bench.a.dataDirectory) == "0\n")
            let aside = try #require(rewound.results["set_aside"])
            #expect(try await !bench.sh(#"ls -- "$1""#, aside).isEmpty)

            // The step again: done. Another step by hand: refused while it runs, nothing changes.
            #expect(await rejoin(6).results["rewound"] == "yes")
            #expect(await rejoin(7).status == 1)
            try await streams("a_2", from: bench.b, bench)
        }
    }

    @Test func anInterruptedRewindLeavesItsMarkerAndStartRefuses() async throws {
        try await HookBench.with { (bench) async throws in
            let fork = try await diverge(bench)
            // The upstream is gone: the trial run fails and changes nothing.
            #expect(await bench.run(.fenceCommand, on: bench.b, term: 2, step: 5).isDone)
            func rejoin(_ step: Int) async -> HookOutcome {
                await bench.run(
                    .rejoinCommand, on: bench.a, term: 2, step: step, primary: bench.b,
                    switchLSN: fork, extra: ["TOOLKIT_REJOIN_METHOD": "rewind"])
            }
            #expect(await rejoin(6).status == 77)
            #expect(try await bench.inspect(bench.a).marker == .rewinding)
            let start = await bench.run(.serviceStartCommand, on: bench.a, term: 2, step: 7)
            #expect(start.status == 1, "\(start)")
            #expect(try await bench.inspect(bench.a).postmaster == .stopped)

            #expect(await bench.run(.serviceStartCommand, on: bench.b, term: 2, step: 8).isDone)
            #expect(await rejoin(9).results["rewound"] == "yes")
            // Killed while it copied: only a clone helps, the old directory is kept.
            #expect(await bench.run(.serviceStopCommand, on: bench.a, term: 2, step: 10).isDone)
            try await bench.write("rewinding copying\n", to: bench.a.stateDirectory + "/marker")
            #expect(await rejoin(11).status == 77)
            let cloned = await bench.run(
                .cloneCommand, on: bench.a, term: 2, step: 12, primary: bench.b)
            #expect(cloned.results["aside"] == bench.a.dataDirectory + ".aside.12", "\(cloned)")
            #expect(try await bench.exists(bench.a.dataDirectory + ".aside.12/PG_VERSION"))
            #expect(try await bench.inspect(bench.a).marker == .none)
        }
    }

    @Test func neverTrustsThatNoRewindIsRequired() async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            #expect(await bench.run(.serviceStopCommand, on: bench.b, step: 3).isDone)
            let outcome = await bench.run(
                .rejoinCommand, on: bench.b, step: 4, primary: bench.a, switchLSN: LSN("0/2000000"),
                extra: ["TOOLKIT_REJOIN_METHOD": "rewind"])
            #expect(outcome.status == 77, "\(outcome)")
            #expect(try await bench.inspect(bench.b).marker == .rewinding)
        }
    }

    @Test func rejoinByStartMakesAStoppedPrimaryAStandby() async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            #expect(await bench.run(.serviceStopCommand, on: bench.a, step: 3).isDone)
            #expect(await bench.run(.promoteCommand, on: bench.b, step: 4).isDone)
            #expect(
                await bench.apply(
                    step: 5, to: bench.a, nodeConf: bench.upstream(bench.b, name: "a_2")
                ).isApplied)
            for step in 6...7 {
                let rejoined = await bench.run(
                    .rejoinCommand, on: bench.a, step: step, primary: bench.b,
                    extra: ["TOOLKIT_REJOIN_METHOD": "start"])
                #expect(rejoined.isDone, "\(rejoined)")
            }
            try await streams("a_2", from: bench.b, bench)
        }
    }

    @Test func cloneRefusesARunningNodeAndForeignTablespaces() async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            let running = await bench.run(.cloneCommand, on: bench.b, step: 3, primary: bench.a)
            #expect(running.status == 1)
            try await bench.sh(#"mkdir -- "$1/space""#, bench.path)
            try await bench.sql("create tablespace s location '\(bench.path)/space'", on: bench.a)
            #expect(await bench.run(.serviceStopCommand, on: bench.b, step: 4).isDone)
            let refused = await bench.run(.cloneCommand, on: bench.b, step: 5, primary: bench.a)
            #expect(refused.status == 1, "\(refused)")
            #expect(try await bench.inspect(bench.b).dataDirectory == .pgdata)
        }
    }

    /// One whose server does not start is cloned again and again: the disk would fill with copies.
    @Test func aCopyThatNeverRanIsNotSetAside() async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            let node = bench.b
            func clone(_ step: Int) async -> HookOutcome {
                await bench.run(.cloneCommand, on: node, step: step, primary: bench.a)
            }
            #expect(await bench.run(.serviceStopCommand, on: node, step: 3).isDone)
            let conf = node.configDirectory + "/postgresql.conf"
            try await bench.sh(#"cp -- "$1" "$1.good" && echo 'work_mem = lots' >>"$1""#, conf)
            #expect(await clone(10).status == 1)
            #expect(try await bench.exists(node.dataDirectory + ".aside.10/PG_VERSION"))
            #expect(await clone(11).status == 1)
            #expect(try await !bench.exists(node.dataDirectory + ".aside.11"))
            // It may be the only other copy: it stays until the next one is whole.
            #expect(await bench.run(.serviceStopCommand, on: bench.a, step: 12).isDone)
            #expect(await !clone(13).isDone)
            #expect(try await bench.exists(node.dataDirectory + "/backup_label"))
            #expect(await bench.run(.serviceStartCommand, on: bench.a, step: 14).isDone)
            try await bench.sh(#"mv -- "$1.good" "$1""#, conf)
            #expect(await clone(15).isDone)
            #expect(try await !bench.exists(node.dataDirectory + ".aside.15"))
            #expect(try await !bench.exists(node.dataDirectory + ".clone.0"))

            // It ran, and may hold what no other node does.
            #expect(await bench.run(.serviceStopCommand, on: node, step: 16).isDone)
            let cloned = await clone(17)
            #expect(cloned.results["aside"] == node.dataDirectory + ".aside.17", "\(cloned)")
            #expect(try await bench.exists(node.dataDirectory + ".aside.17/PG_VERSION"))
        }
    }

    /// A label alone tells nothing: a backup that an operator has put there has one, and what a rewind was
    /// at work on. Without one it ran, as when the hook was killed between the start and its last word.
    @Test(arguments: [true, false])
    func whatIsNoUnusedCopyIsSetAside(_ hasAnotherLabel: Bool) async throws {
        try await HookBench.with { (bench) async throws in
            try await pair(bench)
            let node = bench.b
            let label = node.dataDirectory + "/backup_label"
            try await bench.sh(#"cp -- "$1.old" "$2""#, label, node.stateDirectory + "/clone.label")
            #expect(await bench.run(.serviceStopCommand, on: node, step: 3).isDone)
            if hasAnotherLabel {
                try await bench.sh(#"sed 's/^LABEL: .*/LABEL: mine/' "$1.old" >"$1""#, label)
            }
            let cloned = await bench.run(.cloneCommand, on: node, step: 4, primary: bench.a)
            #expect(cloned.results["aside"] == node.dataDirectory + ".aside.4", "\(cloned)")
        }
    }

    @Test func inspectTellsEveryKindOfDirectory() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            #expect(try await bench.inspect(node).dataDirectory == .missing)
            try await bench.sh(#"mkdir -- "$1""#, node.dataDirectory)
            #expect(try await bench.inspect(node).dataDirectory == .empty)
            try await bench.write("x", to: node.dataDirectory + "/notes")
            #expect(try await bench.inspect(node).dataDirectory == .foreign)
            try await bench.sh(#"rm -r -- "$1""#, node.dataDirectory)
            try await bench.initialize(node)
            #expect(await bench.apply(term: 3, step: 4, to: node).isApplied)
            let stopped = try await bench.inspect(node)
            #expect(stopped.dataDirectory == .pgdata)
            #expect(stopped.control?.state == "shut down")
            #expect(stopped.control?.hasHintLogging == false)
            #expect(stopped.stamp == Stamp(term: Term(3), step: Revision(4)))
            #expect(stopped.walTimeline == TimelineID(1))
            try await bench.sh(#": >"$1/global/pg_control""#, node.dataDirectory)
            #expect(try await bench.inspect(node).control == nil)
        }
    }
}
