import ClusterFile
import FailoverCore
import Rendering
import Testing

@Suite("Node files")
struct NodeFilesTests {
    static let stamp = Stamp(term: Term(7), step: Revision(42))

    static func upstream() throws -> NodeFiles.Upstream {
        let settings = ClusterSettings.shop()
        return NodeFiles.Upstream(
            settings.nodes[0], of: settings.nodes[1], in: settings,
            applicationName: "node2_3", slot: "toolkit_node2")
    }

    @Test func attached() throws {
        let text = try NodeFiles.nodeConf(
            stamp: Self.stamp, upstream: Self.upstream(), postgresMajor: 15)
        try RendererTests.expectGolden(text, "node-attached.conf")
    }

    @Test func sealed() throws {
        let text = try NodeFiles.nodeConf(
            stamp: Self.stamp, upstream: nil, postgresMajor: 15, clearsDelay: true)
        try RendererTests.expectGolden(text, "node-sealed.conf")
    }

    @Test func opened() throws {
        let text = try NodeFiles.openConf(
            names: "ANY 1 (node2_3, node3_1)", term: Term(7), step: Revision(43))
        try RendererTests.expectGolden(text, "open.conf")
    }

    @Test func alwaysLocked() throws {
        for upstream in [nil, try Self.upstream()] {
            let text = try NodeFiles.nodeConf(
                stamp: Self.stamp, upstream: upstream, postgresMajor: 15)
            #expect(text.contains("\nsynchronous_standby_names = 'ANY 1 (toolkit_locked)'\n"))
            #expect(text.contains("\ndefault_transaction_read_only = 'on'\n"))
        }
    }

    @Test(arguments: 13...18)
    func restoreCommandIsSealedWhereAReloadTakesIt(_ version: Int) throws {
        let text = try NodeFiles.nodeConf(
            stamp: Self.stamp, upstream: nil, postgresMajor: version)
        #expect(text.contains("\nrestore_command = ''\n") == (version >= 14))
    }
}
