import Foundation
import PostgresClient
import Testing
import ToolkitTesting

@Suite("Names, programs, reloads", .inTurn)
struct SessionTests {
    @Test(
        "F8: two connections with one application_name count as two standbys",
        arguments: ServerVersion.all)
    func sameName(version: ServerVersion) async throws {
        let names = ["synchronous_standby_names = 'ANY 2 (a, b)'"]
        try await withPair(version, settings: names) { primary, _ in
            let commit = try await Statement.begin("insert into t values (1)", on: primary)
            try await primary.waits(commit)
            let folder = primary.socketDirectory + "/received"
            #expect(try await primary.run("/bin/mkdir", [folder]).status == 0)
            // It ends with the server.
            async let received = primary.run(
                "pg_receivewal",
                [
                    "--directory", folder, "--synchronous", "--no-loop",
                    "--dbname", primary.upstream(for: "a").text,
                ])
            #expect(await commit.outcome == .acknowledged("INSERT 0 1"))
            #expect(
                try await primary.value(
                    "select string_agg(distinct application_name, ' ') from pg_stat_replication")
                    == "a")
            try await primary.stop(.immediate)
            _ = try await received
        }
    }

    @Test(
        "F29: COPY TO PROGRAM runs a program on a hot standby",
        arguments: ServerVersion.all)
    func program(version: ServerVersion) async throws {
        try await withPair(version, standby: Servers.lock) { _, standby in
            let file = standby.path("made")
            try await standby.query("copy (select 'from SQL') to program 'cat >\(file)'")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "from SQL\n")
            // A program that fails is an error of the statement.
            let refusal = await #expect(throws: PostgresError.self) {
                try await standby.query("copy (select 1) to program 'cat >/dev/null; exit 76'")
            }
            #expect(refusal?.sqlState == "38000")
        }
    }

    @Test(
        "F34: a failed reload is silent for whoever asked; the old values stay",
        arguments: ServerVersion.all)
    func failedReload(version: ServerVersion) async throws {
        try await withServer(version) { primary in
            try await primary.write(["work_mem = '5MB'"], to: "included.conf")
            try await primary.configure(["include = 'included.conf'"])
            await primary.reload()
            try await primary.wait(until: "select current_setting('work_mem') = '5MB'")
            try await primary.write(["work_mem = '6MB'", "no good"], to: "included.conf")
            #expect(try await primary.value("select pg_reload_conf()") == "t")
            try await until("the log tells it") { primary.log.contains("contains errors") }
            #expect(try await primary.value("show work_mem") == "5MB")
        }
    }
}
