import Foundation
import Testing

@testable import ToolkitTesting

/// PostgreSQL as a unit of a systemd that is process 1 of its machine: who starts it, and that nobody
/// but the scheduler opens it.
@Suite("Machines that systemd boots", .serialized)
struct SystemdTests {
    private typealias Cluster = SystemdCluster

    @Test(
        .enabled(
            if: FreshMachines.noSystemd == nil, "SKIPPED: \(FreshMachines.noSystemd ?? "")"),
        .timeLimit(.minutes(10)))
    func aClusterOfUnits() async throws {
        let strip = FreshTests.strip + "\n" + FreshMachines.stripUnits
        try await FreshMachines.with(tree: "/", strip: strip, boot: .systemd) { machines in
            let cluster = try await Cluster(machines)
            let before = try await Self.leftovers(machines)
            try await Self.isDeployed(cluster)
            try await Self.isBroughtUnderItsUnit(cluster)
            try await Self.comesUpLocked(cluster)
            try await Self.failsOverByItsUnit(cluster)
            try await Self.isTakenAway(cluster, before)
        }
    }

    private static func isDeployed(_ cluster: Cluster) async throws {
        let first = try await cluster.toolkit("deploy --admin root")
        try #require(first.status == 0, "\(first.output)\(first.complaint)")
        // The machine may set its network's settings, and no others.
        #expect(first.complaint.contains("is not 536870912 now"), "\(first.complaint)")
        let second = try await cluster.toolkit("deploy --admin root")
        #expect(
            second.output.hasPrefix("fresh is up; nothing was changed\n"), "\(second.complaint)")
        for number in 1...3 {
            #expect(try await cluster.unitState(number) == "active")
            let server = try await cluster.done(
                number, "cat /proc/$(head -n 1 \(Cluster.data)/postmaster.pid)/cgroup")
            #expect(server.contains("/system.slice/\(Cluster.unit)\n"), "\(server)")
        }
        // What sudo lets the owner do, and no more.
        let user = Cluster.owner
        let rules = try await cluster.done(1, "sudo -l -U \(user) | grep NOPASSWD")
        #expect(rules.split(separator: "\n").count == 2, "\(rules)")
        for refused in ["restart -- \(Cluster.unit)", "stop -- ssh.service", "start"] {
            let run = try await cluster.machines.ssh(
                1, "cd / && runuser -u \(user) -- sudo -n systemctl \(refused)")
            #expect(run.status != 0, "\(refused)")
        }
        // What lacks is named before anything is asked to start.
        try await cluster.done(2, "mv /etc/sudoers.d/toolkit-fresh /root/sudoers")
        let check = try await cluster.toolkit("check")
        #expect(check.output.contains("sudo lets toolkit start no \(Cluster.unit)"), "\(check)")
        try await cluster.done(2, "mv /root/sudoers /etc/sudoers.d/toolkit-fresh")
        // Debian's own unit is enabled, as its package leaves it, and has nothing to start.
        let theirs = try await cluster.done(
            2, "systemctl is-enabled postgresql.service; systemctl start postgresql.service")
        #expect(theirs == "enabled\n")
        let servers = try await cluster.done(2, "pgrep -c -f 'bin/postgres -D'")
        #expect(servers == "1\n")
    }

    /// A server that somebody has started beside the unit, or that has run since before there was one.
    private static func isBroughtUnderItsUnit(_ cluster: Cluster) async throws {
        let server = "/proc/$(head -n 1 \(Cluster.data)/postmaster.pid)/cgroup"
        let programs = ThrowawayPostgres.binDirectory
        try await cluster.done(
            2,
            """
            systemctl stop \(Cluster.unit)
            runuser -u \(Cluster.owner) -- \(programs)/pg_ctl start -w -D \(Cluster.data) \
                -o '-c config_file=/etc/toolkit/fresh/node2/postgresql.conf' -l /dev/null
            """)
        #expect(try await !cluster.done(2, "cat \(server)").contains(Cluster.unit))
        let run = try await cluster.toolkit("hook run service_restart_command --node node2 --yes")
        #expect(run.status == 0, "\(run.output)\(run.complaint)")
        #expect(try await cluster.done(2, "cat \(server)").contains(Cluster.unit))
        // One that can't start says why.
        let file = "/etc/toolkit/fresh/node2/postgresql.conf"
        try await cluster.done(2, "cp -p \(file) \(file).kept && echo nonsense >>\(file)")
        let failed = try await cluster.toolkit(
            "hook run service_restart_command --node node2 --yes")
        #expect(failed.status == 1)
        #expect(
            failed.complaint.contains("syntax error in file"), "\(failed.output)\(failed.complaint)"
        )
        try await cluster.done(2, "mv \(file).kept \(file) && systemctl start \(Cluster.unit)")
    }

    /// No scheduler runs: after a crash, a start by hand and a boot nobody can write.
    private static func comesUpLocked(_ cluster: Cluster) async throws {
        #expect(try await cluster.sql(1, "CREATE TABLE rows (row int)").status == 0)
        try await cluster.killPostmaster(1)
        try await until("the unit has failed") { try await cluster.unitState(1) == "failed" }
        // systemd takes the backends along; a unit that it is to start again would be `activating`.
        try await until("its backends are gone") {
            try await cluster.machines.ssh(1, "pgrep postgres").output == ""
        }
        #expect(try await cluster.unitState(1) == "failed")

        let opening = "/run/toolkit/fresh/node1/open.conf"
        #expect(try await cluster.machines.ssh(1, "test -e \(opening)").status == 0)
        // More often than systemd lets a unit by itself be started.
        try await cluster.done(
            1,
            """
            for time in 1 2 3 4 5 6 7; do
                systemctl start \(Cluster.unit)
                systemctl stop \(Cluster.unit)
            done
            systemctl enable \(Cluster.unit) 2>&1
            systemctl start \(Cluster.unit)
            """)
        #expect(try await cluster.machines.ssh(1, "test -e \(opening)").status != 0)
        try await isLocked(1, cluster)
        try await cluster.machines.cutPower(1)
        try await until("it was started at boot") {
            try await cluster.unitState(1) == "active"
        }
        try await isLocked(1, cluster)
    }

    private static func isLocked(_ number: Int, _ cluster: Cluster) async throws {
        let write = try await cluster.sql(number, "SELECT pg_is_in_recovery(); DROP TABLE rows")
        #expect(write.output == "f\n")
        #expect(write.complaint.contains("read-only transaction"), "\(write.complaint)")
    }

    /// The scheduler is a unit, too.
    private static func failsOverByItsUnit(_ cluster: Cluster) async throws {
        try await cluster.done(3, "systemctl enable --now \(Cluster.scheduler) 2>&1")
        var primary = 0
        // A busy machine may move it in between.
        try await until("a row is stored", within: .seconds(60)) {
            primary = try await cluster.untilWell()
            return try await cluster.sql(primary, "INSERT INTO rows VALUES (1)").status == 0
        }

        try await cluster.killPostmaster(primary)
        let old = primary
        primary = try await cluster.untilWell(besides: old)
        #expect(try await cluster.unitState(old) == "active", "it came back as its unit")
        #expect(try await cluster.sql(old, "SELECT pg_is_in_recovery()").output == "t\n")

        // As often as it ends systemd starts it again; five times in ten seconds would be too often.
        let pid = "systemctl show --property=MainPID --value \(Cluster.scheduler)"
        try await cluster.done(
            3,
            """
            for time in 1 2 3 4 5 6; do
                old=$(\(pid))
                kill -9 "$old"
                for moment in $(seq 100); do
                    now=$(\(pid))
                    if [ "$now" != 0 ] && [ "$now" != "$old" ]; then break; fi
                    sleep 0.1
                done
            done
            systemctl is-active \(Cluster.scheduler)
            """)
        try await cluster.untilWell()
        if primary == 3 {
            let back = try await cluster.toolkit("switchover --to node2")
            try #require(back.status == 0, "\(back.output)\(back.complaint)")
            primary = 2
        }
        try await cluster.machines.reboot(primary)
        try await cluster.untilWell(besides: primary)
        #expect(try await cluster.sql(primary, "SELECT DISTINCT row FROM rows").output == "1\n")
    }

    private static func isTakenAway(
        _ cluster: Cluster, _ before: [Set<String>]
    ) async throws {
        try await cluster.done(3, "systemctl disable --now \(Cluster.scheduler) 2>&1")
        let gone = try await cluster.toolkit(
            "undeploy --admin root --remove-data --yes fresh")
        #expect(gone.status == 0, "\(gone.output)\(gone.complaint)")
        for (number, (old, new)) in zip(before, try await leftovers(cluster.machines)).enumerated()
        {
            #expect(new.subtracting(old).sorted() == [], "on vm\(number + 1)")
            let units = try await cluster.done(
                number + 1, "systemctl list-units --all --no-legend '*fresh*'; pgrep postgres || :")
            #expect(units == "", "on vm\(number + 1)")
        }
    }

    /// What is known as ours by its name. The account stays, by design, and the folder that was made
    /// for data.
    private static func leftovers(_ machines: FreshMachines) async throws -> [Set<String>] {
        let stays = [
            "/etc/fresh", "/run/sudo/", "/var/log/", "/var/lib/toolkit/.", "/var/lib/fresh-data",
        ]
        var found: [Set<String>] = []
        for number in 1...3 {
            let upper = "\(machines.folder)/vm\(number)/upper"
            let all = FileManager.default.enumerator(atPath: upper)?.compactMap { $0 as? String }
            let runtime = try await machines.ssh(
                number, "find /run -name '*fresh*' -o -name '*toolkit*'")
            let paths =
                (all ?? []).map { "/" + $0 }
                + runtime.output.split(separator: "\n").map(String.init)
            let ours = paths.filter { path in
                (path.contains("toolkit") || path.contains("fresh"))
                    && path != "/var/lib/toolkit" && !stays.contains { path.hasPrefix($0) }
            }
            found.append(Set(ours))
        }
        return found
    }
}
