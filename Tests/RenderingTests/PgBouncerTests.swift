import ClusterFile
import Execution
import Foundation
import Testing

@testable import Rendering

/// The rendered pgbouncer.ini and the file that the pack of hooks/contrib writes beside it, in a real
/// PgBouncer.
@Suite("PgBouncer")
struct PgBouncerTests {
    @Test(.timeLimit(.minutes(1)))
    func readsTheRenderedFileAndThePacks() async throws {
        let folder = "/tmp/tk-pgbouncer-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755])
        let answer: CommandResult
        do {
            answer = try await databases(folder)
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
        #expect(answer.isSuccess, "\(answer.errorOutput)")
        let rows = answer.output.split(separator: "\n").map {
            $0.split(separator: "|", omittingEmptySubsequences: false).prefix(3).joined(
                separator: " ")
        }
        #expect(rows.contains("app fd00::2 5433"), "\(rows)")
        #expect(rows.contains("shop_node1 10.0.0.1 5432"), "\(rows)")
        #expect(rows.contains("shop_node2 fd00::2 5433"), "\(rows)")
    }

    /// What `SHOW DATABASES` says.
    private func databases(_ folder: String) async throws -> CommandResult {
        let renderer = Renderer(
            settings: .shop(hosts: ["10.0.0.1", "fd00::2"]), templates: Checkout.templates)
        let file = try #require(
            try renderer.renderCluster(Catalogue.all).files.first { $0.name == "pgbouncer.ini" })
        let port = try #require(LoopbackPort.unused())
        // Its own folder, port and password file; the last of equal names counts.
        let ours = """

            listen_port = \(port)
            unix_socket_dir = \(folder)
            auth_type = trust
            auth_file = \(folder)/users
            admin_users = admin

            """
        try (file.contents.replacing("/etc/pgbouncer", with: folder) + ours)
            .write(toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
        try "\"admin\" \"\"\n".write(toFile: folder + "/users", atomically: true, encoding: .utf8)
        let pack = try String(
            contentsOfFile: Checkout.pack("pgbouncer/repoint.sh"),
            encoding: .utf8
        ).replacing("/etc/pgbouncer", with: folder)
        try pack.write(toFile: folder + "/repoint.sh", atomically: true, encoding: .utf8)
        let script = """
            set -eu
            cd -- "$1"
            # It can't reload what does not run yet: 75.
            sh ./repoint.sh 2>/dev/null || [ $? = 75 ]
            chmod -R a+rX .
            run=''
            if [ "$(id -u)" = 0 ]; then run='runuser -u postgres --'; chown postgres .; fi
            $run pgbouncer --quiet pgbouncer.ini 2>log &
            trap 'kill $! 2>/dev/null || :; wait || :' EXIT
            tries=100
            until psql -X -A -t -h "$1" -p "$2" -U admin -d pgbouncer -c 'SHOW DATABASES' 2>/dev/null; do
                tries=$((tries - 1))
                if [ "$tries" = 0 ] || ! kill -0 $!; then cat log >&2; exit 1; fi
                sleep 0.05
            done
            """
        return try await LocalRunner().run(
            Command(
                ["/bin/sh", "-c", script, "sh", folder, String(port)],
                environment: [
                    "TOOLKIT_CLUSTER": "shop", "TOOLKIT_EVENT": "open", "TOOLKIT_SUCCESS": "1",
                    "TOOLKIT_NODE_NAME": "node2", "TOOLKIT_NODE_HOST": "fd00::2",
                    "TOOLKIT_NODE_PORT": "5433",
                ], timeout: .seconds(30)))
    }
}
