import Foundation
import Testing

@testable import ToolkitTesting

/// `hooks/deploy/machine.sh` on a machine: what it refuses, and what needs a unit, sudo or another
/// owner.
@Suite("Making machines ready", .serialized)
struct MachineScriptTests {
    @Test(
        .enabled(if: FreshMachines.isRoot, "SKIPPED: fresh machines need root for namespaces"),
        .timeLimit(.minutes(5)))
    func refusesWhatIsAnothers() async throws {
        try await FreshMachines.with(tree: "/", strip: FreshTests.strip) { machines in
            try await Self.leavesForeignDataAlone(machines)
            try await Self.putsNothingThatIsInvalid(machines)
            try await Self.saysWhereAVersionComesFrom(machines)
            try await Self.usesTheUnitThatIsThere(machines)
            try await Self.worksBySudo(machines)
        }
    }

    /// One machine that refuses stops all.
    private static func leavesForeignDataAlone(_ machines: FreshMachines) async throws {
        let cluster = try FreshCluster(machines)
        let data = FreshCluster.data
        _ = try await machines.ssh(2, "mkdir -p \(data) && echo 15 >\(data)/PG_VERSION")
        let before = try await cluster.files()
        for more in [[], ["--dry-run"]] {
            let run = try await cluster.toolkit(["deploy", "--admin", "root"] + more)
            #expect(run.status == 1)
            #expect(
                run.complaint.contains("\(data) holds a PostgreSQL cluster that is not ours"),
                "\(run.complaint)")
        }
        #expect(try await cluster.files() == before)
        let away = try await cluster.toolkit(["undeploy", "--remove-data", "--yes", "fresh"])
        #expect(away.status != 0 || away.output == "nothing to do\n")
        #expect(try await machines.ssh(2, "cat \(data)/PG_VERSION").output == "15\n")
        _ = try await machines.ssh(2, "rm -r \(data)")
    }

    private static func putsNothingThatIsInvalid(_ machines: FreshMachines) async throws {
        let facts = Facts(service: "own.service")
        _ = try await machines.ssh(1, "echo 'd /run/other' >/etc/tmpfiles.d/toolkit-fresh.conf")
        let foreign = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
        #expect(foreign.status == 3)
        #expect(
            foreign.output.contains("refused: /etc/tmpfiles.d/toolkit-fresh.conf is there"),
            "\(foreign.output)")
        #expect(try await machines.ssh(1, "id postgres").status != 0, "something was done")
        _ = try await machines.ssh(1, "rm /etc/tmpfiles.d/toolkit-fresh.conf")

        var wrong = facts
        wrong.sudoers = "postgres ALL=(root NOPASSWD\n"
        let invalid = try await machines.ssh(1, "sh -s", input: wrong.script("prepare"))
        #expect(invalid.status == 3)
        #expect(invalid.output.contains("refused: visudo"), "\(invalid.output)")
        let folder = try await machines.ssh(1, "ls /etc/sudoers.d; visudo -c -q")
        #expect(folder.status == 0)
        #expect(!folder.output.contains("toolkit"), "\(folder.output)")
    }

    private static func usesTheUnitThatIsThere(_ machines: FreshMachines) async throws {
        for (service, isThere) in [("own.service", false), ("their@1.service", true)] {
            let facts = Facts(service: service)
            let theirs = "/usr/lib/systemd/system/their@.service"
            _ = try await machines.ssh(1, "mkdir -p \(theirs.dropLast(15)) && echo x >\(theirs)")
            let made = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
            #expect(made.status == 0, "\(made.output)\(made.complaint)")
            let dropin = "/etc/systemd/system/\(service).d/toolkit.conf"
            #expect(made.output.contains("+ write \(dropin)") == isThere, "\(made.output)")
            #expect(
                made.output.contains("+ write /etc/systemd/system/\(service) (") != isThere,
                "\(made.output)")
            let again = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
            #expect(!again.output.contains("+ "), "\(again.output)")
            try await Self.knowsAnInterruptedInitdb(machines, facts)
            let allowed = try await machines.ssh(1, "sudo -l -U postgres")
            #expect(allowed.output.contains("systemctl start -- \(service)"), "\(allowed.output)")
            let gone = try await machines.ssh(1, "sh -s", input: facts.script("remove"))
            #expect(gone.status == 0, "\(gone.output)\(gone.complaint)")
            let left = try await machines.ssh(
                1,
                """
                ls -d /etc/sudoers.d/toolkit* /etc/sysctl.d/*toolkit* \
                    /etc/systemd/system/\(service)* /etc/toolkit
                """)
            #expect(left.output == "")
            #expect(try await machines.ssh(1, "cat \(theirs)").output == "x\n")
        }
    }

    /// By its marker alone: it begins before anything else is in place.
    private static func knowsAnInterruptedInitdb(
        _ machines: FreshMachines, _ facts: Facts
    ) async throws {
        let data = FreshCluster.data
        let marker = "/var/lib/toolkit/fresh/node1/initializing"
        let begun = """
            mkdir -p \(data) && echo 15 >\(data)/PG_VERSION &&
            { echo \(data); stat -c '%i %W' \(data); } >\(marker)
            """
        #expect(try await machines.ssh(1, begun).status == 0)
        let known = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
        #expect(known.status == 0, "\(known.output)")
        _ = try await machines.ssh(1, "sed -i 2d \(marker) && echo '1 1' >>\(marker)")
        let strange = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
        #expect(strange.output.contains("is not ours"), "\(strange.output)")
        #expect(try await machines.ssh(1, "rm -r \(data) \(marker)").status == 0)
    }

    /// The administrator is no root, and PostgreSQL's owner is not postgres.
    private static func worksBySudo(_ machines: FreshMachines) async throws {
        let closed = try FreshCluster(machines, owner: "dbowner", data: "/srv/data")
        let refused = try await closed.toolkit(["deploy", "--admin", "root"])
        #expect(refused.status == 1)
        #expect(refused.complaint.contains("/srv belongs to root"), "\(refused.complaint)")
        let data = "/srv/dbowner/data"
        let cluster = try FreshCluster(
            machines, owner: "dbowner", socket: "/run/fresh", data: data)
        for number in 1...3 {
            let made = try await machines.ssh(
                number,
                """
                useradd --create-home --password '*' --shell /bin/sh ops
                echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
                install -d -o ops -m 700 /home/ops/.ssh
                install -o ops -m 600 /root/.ssh/authorized_keys /home/ops/.ssh/authorized_keys
                """)
            try #require(made.status == 0, "\(made.complaint)")
        }
        let first = try await cluster.toolkit(["deploy", "--admin", "ops"])
        try #require(first.status == 0, "\(first.output)\(first.complaint)")
        let owner = try await machines.ssh(3, "stat -c %U \(data)")
        #expect(owner.output == "dbowner\n")
        let gone = try await cluster.toolkit(
            ["undeploy", "--admin", "ops", "--remove-data", "--yes", "fresh"])
        #expect(gone.status == 0, "\(gone.complaint)")
        let left = try await machines.ssh(3, "ls -d \(data) /etc/toolkit")
        #expect(left.output == "")
    }

    /// As `toolkit` tells them.
    /// A major that no list of packages has, with an apt that reaches no network.
    private static func saysWhereAVersionComesFrom(_ machines: FreshMachines) async throws {
        let stubs = """
            cd /usr/local/bin
            for name in apt-get apt-cache; do
                printf '#!/bin/sh\\n[ "$1" = update ]\\n' >"$name"
                chmod 755 "$name"
            done
            """
        _ = try await machines.ssh(1, stubs)
        var facts = Facts(service: "own.service")
        facts.major = "99"
        let refused = try await machines.ssh(1, "sh -s", input: facts.script("prepare"))
        #expect(refused.status == 3, "\(refused.output)")
        #expect(
            refused.output.contains("refused: no source of packages has postgresql-99"),
            "\(refused.output)")
        #expect(refused.output.contains("apt.postgresql.org.sh"), "\(refused.output)")
        let marker = "/etc/postgresql-common/createcluster.d/toolkit-fresh.conf"
        #expect(try await machines.ssh(1, "ls \(marker)").status != 0, "something was done")
        _ = try await machines.ssh(1, "rm /usr/local/bin/apt-get /usr/local/bin/apt-cache")
    }

    private struct Facts {
        var service: String
        var major = FreshCluster.major
        var sudoers: String

        init(service: String) {
            self.service = service
            sudoers = """
                # Rendered by `toolkit render`
                postgres ALL=(root) NOPASSWD: /usr/bin/systemctl start -- \(service)

                """
        }

        private var binDirectory: String {
            major == FreshCluster.major
                ? ThrowawayPostgres.binDirectory : "/usr/lib/postgresql/\(major)/bin"
        }

        func script(_ action: String) throws -> String {
            let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("hooks/deploy")
            let facts = """
                TOOLKIT_ACTION=\(action) TOOLKIT_PART=all TOOLKIT_DRY_RUN=0 TOOLKIT_CLUSTER=fresh
                TOOLKIT_OWNER=postgres TOOLKIT_MAJOR=\(major) TOOLKIT_ADOPTING=
                TOOLKIT_SERVICE=\(service) TOOLKIT_CONFIG_DIR=/etc/toolkit/fresh/node1
                TOOLKIT_STATE_DIR=/var/lib/toolkit/fresh/node1
                TOOLKIT_RUNTIME_DIR=/run/toolkit/fresh/node1 PGDATA=\(FreshCluster.data)
                PGHOST=/run/postgresql PGPORT=5432 PG_BINDIR=\(binDirectory)
                KEYS='restrict ssh-ed25519 AAAA
                ' SUDOERS='\(sudoers)' SUDOERS_PATH=/etc/sudoers.d/toolkit-fresh
                TMPFILES='d /run/toolkit
                ' TMPFILES_PATH=/etc/tmpfiles.d/toolkit-fresh.conf
                UNIT='# \(service)
                ' UNIT_PATH=/etc/systemd/system/\(service)
                DROPIN='# \(service)
                ' DROPIN_PATH=/etc/systemd/system/\(service).d/toolkit.conf
                SYSCTL='vm.swappiness = 1
                ' SYSCTL_PATH=/etc/sysctl.d/00-toolkit-fresh.conf

                """
            let parts = ["unfinished.sh", "services.sh", "machine.sh"]
            return try parts.reduce(into: facts) { text, name in
                text += try String(
                    contentsOf: path.appendingPathComponent(name), encoding: .utf8)
            }
        }
    }
}
