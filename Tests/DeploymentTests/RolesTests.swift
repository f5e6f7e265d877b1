import ClusterFile
import PostgresClient
import Testing
import ToolkitTesting

@testable import Deployment

@Suite("Roles on a real server")
struct RolesTests {
    /// What the scheduler asks for as its own role, and no membership allows.
    static let calls = [
        "checkpoint", "select pg_logical_emit_message(true, 'toolkit', '')",
        "select pg_ls_waldir()", "select pg_control_system()", "select pg_control_checkpoint()",
        "select pg_control_recovery()", "select pg_show_all_file_settings()",
        "select pg_reload_conf()",
    ]

    @Test("get their rights on each major that is here, twice", arguments: ServerVersion.all)
    func rights(version: ServerVersion) async throws {
        let settings = try ClusterFile.parse(
            """
            cluster: shop
            postgresql: { version: \(version.major) }
            nodes:
              - { name: node1, host: 10.0.0.1, data_dir: /d }
            """, environment: ["HOME": "/root"]
        ).settings
        var options = ThrowawayPostgres.Options()
        options.binDirectory = version.binDirectory
        options.isCopy = true
        try await ThrowawayPostgres.with(options) { server in
            for _ in 1...2 {
                let statements =
                    try Roles.creation(settings.postgresql, verifiers: [:])
                    + Roles.grants(settings.postgresql)
                for statement in statements { try await server.query(statement) }
            }
            let own = try await Connection.open(
                server.conninfo.with("user", "toolkit"), timeout: .seconds(10))
            for call in Self.calls { try await own.query(call, timeout: .seconds(10)) }
            await own.close()
        }
    }
}
