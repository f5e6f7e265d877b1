import Execution
import Foundation
import Testing

@testable import ToolkitTesting

/// From machines with nothing but sshd and root's key to a cluster, and back.
@Suite("Fresh machines", .serialized)
struct FreshTests {
    private static let isRoot = FreshMachines.isRoot

    /// This machine's own files, without PostgreSQL's owner, configuration and data.
    static let strip = """
        userdel postgres 2>/dev/null || :
        groupdel postgres 2>/dev/null || :
        rm -rf /etc/postgresql /var/lib/postgresql /etc/toolkit /var/lib/toolkit /run/postgresql
        """

    @Test(
        .enabled(if: isRoot, "SKIPPED: fresh machines need root: they are namespaces"),
        .timeLimit(.minutes(5)))
    func becomeAClusterAndAreGivenBack() async throws {
        try await FreshMachines.with(tree: "/", strip: Self.strip) { machines in
            try await Self.story(machines)
        }
    }

    /// Nothing of this machine's: PostgreSQL comes as packages.
    @Test(
        .enabled(if: isRoot, "SKIPPED: fresh machines need root: they are namespaces"),
        .enabled(if: DebianTree.canBeMade, "SKIPPED: debootstrap is not installed"),
        .enabled(if: DebianTree.isWanted, "SKIPPED: takes minutes; TOOLKIT_FRESH=full runs it"),
        .timeLimit(.minutes(40)))
    func getTheirPackages() async throws {
        try await DebianTree.with { tree in
            let boot: FreshMachines.Boot = FreshMachines.noSystemd == nil ? .systemd : .sshd
            try await FreshMachines.with(tree: tree, boot: boot) { machines in
                let programs = try await machines.ssh(1, "ls /usr/lib/postgresql; id postgres")
                try #require(programs.status != 0, "\(programs.output)")
                // Debian's template has no such cluster to start.
                let unit = boot == .systemd ? "postgresql@\(FreshCluster.major)-fresh.service" : nil
                try await Self.story(machines, installs: true, service: unit)
            }
            if let package = PackageTests.path { try await Self.installs(package, in: tree) }
        }
    }

    /// With nothing but the packages that it asks for.
    private static func installs(_ package: String, in tree: String) async throws {
        let script = """
            cp -- "$2" "$1/tmp/toolkit.deb"
            chroot "$1" sh -euc '
                apt-get install --yes --no-install-recommends /tmp/toolkit.deb
                toolkit --version && toolkit fsm check'
            """
        let run = try await LocalRunner().run(
            Command(["sh", "-euc", script, "sh", tree, package], timeout: .seconds(600)))
        #expect(run.isSuccess, "\(run.output)\(run.errorOutput)")
    }

