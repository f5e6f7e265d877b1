import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing

@testable import Demo
@testable import ToolkitTesting

/// A file that PostgreSQL would not start with again comes to no node that has data, and is told of where
/// it lies.
extension RenderCommandTests {
    func faultyFiles(_ cluster: ProcessCluster) async throws {
        #expect(try await cluster.toolkit("render", "--apply", "--yes").status == 0)
        try await aParameterThatCannotBe(cluster)
        try await aLineThatOnlyTheServerRefuses(cluster)
        try await aFaultByHand(cluster)
    }

    private func aParameterThatCannotBe(_ cluster: ProcessCluster) async throws {
        try set("work_mem", "lots", cluster)
        let deploy = try await cluster.toolkit("deploy")
        #expect(deploy.status != 0)
        #expect(deploy.errorOutput.contains("work_mem"), "\(deploy.errorOutput)")
        #expect(deploy.errorOutput.contains("nothing was changed"), "\(deploy.errorOutput)")
        try set("work_mem", "7MB", cluster)
        try await isAsRendered(cluster)
    }

    /// Nothing but PostgreSQL itself looks into the address.
    private func aLineThatOnlyTheServerRefuses(_ cluster: ProcessCluster) async throws {
        let path = cluster.root + "/cluster.yaml"
        let right = try String(contentsOfFile: path, encoding: .utf8)
        let wrong = right.replacing("127.0.0.1/32 scram", with: "127.0.0.1/99 scram")
        try #require(wrong != right)
        try wrong.write(toFile: path, atomically: false, encoding: .utf8)
        // What was not there is taken away again.
        let missing = try cluster.layout.node("node2").configDirectory + "/pg_ident.conf"
        try FileManager.default.removeItem(atPath: missing)
        for command in [["render", "--apply", "--yes"], ["deploy"]] {
            let refused = try await cluster.toolkit(command)
            #expect(refused.status == 1, "\(refused.output)\(refused.errorOutput)")
            #expect(refused.errorOutput.contains("invalid CIDR mask"), "\(refused.errorOutput)")
            #expect(refused.errorOutput.contains("put back"), "\(refused.errorOutput)")
            #expect(!FileManager.default.fileExists(atPath: missing), "\(refused.errorOutput)")
        }
        try right.write(toFile: path, atomically: false, encoding: .utf8)
        #expect(try await cluster.toolkit("deploy").status == 0)
        try await isAsRendered(cluster)
        let faults = "select count(*) from pg_hba_file_rules where error is not null"
        for node in nodes { #expect(try await cluster.sql(faults, on: node).hasPrefix("0")) }
    }

    private func aFaultByHand(_ cluster: ProcessCluster) async throws {
        let path = try cluster.layout.node("node2").configDirectory + "/pg_hba.conf"
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("host all all nonsense\n".utf8))
        try file.close()
        let check = try await cluster.toolkit("check")
        #expect(check.status != 0)
        #expect(check.output.contains("would not start again: pg_hba.conf line"), "\(check.output)")
        #expect(try await cluster.toolkit("deploy").status == 0)
        #expect(try await cluster.toolkit("check").status == 0)
        try await isAsRendered(cluster)
    }

    private func isAsRendered(_ cluster: ProcessCluster) async throws {
        let diff = try await cluster.toolkit("render", "--diff")
        #expect(diff.status == 0, "\(diff.output)\(diff.errorOutput)")
    }
}
