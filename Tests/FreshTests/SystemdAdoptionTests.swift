import Foundation
import Testing

@testable import ToolkitTesting

/// A cluster of Debian's that systemd starts at every boot is taken over while it runs.
@Suite("Debian's own units", .serialized)
struct SystemdAdoptionTests {
    private static let name = "\(FreshCluster.major)-main"
    private static let unit = "postgresql@\(name).service"
    private static let data = "/var/lib/postgresql/\(FreshCluster.major)/main"

    @Test(
        .enabled(
            if: FreshMachines.noSystemd == nil, "SKIPPED: \(FreshMachines.noSystemd ?? "")"),
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pg_createcluster"),
            "SKIPPED: postgresql-common is not installed"),
        .timeLimit(.minutes(10)))
    func areKeptAndTamed() async throws {
        let strip = FreshTests.strip + "\n" + FreshMachines.stripUnits
        try await FreshMachines.with(tree: "/", strip: strip, boot: .systemd) { machines in
            try await Self.makeTheirs(machines)
            let cluster = try FreshCluster(machines, data: Self.data, service: Self.unit)
            let began = try await Self.sql(machines, "SELECT pg_postmaster_start_time()")
            let taken = try await cluster.toolkit("deploy", "--adopt", "node1", "--admin", "root")
            try #require(taken.status == 0, "\(taken.output)\(taken.complaint)")
            let now = try await Self.sql(machines, "SELECT pg_postmaster_start_time()")
            #expect(now.output == began.output, "it went on running")
            let streaming = try await Self.sql(
                machines, "SELECT count(*) FROM pg_stat_replication")
            #expect(streaming.output == "2\n")
            // Where Debian's template has no cluster to start, ours stands above it.
            for (number, file) in [
                (1, "\(Self.unit).d/toolkit.conf"), (2, Self.unit), (3, Self.unit),
            ] {
                let there = try await machines.ssh(
                    number, "cd /etc/systemd/system && ls -d postgresql@* postgresql@*/*")
                #expect(there.output.contains("\(file)\n"), "\(there.output)")
                #expect(there.output.contains(".d") == (number == 1), "\(there.output)")
            }
            let again = try await cluster.toolkit("deploy", "--admin", "root")
            #expect(
                again.output.hasPrefix("fresh is up; nothing was changed\n"), "\(again.complaint)")
            try await Self.comesUpLocked(machines)
            try await Self.isGivenBack(cluster, machines)
        }
    }

    /// As the package leaves it, and pg_createcluster.
    private static func makeTheirs(_ machines: FreshMachines) async throws {
        let made = try await machines.ssh(
            1,
            """
            set -eu
            useradd --system --user-group --no-create-home --home-dir /var/lib/postgresql \
                --shell /bin/bash postgres
            install -d -o postgres -g postgres /var/lib/postgresql /etc/postgresql
            install -d -o postgres -g postgres -m 2775 /run/postgresql
            pg_createcluster \(FreshCluster.major) main -o "listen_addresses=*"
            systemctl daemon-reload
            systemctl start postgresql.service
            systemctl is-active \(unit)
            """)
        try #require(made.status == 0, "\(made.output)\(made.complaint)")
        let row = try await sql(machines, "CREATE TABLE rows AS SELECT 1 AS row")
        try #require(row.status == 0, "\(row.complaint)")
    }

    /// Nobody but a scheduler opens it, whoever starts it.
    private static func comesUpLocked(_ machines: FreshMachines) async throws {
        _ = try await machines.ssh(1, "kill -9 $(head -n 1 \(data)/postmaster.pid)")
        try await until("the unit has ended") {
            try await machines.ssh(1, "systemctl is-active \(unit)").output == "failed\n"
        }
        // One that systemd is to start again would be `activating`.
        try await until("its backends are gone") {
            try await machines.ssh(1, "pgrep -x postgres").output == ""
        }
        let started = try await machines.ssh(1, "systemctl restart postgresql.service")
        #expect(started.status == 0, "\(started.complaint)")
        for when in ["by hand", "at boot"] {
            if when == "at boot" { try await machines.reboot(1) }
            try await until("it was started \(when)") {
                try await machines.ssh(1, "systemctl is-active \(unit)").output == "active\n"
            }
            let write = try await sql(machines, "DROP TABLE rows")
            #expect(write.complaint.contains("read-only transaction"), "\(when): \(write)")
        }
    }

    private static func isGivenBack(
        _ cluster: FreshCluster, _ machines: FreshMachines
    ) async throws {
        let gone = try await cluster.toolkit("undeploy", "--admin", "root", "--yes", "fresh")
        #expect(gone.status == 0, "\(gone.output)\(gone.complaint)")
        for number in 1...3 {
            let left = try await machines.ssh(
                number,
                """
                ls -d /etc/systemd/system/*postgresql@* /etc/systemd/system/*/postgresql@* \
                    /etc/sudoers.d/toolkit* /etc/tmpfiles.d/toolkit* /etc/toolkit
                """)
            #expect(left.output == "", "on vm\(number)")
        }
        let theirs = try await machines.ssh(1, "systemctl start \(unit)")
        #expect(theirs.status == 0, "\(theirs.complaint)")
        let write = try await sql(machines, "DROP TABLE rows")
        #expect(write.status == 0, "\(write.complaint)")
    }

    private static func sql(
        _ machines: FreshMachines, _ statement: String
    ) async throws -> FreshMachines.Ending {
        try await machines.ssh(
            1, "cd / && runuser -u postgres -- psql -v ON_ERROR_STOP=1 -At", input: statement)
    }
}
