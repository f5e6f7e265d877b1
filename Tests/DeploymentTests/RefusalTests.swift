import ClusterFile
import Deployment
import Execution
import Foundation
import Glibc
import Testing
import ToolkitTesting

/// What makes a deployment impossible, against a real sshd: each with the check that says it, and
/// with nothing changed.
@Suite("A deployment refuses before anything is changed")
struct RefusalTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var says: String
        var check: String
        var found: String
        var next: String
        var needsRoot = false
        /// Breaks the machine, and returns the settings to deploy with.
        var breaking: @Sendable (BareMachine) async throws -> ClusterSettings
        var testDescription: String { says }
    }

    @Test(arguments: connecting + programs + data + places)
    func refuses(_ row: Row) async throws {
        guard !row.needsRoot || BareMachine.isRoot else {
            print("skipped, because it needs root: \(row.says)")
            return
        }
        try await BareMachine.with { machine in
            let settings = try await row.breaking(machine)
            let deployment = try Deployment.overSSH(settings)
            let before = try await machine.snapshot()
            let error = await #expect(throws: DeploymentError.self) {
                _ = try await deployment.prepare()
            }
            #expect(try await machine.snapshot() == before, "something was changed")
            #expect(error?.code == .refused)
            let failure = try #require(
                error?.failures.first { $0.name == row.check },
                "\(error?.failures.description ?? "no failure")")
            #expect(failure.status == .failed)
            #expect(failure.found.contains(row.found), "\(failure.found)")
            #expect(failure.next.contains(row.next), "\(failure.next)")
            #expect(error?.description.contains("nothing was changed") == true)
        }
    }

    @Test func acceptsBareMachine() async throws {
        try await BareMachine.with { machine in
            let results = try await Deployment.overSSH(machine.settings()).check()
            #expect(results.filter { $0.status == .failed } == [])
            #expect(results.contains { $0.name == "ssh" && $0.status == .ok })
            let seen = results.first { $0.name == "machine" }
            #expect(seen?.status == .ok)
            #expect(seen?.found.contains("write `machine: { memory: ") == true)

            var settings = try machine.settings()
            settings.nodes[0].machine.memoryBytes = 1 << 50
            let told = try await Deployment.overSSH(settings).check().first { $0.name == "machine" }
            #expect(told?.status == .warning)
            #expect(told?.found.contains("cluster.yaml says 1073741824MB of memory") == true)
        }
    }

    // MARK: - SSH

    static let connecting: [Row] = [
        Row(
            says: "SSH refused", check: "ssh", found: "nothing listens on port", next: "sshd"
        ) { machine in
            machine.sshd.kill()
            return try machine.settings()
        },
        Row(
            says: "wrong key", check: "ssh", found: "the server refuses the key",
            next: "authorized_keys"
        ) { machine in
            let key = try await machine.sshd.generateKey(named: "other")
            return try machine.settings(ssh: ["identity_file": key])
        },
        Row(
            says: "key file missing", check: "ssh", found: "nokey", next: "ssh-keygen -t ed25519"
        ) { machine in try machine.settings(ssh: ["identity_file": "\(machine.folder)/nokey"]) },
        Row(
            says: "changed host key", check: "ssh", found: "SHA256:", next: "ssh-keygen -R"
        ) { machine in
            try await machine.sshd.replaceHostKeys()
            return try machine.settings()
        },
        Row(
            says: "unknown host key", check: "ssh", found: "SHA256:", next: "known_hosts"
        ) { machine in
            try await machine.write("known_hosts", "")
            return try machine.settings(ssh: ["known_hosts": "\(machine.folder)/known_hosts"])
        },
        Row(
            says: "logged in as root", check: "user", found: "root", next: "ssh.user",
            needsRoot: true
        ) { machine in try machine.settings(ssh: ["user": "root"]) },
    ]

    // MARK: - PostgreSQL's programs

    private static let realBinaries = "/usr/lib/postgresql/15/bin"

    static let programs: [Row] = [
        Row(
            says: "no PostgreSQL", check: "binaries", found: "postgres, initdb",
            next: "install PostgreSQL 15"
        ) { machine in try machine.settings(postgresql: ["bin_dir": "\(machine.folder)/nothing"]) },
        Row(
            says: "pg_rewind missing", check: "binaries", found: "has no pg_rewind",
            next: "install PostgreSQL 15"
        ) { machine in
            try await fakeBinaries(machine, without: "pg_rewind")
            return try machine.settings(postgresql: ["bin_dir": "\(machine.folder)/bin"])
        },
        Row(
            says: "PostgreSQL too old", check: "version", found: "PostgreSQL 12 is too old",
            next: "install PostgreSQL 15"
        ) { machine in
            try await fakeBinaries(machine, without: "postgres")
            try await machine.write(
                "bin/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 12.22 (Debian)'\n",
                mode: "755")
            return try machine.settings(postgresql: ["bin_dir": "\(machine.folder)/bin"])
        },
    ]

    private static func fakeBinaries(_ machine: BareMachine, without missing: String) async throws {
        try await machine.run(["mkdir", "\(machine.folder)/bin"])
        for name in [
            "postgres", "initdb", "pg_ctl", "pg_controldata", "pg_rewind", "pg_basebackup", "psql",
        ] where name != missing {
            symlink("\(realBinaries)/\(name)", "\(machine.folder)/bin/\(name)")
        }
    }

    // MARK: - The data directory

    static let data: [Row] = [
        Row(
            says: "data directory with other files", check: "data_dir",
            found: "holds files that are no PostgreSQL cluster", next: "empty or missing folder"
        ) { machine in
            try await machine.write("data/node1/photo.jpg", "x")
            return try machine.settings()
        },
        Row(
            says: "somebody else's PostgreSQL cluster", check: "data_dir", found: "not ours",
            next: "empty or missing folder"
        ) { machine in
            try await machine.write("data/node1/PG_VERSION", "15\n")
            return try machine.settings()
        },
        Row(
            says: "cluster of another major version", check: "data_dir",
            found: "made by PostgreSQL 14", next: "postgresql.version"
        ) { machine in
            try await machine.write("data/node1/PG_VERSION", "14\n")
            try await machine.write("lib/shop/node1/stamp", "1 7\n")
            return try machine.settings()
        },
        Row(
            says: "our settings by ALTER SYSTEM", check: "auto_conf",
            found: "primary_conninfo", next: "ALTER SYSTEM RESET primary_conninfo"
        ) { machine in
            try await machine.write("data/node1/PG_VERSION", "15\n")
            try await machine.write(
                "data/node1/postgresql.auto.conf", "primary_conninfo = 'host=10.0.0.9'\n")
            try await machine.write("lib/shop/node1/stamp", "0 1\n")
            return try machine.settings()
        },
        Row(
            says: "data directory of another user", check: "data_dir", found: "belongs to root",
            next: "chown", needsRoot: true
        ) { machine in
            try await machine.run(["mkdir", "-p", "\(machine.folder)/data/node1"])
            return try machine.settings()
        },
    ]

    // MARK: - Folders and space

    static let places: [Row] = [
        Row(
            says: "config_dir can't be made", check: "config_dir", found: "is not writable",
            next: "as root: install -d -o"
        ) { machine in try machine.settings(["config_dir": "/proc/sys/toolkit"]) },
        Row(
            says: "no folder for the socket", check: "socket_dir", found: "does not exist",
            next: "as root: install -d -o"
        ) { machine in try machine.settings(node: ["socket_dir": "\(machine.folder)/nowhere"]) },
        Row(
            says: "full disk for the data", check: "space", found: "256 MB are needed",
            next: "make room", needsRoot: true
        ) { machine in
            try await smallDisk(machine, "data")
            return try machine.settings()
        },
        Row(
            says: "full disk for the state", check: "state_dir", found: "is full",
            next: "make room", needsRoot: true
        ) { machine in
            try await smallDisk(machine, "lib")
            return try machine.settings()
        },
    ]

    private static func smallDisk(_ machine: BareMachine, _ name: String) async throws {
        let path = "\(machine.folder)/\(name)"
        try await machine.run(["mkdir", path])
        try await machine.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "tmpfs", path])
        try await machine.run(["chown", machine.owner, path])
    }
}
