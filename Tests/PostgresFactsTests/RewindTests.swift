import Foundation
import Glibc
import PostgresClient
import Testing
import ToolkitTesting

@Suite("pg_rewind", .inTurn)
struct RewindTests {
    @Test(
        "F22: a target that was not shut down is refused; recovery in single-user mode needs config_file named",
        arguments: ServerVersion.all)
    func uncleanTarget(version: ServerVersion) async throws {
        try await withFork(version) { source, target in
            try await target.start()
            try await target.query("insert into t values (3)")
            await target.kill(SIGKILL)
            let refused = try await target.rewind(from: source, ["--no-ensure-shutdown"])
            #expect(refused.status == 1)
            #expect(refused.output.contains("must be shut down cleanly"), "\(refused.output)")

            // Our configuration lies outside PGDATA.
            let outside = target.dataDirectory + "-outside.conf"
            #expect(rename(target.path("postgresql.conf"), outside) == 0)
            let alone = try await target.rewind(from: source)
            #expect(alone.status == 1)
            #expect(
                alone.output.contains("could not access the server configuration file"),
                "\(alone.output)")

            let recovered = try await target.singleUser(["-c", "config_file=\(outside)"])
            #expect(recovered.status == 0, "\(recovered.output)")
            let rewound = try await target.rewind(from: source, ["--no-ensure-shutdown"])
            #expect(rewound.status == 0, "\(rewound.output)")
            try await target.comesBack(behind: source, configuration: outside)
        }
    }

    @Test(
        "F22: a target without checksums and wal_log_hints is refused",
        arguments: ServerVersion.all)
    func noHints(version: ServerVersion) async throws {
        try await withFork(version) { source, target in
            let disabled = try await target.run(
                "pg_checksums", ["--disable", "-D", target.dataDirectory])
            #expect(disabled.status == 0, "\(disabled.output)")
            let refused = try await target.rewind(from: source)
            #expect(refused.status == 1)
            #expect(refused.output.contains("wal_log_hints"), "\(refused.output)")
        }
    }

    @Test(
        "F22a: before its source's checkpoint pg_rewind may say that nothing is to do, with exit 0; after it, it rewinds",
        arguments: ServerVersion.all)
    func beforeCheckpoint(version: ServerVersion) async throws {
        try await withFork(version, checkpoints: false) { source, target in
            let early = try await target.rewind(from: source, ["--dry-run"])
            #expect(early.status == 0, "\(early.output)")
            #expect(
                early.output.contains("no rewind required")
                    == Differences.rewindIsBlindBeforeCheckpoint(version), "\(early.output)")

            try await source.resumeCheckpointer()
            try await source.query("checkpoint")
            let late = try await target.rewind(from: source)
            #expect(late.status == 0, "\(late.output)")
            #expect(!late.output.contains("no rewind required"), "\(late.output)")
            try await target.comesBack(behind: source)
        }
    }

    @Test(
        "F22b: standby.signal in the target makes its recovery fail",
        arguments: ServerVersion.all)
    func standbySignal(version: ServerVersion) async throws {
        try await withFork(version) { source, target in
            try await target.start()
            await target.kill(SIGKILL)
            try await target.touch("standby.signal")
            let refused = try await target.rewind(from: source)
            #expect(refused.status == 1)
            #expect(
                refused.output.contains("standby mode is not supported by single-user servers"),
                "\(refused.output)")
            #expect(unlink(target.path("standby.signal")) == 0)
            let rewound = try await target.rewind(from: source)
            #expect(rewound.status == 0, "\(rewound.output)")
        }
    }

    @Test(
        "F22c, F28: the source's configuration overwrites the target's, and files that it lacks are deleted",
        arguments: ServerVersion.all)
    func foreignFiles(version: ServerVersion) async throws {
        try await withFork(version) { source, target in
            try await target.write(["here"], to: "toolkit.marker")
            try await source.query("alter system set work_mem = '7MB'")
            let rewound = try await target.rewind(from: source)
            #expect(rewound.status == 0, "\(rewound.output)")
            let configuration = try String(
                contentsOfFile: target.path("postgresql.conf"), encoding: .utf8)
            #expect(configuration.contains("port = \(source.port)"))
            #expect(!configuration.contains("port = \(target.port)"))
            let automatic = try String(
                contentsOfFile: target.path("postgresql.auto.conf"), encoding: .utf8)
            #expect(automatic.contains("work_mem = '7MB'"))
            #expect(!target.has("toolkit.marker"))
        }
    }

    /// A promoted source, and a stopped old primary with a row past the fork. The source has not
    /// ended the checkpoint of its promotion when `checkpoints` is false.
    private func withFork(
        _ version: ServerVersion, checkpoints: Bool = true,
        _ body: (_ source: ThrowawayPostgres, _ target: ThrowawayPostgres) async throws -> Void
    ) async throws {
        try await withPair(version, settings: ["wal_keep_size = 1GB"]) { target, source in
            try await source.seal()
            try await target.query("insert into t values (1)")
            try await target.stop()
            if !checkpoints { try await source.stopCheckpointer() }
            try await source.query("select pg_promote(false)")
            try await source.wait(until: "select not pg_is_in_recovery()")
            try await source.query("insert into t values (2)")
            if checkpoints { try await source.query("checkpoint") }
            try await body(source, target)
        }
    }
}

extension ThrowawayPostgres {
    fileprivate func rewind(
        from source: ThrowawayPostgres, _ options: [String] = []
    ) async throws -> Finished {
        try await run(
            "pg_rewind",
            ["--target-pgdata", dataDirectory, "--source-server", source.upstream(for: name).text]
                + options)
    }

    /// Recovers and stops, without ever accepting connections.
    fileprivate func singleUser(_ options: [String]) async throws -> Finished {
        try await run("postgres", ["--single", "-D", dataDirectory] + options + ["template1"])
    }

    /// It becomes a standby that has the source's rows and no longer its own.
    fileprivate func comesBack(
        behind source: ThrowawayPostgres, configuration: String? = nil
    ) async throws {
        if let configuration {
            #expect(rename(configuration, path("postgresql.conf")) == 0)
        } else {
            try configure(["port = \(port)", "cluster_name = '\(name)'"])
        }
        try await follow(source)
        try await wait(until: "select exists (select from t where x = 2)")
        let own = try await value("select count(*) from t where x = 1")
        #expect(own == "0")
    }

    fileprivate func stopCheckpointer() async throws { try await signalCheckpointer(SIGSTOP) }
    fileprivate func resumeCheckpointer() async throws { try await signalCheckpointer(SIGCONT) }

    private func signalCheckpointer(_ signal: Int32) async throws {
        let pid = try await current(
            "pid from pg_stat_activity where backend_type = 'checkpointer'")
        #expect(Glibc.kill(try #require(pid_t(pid)), signal) == 0)
    }
}
