import ClusterFile
import Execution
import FailoverCore
import Foundation
import Glibc
import Testing

@testable import Hooks
@testable import ToolkitTesting

@Suite(
    "A full disk",
    .enabled(if: geteuid() == 0, "SKIPPED: needs root to mount a small file system"))
struct FullDiskTests {
    /// `a` runs, opened, with a work_mem of its own; then its state_dir has no room left.
    private func withFullDisk(_ body: (HookBench) async throws -> Void) async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            let owner = try #require(ThrowawayPostgresRoot.serverUser)
            try #require(
                mount(
                    "tmpfs", node.stateDirectory, "tmpfs", 0,
                    "size=1m,mode=700,uid=\(owner.uid),gid=\(owner.gid)") == 0)
            defer { umount2(node.stateDirectory, Int32(MNT_DETACH)) }
            try await NodePrograms(settings: bench.settings, sharedHooks: HookBench.sharedHooks)
                .install(on: node, via: bench.runner)
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            #expect(await open(bench).isApplied)
            // The last pages are too small a room for a large write.
            let fill = #"""
                cd -- "$1"
                until ! { printf x >"probe.$((number += 1))"; } 2>/dev/null; do
                    dd if=/dev/zero of="filler.$number" bs=4096 2>/dev/null || :
                done
                """#
            try await bench.sh(fill, node.stateDirectory)
            do { try await body(bench) } catch {
                await bench.root.remove()
                throw error
            }
        }
    }

    private func open(_ bench: HookBench) async -> NodeApply.Outcome {
        await bench.apply(
            step: 2, to: bench.a, nodeConf: "work_mem = '5MB'\n",
            opening: .contents("work_mem = '7MB'\n"))
    }

    private func shows(_ value: String, _ bench: HookBench) async throws {
        try await until("work_mem is \(value)") {
            try await bench.sql("show work_mem", on: bench.a) == value
        }
    }

    @Test func aNodeIsLockedOverBothChannelsAndSaysThatItIsNotStored() async throws {
        try await withFullDisk { bench in
            let node = bench.a
            let opening = node.runtimeDirectory + "/open.conf"
            try await shows("7MB", bench)
            let locked = await bench.apply(
                term: 2, step: 3, to: node, nodeConf: "# locked\n", opening: .removed)
            guard case .failed(73, let output) = locked else {
                Issue.record("\(locked)")
                return
            }
            #expect(output.contains("cannot store"))
            #expect(try await !bench.exists(opening))
            try await shows("5MB", bench)

            // The stamp that it has needs no room: opened again, and locked over SQL.
            #expect(await open(bench).isApplied)
            try await shows("7MB", bench)
            let files = NodeRequest(
                stamp: Stamp(term: Term(2), step: Revision(3)), nodeConf: "# locked\n",
                opening: .removed)
            let error = try await bench.sql(
                try NodeApply.sql(files, on: node), on: node, succeeds: false)
            guard case .failed(73, _) = NodeApply.outcome(programDetail: error) else {
                Issue.record("\(error)")
                return
            }
            #expect(try await !bench.exists(opening))
            try await shows("5MB", bench)
        }
    }

    @Test func aNodeIsFencedAndNoOtherHookRuns() async throws {
        try await withFullDisk { bench in
            let node = bench.a
            #expect(await bench.run(.serviceRestartCommand, on: node, step: 3).status == 73)
            let fenced = await bench.run(.fenceCommand, on: node, term: 2, step: 4)
            #expect(fenced.results["fenced"] == "yes", "\(fenced)")
            guard case .done(_, let output) = fenced else { return }
            #expect(output.contains("cannot store"))
            let seen = try await bench.inspect(node)
            #expect(seen.postmaster == .stopped && !seen.isOpened && !seen.mayHaveOrphans)
        }
    }
}
