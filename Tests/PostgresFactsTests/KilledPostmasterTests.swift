import Foundation
import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("A killed postmaster", .inTurn)
struct KilledPostmasterTests {
    @Test(
        "F19: a busy backend outlives its postmaster and goes on committing; nothing of that is replicated, nobody else may start",
        arguments: ServerVersion.all)
    func orphan(version: ServerVersion) async throws {
        try await withPair(version) { primary, standby in
            try await primary.query("create table committed (at timestamptz)")
            try await primary.query(
                """
                create procedure spin() language plpgsql as
                $$ begin loop insert into committed values (clock_timestamp()); commit; end loop; end $$
                """)
            let idle = try await primary.session()
            let idlePID = try #require(await idle.backendPID)
            let orphan = try await Statement.begin("call spin()", on: primary)
            try await standby.wait(until: "select exists (select from committed)")
            await primary.kill(SIGKILL)
            let killed = try await standby.current("clock_timestamp()")

            // The idle ones and the walsenders see it at once.
            try await standby.losesReceiver()
            try await until("the idle backend is gone") { !isAlive(idlePID) }
            let refused = try await primary.run("postgres", ["-D", primary.dataDirectory])
            #expect(refused.status == 1, "\(refused.output)")
            #expect(refused.output.contains("is still in use"), "\(refused.output)")
            try await standby.wait(
                until: "select clock_timestamp() > '\(killed)'::timestamptz + '1 second'")
            #expect(isAlive(orphan.pid))
            #expect(kill(pid_t(orphan.pid), SIGKILL) == 0)

            let late =
                "select count(*) from committed where at > '\(killed)'::timestamptz + '0.5 seconds'"
            #expect(try await standby.value(late) == "0")
            try await primary.start()
            #expect(Int(try await primary.value(late) ?? "") ?? 0 > 0)
        }
    }

    @Test(
        "F26b: a killed postmaster that nobody reaped keeps the next one from starting",
        arguments: ServerVersion.all)
    func zombie(version: ServerVersion) async throws {
        try await withServer(version) { primary in
            try await primary.stop()
            let pidFile = primary.path("started.pid")
            // Its parent never waits for it, as a container's first process that is no init.
            let script = """
                "\(primary.binDirectory)/postgres" -D "\(primary.dataDirectory)" 2>/dev/null &
                echo $! >"\(pidFile)"
                exec sleep 60
                """
            async let parent = primary.run("/bin/sh", ["-c", script])
            try await primary.wait(until: "select true")
            let text = try String(contentsOfFile: pidFile, encoding: .utf8)
            let postmaster = try #require(
                pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            let sleeping = try parentPID(postmaster)
            #expect(kill(postmaster, SIGKILL) == 0)
            let refused = try await primary.run("postgres", ["-D", primary.dataDirectory])
            #expect(refused.status == 1)
            #expect(
                refused.output.contains("lock file \"postmaster.pid\" already exists"),
                "\(refused.output)")
            #expect(kill(sleeping, SIGKILL) == 0)
            _ = try await parent
        }
    }

    private func isAlive(_ pid: Int) -> Bool {
        // A zombie that nobody has reaped yet has no working directory.
        var target = [CChar](repeating: 0, count: 256)
        return readlink("/proc/\(pid)/cwd", &target, target.count) >= 0
    }

    private func parentPID(_ pid: pid_t) throws -> pid_t {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        return try #require(pid_t(fields[2]))
    }
}
