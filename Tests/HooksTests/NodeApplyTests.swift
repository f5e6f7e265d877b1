import ClusterFile
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

@Suite("node-apply")
struct NodeApplyTests {
    static let hostile =
        "x = 'it''s $(id) `id` ; %n {{a}} \\n é \"'\n\n\t-- trailing blanks  \nno newline at the end"

    @Test func writesBothFilesByteForByteUnderTheirStamp() async throws {
        try await HookBench.with { (bench) async throws in
            let outcome = await bench.apply(
                step: 3, to: bench.a, nodeConf: Self.hostile,
                opening: .contents(Self.hostile + "\n\n"))
            guard case .applied(let applied) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(applied.stamp == Stamp(term: Term(1), step: Revision(3)))
            #expect(!applied.isReloaded)
            #expect(applied.bootID.count == 36)
            let node = bench.a
            #expect(try await bench.read(node.configDirectory + "/node.conf") == Self.hostile)
            let open = node.runtimeDirectory + "/open.conf"
            #expect(try await bench.read(open) == Self.hostile + "\n\n")
            #expect(try await bench.sh(#"stat -c %a -- "$1""#, open) == "600\n")

            #expect(await bench.apply(step: 3, to: node, opening: .removed).isApplied)
            #expect(try await !bench.exists(open))
            #expect(try await bench.read(node.configDirectory + "/node.conf") == Self.hostile)
        }
    }

    @Test func refusesALowerStampAndRepeatsAnEqualOne() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            let file = node.configDirectory + "/node.conf"
            #expect(await bench.apply(term: 2, step: 5, to: node, nodeConf: "# five\n").isApplied)
            for stale in [(2, 4), (1, 9)] {
                let outcome = await bench.apply(
                    term: stale.0, step: stale.1, to: node, nodeConf: "# old\n",
                    opening: .contents("# old\n"))
                #expect(outcome == .stale)
            }
            #expect(try await bench.read(file) == "# five\n")
            #expect(try await !bench.exists(node.runtimeDirectory + "/open.conf"))
            let before = try await bench.sh(#"stat -c %i -- "$1""#, file)
            #expect(await bench.apply(term: 2, step: 5, to: node, nodeConf: "# five\n").isApplied)
            #expect(try await bench.sh(#"stat -c %i -- "$1""#, file) == before)
            #expect(await bench.apply(term: 3, step: 1, to: node, nodeConf: "# six\n").isApplied)
            #expect(try await bench.read(file) == "# six\n")
            let seen = await NodeApply().stamp(of: node, via: bench.runner)
            guard case .applied(let applied) = seen else {
                Issue.record("\(seen)")
                return
            }
            #expect(applied.stamp == Stamp(term: Term(3), step: Revision(1)))
        }
    }

    @Test(arguments: [
        "", "term 1\nstep 1\nnode.conf IyB4Cg==\n", "term 1\nnode.conf IyB4Cg==\nend\n",
        "term x\nstep 1\nend\n", "term 1\nstep 1\nnode.conf IyB4Cg==\nen", "rm -rf /\nend\n",
        "term 1\nstep 1\nnode.conf\nend\n", "term 1\nstep 1\nnode.conf !!!\nend\n",
        "term 1\nstep -1\nend\n",
    ])
    func changesNothingOnABrokenRequest(request: String) async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            #expect(await bench.apply(step: 1, to: node, nodeConf: "# before\n").isApplied)
            let status = try await bench.sh(
                #""$1" 2>/dev/null; echo $?"#, NodeApply.path(on: node), input: request)
            #expect(status == "65\n")
            #expect(try await bench.read(node.configDirectory + "/node.conf") == "# before\n")
        }
    }

    @Test func givesUpWhenItsLockIsHeld() async throws {
        try await HookBench.with { (bench) async throws in
            let script = #"exec 9>>"$2/lock"; flock 9; "$1" 2>/dev/null 9>&-; echo $?"#
            let status = try await bench.sh(
                script, NodeApply.path(on: bench.a), bench.a.stateDirectory,
                input: "term 1\nstep 1\nend\n")
            #expect(status == "75\n")
        }
    }

    @Test func makesTheServerReadItsFilesOverBothChannels() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            try await bench.initialize(node)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            let outcome = await bench.apply(step: 2, to: node, nodeConf: "work_mem = '7MB'\n")
            guard case .applied(let applied) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(applied.isReloaded)
            try await until("work_mem by SSH") {
                try await bench.sql("show work_mem", on: node) == "7MB"
            }
            var files = NodeRequest(
                stamp: Stamp(term: Term(1), step: Revision(3)), nodeConf: "work_mem = '8MB'\n",
                opening: .contents("maintenance_work_mem = '9MB'\n"))
            try await bench.sql(try NodeApply.sql(files, on: node), on: node)
            try await until("work_mem over SQL") {
                try await bench.sql("show work_mem", on: node) == "8MB"
            }
            #expect(try await bench.sql("show maintenance_work_mem", on: node) == "9MB")

            files.stamp.step = Revision(2)
            let error = try await bench.sql(
                try NodeApply.sql(files, on: node), on: node, succeeds: false)
            #expect(NodeApply.outcome(programDetail: error) == .stale)
        }
    }

    @Test func leavesAForeignProcessAlone() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            // SIGHUP would end the sleeper that a stale postmaster.pid names.
            let script = #"""
                mkdir -p -- "$1"; cd /; sleep 60 & printf '%s\n' "$!" >"$1/postmaster.pid"
                printf 'term 1\nstep 1\nend\n' | "$2"; kill "$!" && echo alive
                """#
            let output = try await bench.sh(script, node.dataDirectory, NodeApply.path(on: node))
            #expect(output.contains("reloaded=no\nalive\n"))
        }
    }
}

extension NodeApply.Outcome {
    var isApplied: Bool { if case .applied = self { true } else { false } }
}

extension HookOutcome {
    var isDone: Bool { if case .done = self { true } else { false } }
    var results: [String: String] { if case .done(let results, _) = self { results } else { [:] } }
    var status: Int32? { if case .failed(let status, _) = self { status } else { nil } }
}
