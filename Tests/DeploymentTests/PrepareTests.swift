import ClusterFile
import Deployment
import Execution
import FailoverCore
import Foundation
import Glibc
import Testing

@testable import ToolkitTesting

@Suite("Preparing the nodes")
struct PrepareTests {
    /// Names that break out of every quoting that is not done right.
    static let hostile = [
        "role": #"'it''s "me"'"#, "replication_role": #"'r \e; p'"#, "database": "'d $(b)'",
    ]

    @Test(.timeLimit(.minutes(3)))
    func resumesInterruptedInitdbAndThenChangesNothing() async throws {
        try await BareMachine.with { machine in
            let settings = try machine.settings(postgresql: Self.hostile, nodes: 2)
            let deployment = try Deployment.overSSH(settings)
            // As a deployment leaves it that was killed within initdb.
            try await machine.write("lib/shop/node1/stamp", "0 1\n")
            let data = "\(machine.folder)/data/node1"
            try await machine.write("data/node1/PG_VERSION", "15\n")
            // Its own programs lock the directory so; no process has this number.
            try await machine.write("data/node1/postmaster.pid", "-4194305\n")
            try await machine.markInitdb(of: data)
            try await machine.run(["chmod", "700", data])

            let plan = try await deployment.plan()
            #expect(plan.contains { $0.text.hasPrefix("initdb in ") })
            let prepared = try await deployment.prepare()
            let beginning = try #require(prepared.beginning)
            #expect(beginning.first == "node1")
            #expect(beginning.history.timeline == TimelineID(1))
            #expect(beginning.position > .zero)
            #expect(beginning.cluster(settings).members.map(\.id) == ["node1", "node2"])
            let marker = "\(machine.folder)/lib/shop/node1/initializing"
            #expect(!FileManager.default.fileExists(atPath: marker))

            // The store has it from here on.
            let before = try await machine.run(["cat", "\(machine.folder)/sched/shop.pgpass"])
            let again = try await deployment.prepare(
                systemIdentifier: beginning.systemIdentifier)
            #expect(again.isUnchanged, "\(again.changes)")
            #expect(again.beginning == nil)
            let after = try await machine.run(["cat", "\(machine.folder)/sched/shop.pgpass"])
            #expect(after == before)
            let wrong = await #expect(throws: DeploymentError.self) {
                _ = try await deployment.prepare(systemIdentifier: "42")
            }
            #expect(wrong?.failures.first?.name == "data_dir")
        }
    }

    @Test func keepsPasswordsOfExistingCluster() async throws {
        try await BareMachine.with { machine in
            let deployment = try Deployment.overSSH(try machine.settings())
            let error = await #expect(throws: DeploymentError.self) {
                _ = try await deployment.prepare(systemIdentifier: "7")
            }
            #expect(error?.code == .passwords)
            #expect(error?.next.contains("restore that file") == true)
        }
    }

    @Test func namesTheFileThatCannotBePutInPlace() async throws {
        try await BareMachine.with { machine in
            let deployment = try Deployment.overSSH(try machine.settings())
            try await machine.write("etc/shop/node1/pg_hba.conf/in-the-way", "")
            let error = await #expect(throws: DeploymentError.self) {
                _ = try await deployment.prepare()
            }
            #expect(error?.subject == "cannot put the files of node1 in place")
            #expect(error?.because.contains("/etc/shop/node1/pg_hba.conf") == true)
            let left = try await machine.run(["find", machine.folder, "-name", ".toolkit-new"])
            #expect(left == "")
            // What initdb had made of it by then is no hindrance: whoever clears the way goes on.
            try await machine.run(["rm", "-r", "\(machine.folder)/etc/shop/node1/pg_hba.conf"])
            #expect(try await deployment.prepare().beginning?.first == "node1")
            let modes = [
                "etc/shop/node1/pg_hba.conf": "600", "lib/shop/node1/bin/node-apply": "700",
            ]
            for (path, mode) in modes {
                let found = try await machine.run(["stat", "-c", "%a", "\(machine.folder)/\(path)"])
                #expect(found == "\(mode)\n", "\(path)")
            }
        }
    }

    /// node.conf lies in /etc and outlives a disk with state and data.
    @Test func sealsANodeThatHasLostItsStamp() async throws {
        try await BareMachine.with { machine in
            let deployment = try Deployment.overSSH(try machine.settings())
            try await machine.write("etc/shop/node1/node.conf", "# of an earlier life\n")
            #expect(try await deployment.prepare().beginning?.first == "node1")
            let conf = try await machine.run(["cat", "\(machine.folder)/etc/shop/node1/node.conf"])
            #expect(conf.contains("toolkit.step"))
        }
    }

    /// A marker of an initdb in another directory, or under data that a scheduler has known since.
    @Test(arguments: ["another path", "another directory", "a scheduler's term"])
    func erasesNothingThatItsMarkerDoesNotName(_ difference: String) async throws {
        try await BareMachine.with { machine in
            let data = "\(machine.folder)/data/node1"
            try await machine.write(
                "lib/shop/node1/stamp", difference == "a scheduler's term" ? "1 3\n" : "0 1\n")
            try await machine.write("data/node1/PG_VERSION", "15\n")
            try await machine.write("data/other/PG_VERSION", "15\n")
            try await machine.run(["chmod", "700", data])
            try await machine.markInitdb(
                of: difference == "another path" ? "\(machine.folder)/data/other" : data)
            if difference == "another directory" {
                try await machine.run(["mv", data, data + ".old"])
                try await machine.run(["cp", "-a", data + ".old", data])
            }
            try await Self.nothingIsErased(on: machine)
        }
    }

    /// An initdb goes on when its deployment is cut off; its programs work in the directory.
    @Test(arguments: ["its script", "its program"])
    func erasesNothingUnderAnInitdbAtWork(_ who: String) async throws {
        try await BareMachine.with { machine in
            let data = "\(machine.folder)/data/node1"
            try await machine.write("lib/shop/node1/stamp", "0 1\n")
            try await machine.write("data/node1/PG_VERSION", "15\n")
            try await machine.run(["chmod", "700", data])
            try await machine.markInitdb(of: data)
            let lock = "\(machine.folder)/lib/shop/node1/initialize.lock"
            try await machine.write("lib/shop/node1/initialize.lock", "")
            let work =
                who == "its script"
                ? "exec 9>>\(lock); flock --nonblock 9; exec sleep 60" : "cd \(data); exec sleep 60"
            let pid = try await machine.run(
                ThrowawayPostgresRoot.asServerUser(
                    ["/bin/sh", "-euc", "(\(work)) >/dev/null 2>&1 & echo $!"])
            ).trimmingCharacters(in: .whitespacesAndNewlines)
            defer { if let pid = pid_t(pid) { kill(pid, SIGKILL) } }
            if who == "its program" {
                try await machine.write("data/node1/postmaster.pid", "-\(pid)\n")
            } else {
                try await until("the lock is held") {
                    try await machine.run(["/bin/sh", "-c", "flock -n \(lock) true || echo held"])
                        == "held\n"
                }
            }
            try await Self.nothingIsErased(on: machine)
        }
    }

    private static func nothingIsErased(on machine: BareMachine) async throws {
        let before = try await machine.run(["find", "\(machine.folder)/data"])
        let deployment = try Deployment.overSSH(try machine.settings())
        await #expect(throws: DeploymentError.self) { _ = try await deployment.prepare() }
        #expect(try await machine.run(["find", "\(machine.folder)/data"]) == before)
    }

    @Test func refusesDataOfClusterThatNoStoreKnows() async throws {
        try await BareMachine.with { machine in
            try await machine.write("lib/shop/node1/stamp", "3 70\n")
            try await machine.write("data/node1/PG_VERSION", "15\n")
            let deployment = try Deployment.overSSH(try machine.settings())
            let error = await #expect(throws: DeploymentError.self) {
                _ = try await deployment.prepare()
            }
            #expect(error?.code == .storeMissing)
        }
    }
}

extension Deployment {
    static func overSSH(_ settings: ClusterSettings) throws -> Deployment {
        let ssh = settings.ssh
        return Deployment(settings: settings, share: try ShareFolder.find()) { node in
            SSHRunner(
                SSHTarget(
                    host: node.sshHost, port: UInt16(node.sshPort), user: node.sshUser,
                    identityFile: ssh.identityFile, knownHostsFile: ssh.knownHosts,
                    connectTimeout: .milliseconds(ssh.connectTimeoutMs)))
        }
    }
}
