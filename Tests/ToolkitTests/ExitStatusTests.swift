import Foundation
import Testing

@testable import Toolkit

@Suite("Exit status")
struct ExitStatusTests {
    static let valid = """
        cluster: shop
        execution: local
        lab: true
        scheduler: { directory: FOLDER/sched }
        config_dir: FOLDER/etc
        state_dir: FOLDER/lib
        runtime_dir: FOLDER/run
        nodes:
          - { name: node1, host: 127.0.0.1, data_dir: FOLDER/data }
        """

    private func inCluster(
        _ text: String = Self.valid, _ body: (String) async throws -> Void
    ) async throws {
        try await ToolkitProgram.inFolder { folder in
            try text.replacing("FOLDER", with: folder).write(
                toFile: "\(folder)/cluster.yaml", atomically: true, encoding: .utf8)
            try await body(folder)
        }
    }

    @Test(arguments: [
        ["nonsense"], ["state", "--nonsense"], ["check", "--json", "--nagios"], ["rejoin"],
        ["dsn", "--format", "odbc"], ["hook", "run", "nonsense", "--node", "node1"],
    ])
    func wrongUsageIs64(_ arguments: [String]) async throws {
        let ended = try await ToolkitProgram.run(arguments)
        #expect(ended.status == 64)
        #expect(ended.complaint.contains("Usage:"))
    }

    @Test func unknownNodeIs64AndNamesTheOthers() async throws {
        try await inCluster { folder in
            let ended = try await ToolkitProgram.run("switchover", "--to", "node9", in: folder)
            #expect(ended.status == 64)
            #expect(ended.complaint.contains("there is no node 'node9'"))
            #expect(ended.complaint.contains("because it has node1"))
        }
    }

    @Test func invalidConfigurationIs78WithItsPlace() async throws {
        try await inCluster(Self.valid.replacing("data_dir", with: "data_dri")) { folder in
            let ended = try await ToolkitProgram.run("state", in: folder)
            #expect(ended.status == 78)
            #expect(ended.complaint.hasPrefix("cluster.yaml:9:37: nodes[0].data_dri: "))
            #expect(ended.complaint.contains("  next: did you mean `data_dir`?"))
            #expect(ended.output == "")
        }
    }

    @Test func missingConfigurationIs78() async throws {
        try await ToolkitProgram.inFolder { folder in
            let ended = try await ToolkitProgram.run("check", "-c", "none.yaml", in: folder)
            #expect(ended.status == 78)
            #expect(ended.complaint.contains("toolkit init"))
        }
    }

    @Test(arguments: [["state"], ["state", "--watch"], ["events"], ["run"]])
    func nothingDeployedIs69(_ arguments: [String]) async throws {
        try await inCluster { folder in
            let ended = try await ToolkitProgram.run(arguments, in: folder)
            #expect(ended.status == 69)
            #expect(ended.complaint.split(separator: "\n").count == 3)
            #expect(ended.complaint.contains("\n  because "))
            #expect(ended.complaint.contains("\n  next: "))
        }
    }

    @Test func failedCheckIs2() async throws {
        let text = Self.valid.replacing(
            "lab: true", with: "postgresql: { bin_dir: /nowhere }")
        try await inCluster(text) { folder in
            let ended = try await ToolkitProgram.run("check", in: folder)
            #expect(ended.status == 2)
            #expect(ended.output.contains("next: install PostgreSQL 15 there"))
            let line = try await ToolkitProgram.run("check", "--nagios", in: folder)
            #expect(line.status == 2)
            #expect(line.output.hasPrefix("TOOLKIT CRITICAL - "))
            #expect(line.output.split(separator: "\n").count == 1)
            let refused = try await ToolkitProgram.run("deploy", in: folder)
            #expect(refused.status == 1)
            #expect(refused.complaint.contains("nothing was changed"))
        }
    }

    @Test func rulesFitIs0() async throws {
        let ended = try await ToolkitProgram.run("fsm", "check")
        #expect(ended.status == 0)
        #expect(ended.output.hasSuffix("no gap\n"))
    }
}