    static func story(
        _ machines: FreshMachines, installs: Bool = false, service: String? = nil
    ) async throws {
        let cluster = try FreshCluster(machines, service: service)
        let before = try await cluster.files()

        let plan = try await cluster.toolkit("deploy", "--dry-run", "--admin", "root")
        try #require(plan.status == 0, "\(plan.output)\(plan.complaint)")
        #expect(plan.output.contains("node1: + install -d -o postgres"), "\(plan.output)")
        #expect(
            plan.output.contains("node1: + apt-get install") == installs, "\(plan.output)")
        #expect(plan.output.contains("node1: initdb in /var/lib/postgresql/"), "\(plan.output)")
        // What systemd runs by itself makes files at any time; what was planned would have these names.
        let made = zip(try await cluster.files(), before).map { $0.subtracting($1) }
        #expect(
            made.joined().filter { path in
                service == nil || path.contains("toolkit") || path.contains("postgres")
            }.sorted() == [])

        // What an administrator has set stays.
        _ = try await machines.ssh(3, "echo 'vm.swappiness=7' >/etc/sysctl.d/99-own.conf")
        let first = try await cluster.toolkit("deploy", "--admin", "root")
        try #require(first.status == 0, "\(first.output)\(first.complaint)")
        #expect(first.output.hasPrefix("fresh is up\n"))
        let streaming = try await machines.ssh(
            1,
            "runuser -u postgres -- psql -At -c 'SELECT count(*) FROM pg_stat_replication'")
        #expect(streaming.output == "2\n", "\(streaming.complaint)")
        let keys = try await machines.ssh(2, "cat ~postgres/.ssh/authorized_keys")
        #expect(keys.output.contains("\nrestrict,from="), "\(keys.output)")

        let settings = try await machines.ssh(
            2, "cd /proc/sys/vm && cat swappiness dirty_bytes dirty_background_bytes")
        if service == nil, !installs {
            #expect(settings.output == "1\n536870912\n67108864\n", "\(first.complaint)")
            let own = try await machines.ssh(3, "cat /proc/sys/vm/swappiness")
            #expect(own.output == "0\n")
            #expect(first.complaint.contains("it is set in /etc/sysctl.d/99-own.conf"))
        }
        _ = try await machines.ssh(3, "rm /etc/sysctl.d/99-own.conf")

        let second = try await cluster.toolkit("deploy", "--admin", "root")
        #expect(second.status == 0, "\(second.complaint)")
        #expect(
            second.output.hasPrefix("fresh is up; nothing was changed\n"), "\(second.complaint)")

        let clusters = try await machines.ssh(1, "ls /etc/postgresql/*/*")
        #expect(clusters.status != 0, "the package made a cluster: \(clusters.output)")
        try await isGivenBack(cluster, machines, before, installs: installs)
    }

    /// `node1: + COMMAND`, without the time that may stand before it.
    private static func commands(_ text: String) -> Set<Substring> {
        Set(
            text.split(separator: "\n").filter { $0.contains(": + ") }.compactMap { line in
                line.range(of: "node").map { line[$0.lowerBound...] }
            })
    }

    private static func isGivenBack(
        _ cluster: FreshCluster, _ machines: FreshMachines, _ before: [Set<String>],
        installs: Bool
    ) async throws {
        let unsaid = try await cluster.toolkit("undeploy", "--admin", "root")
        #expect(unsaid.status == 1, "nobody has named the cluster")
        #expect(unsaid.complaint.contains("--yes fresh"))
        let plan = try await cluster.toolkit("undeploy", "--admin", "root", "--dry-run")
        #expect(plan.status == 0, "\(plan.complaint)")
        #expect(plan.output.contains("node2: stop PostgreSQL\n"), "\(plan.output)")
        let state = try await cluster.toolkit("state")
        #expect(state.output.contains("primary"), "\(state.output)\(state.complaint)")

        let gone = try await cluster.toolkit("undeploy", "--admin", "root", "--yes", "fresh")
        try #require(gone.status == 0, "\(gone.output)\(gone.complaint)")
        let (foretold, done) = (commands(plan.output), commands(gone.complaint))
        #expect(done.subtracting(foretold) == [], "done without a word before")
        // The lock has taken the opening away already.
        let undone = foretold.subtracting(done).filter { !$0.contains("/run/toolkit/") }
        #expect(undone == [], "foretold and not done")
        for (number, (old, new)) in zip(before, try await cluster.files()).enumerated() {
            let left = new.subtracting(old)
                .filter { !$0.hasPrefix("/var/lib/postgresql") && !FreshCluster.isOfPackages($0) }
            // Packages bring hundreds of files; ours are known by their name.
            let ours = left.filter { !installs || $0.contains("toolkit") }.sorted()
            #expect(ours == [], "on vm\(number + 1)")
            let data = try await machines.ssh(
                number + 1, "test -f \(FreshCluster.data)/PG_VERSION")
            #expect(data.status == 0, "the data of vm\(number + 1)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: machines.folder)
        #expect(!left.contains("sched"))
        let again = try await cluster.toolkit("undeploy", "--admin", "root", "--yes", "fresh")
        #expect(again.status == 0, "\(again.complaint)")
        #expect(again.output.hasSuffix("nothing to do\n"), "\(again.output)")
    }
}
