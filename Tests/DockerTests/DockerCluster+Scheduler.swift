import ClusterFile
import FailoverCore
import Foundation
import Glibc
import PostgresClient
import Scheduler
import Synchronization
import Testing

@testable import Demo
@testable import ToolkitTesting

/// A scheduler that runs as an operator runs it, and applications that write.
extension DockerCluster {
    /// Hands writers, which have begun, to `body`; the scheduler of its end is stopped afterwards.
    func whileWriting(_ body: (DemoWriters) async throws -> Void) async throws {
        try await makeApplication()
        let writers = DemoWriters(applicationConninfo, pauseSeconds: 0.01)
        do {
            try await startScheduler()
            writers.start(2)
            try await until("applications write") { writers.acknowledged.count > 20 }
            try await body(writers)
        } catch {
            await writers.stop()
            await stopScheduler()
            throw error
        }
        await writers.stop()
        await stopScheduler()
    }

    /// Starts `toolkit run` and waits until the cluster is whole.
    func startScheduler() async throws {
        let process = try ChildProcess(command(["run"]), in: root, output: root + "/run.log")
        daemon.withLock { $0 = process }
        try await healthy()
    }

    func stopScheduler() async {
        guard let process = daemon.withLock({ $0 }) else { return }
        process.signal(SIGTERM)
        _ = await process.ended(before: .now + .seconds(20))
        process.signal(SIGKILL)
    }

    func healthy() async throws {
        do {
            try await until("the cluster is whole", within: .seconds(60)) {
                await self.state()?.isHealthy == true
            }
        } catch {
            let events = try await toolkit("events", "--limit", "60")
            let log = (try? String(contentsOfFile: root + "/run.log", encoding: .utf8)) ?? ""
            throw Failed("\(error): \(String(describing: await state()))\n\(events)\n\(log)")
        }
    }

    func primary() async throws -> NodeID { try #require(await state()?.primary) }

    private func makeApplication() async throws {
        let password = String(UInt64.random(in: .min ... .max), radix: 36)
        try "*:*:*:app:\(password)\n".write(
            toFile: root + "/app.pgpass", atomically: true, encoding: .utf8)
        chmod(root + "/app.pgpass", 0o600)
        let verifier = try scramVerifier(password: password, user: "app")
        try await sql(
            """
            CREATE ROLE app LOGIN PASSWORD '\(verifier)'; CREATE SCHEMA demo;
            CREATE TABLE demo.rows (id bigint PRIMARY KEY, writer int NOT NULL);
            GRANT USAGE ON SCHEMA demo TO app; GRANT INSERT, SELECT ON demo.rows TO app
            """, on: "node1")
    }

    private var applicationConninfo: Conninfo {
        var conninfo = Conninfo()
        conninfo["host"] = settings.nodes.map(\.host).joined(separator: ",")
        conninfo["port"] = settings.nodes.map { String($0.port) }.joined(separator: ",")
        conninfo["dbname"] = settings.postgresql.database
        conninfo["user"] = "app"
        conninfo["passfile"] = root + "/app.pgpass"
        conninfo["target_session_attrs"] = "read-write"
        conninfo["connect_timeout"] = "2"
        return conninfo
    }
}

struct Failed: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
