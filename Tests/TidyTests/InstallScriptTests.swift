import Foundation
import Glibc
import Testing

/// install.sh in a machine made of stubs: nothing of the real one is asked or changed.
final class StubMachine: Sendable {
    struct Run {
        var status: Int32
        var said: String
    }

    let path: String
    var root: String { path + "/root" }
    var policy: String { root + "/usr/sbin/policy-rc.d" }
    var clusterConf: String { root + "/etc/postgresql-common/createcluster.d/toolkit-install.conf" }

    /// What the script may use of the real machine.
    private static let tools = [
        "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "du", "env", "find", "grep",
        "head", "id", "install", "kill", "ls", "md5sum", "mkdir", "mktemp", "mv", "nproc", "rm",
        "rmdir", "sed", "sh", "sort", "touch", "tr", "xargs",
    ]

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "tk-install-\(UUID().uuidString.prefix(8))").path
        for tool in Self.tools {
            let real = ["/usr/bin/", "/bin/"].map { $0 + tool }
                .first { FileManager.default.fileExists(atPath: $0) }
            try make(directory: "bin")
            try FileManager.default.createSymbolicLink(
                atPath: "\(path)/bin/\(tool)", withDestinationPath: try #require(real))
        }
        try make(directory: "root")
        let script = try #require(SourceTree.file("install.sh"))
        try write("checkout/install.sh", script.text)
        try write("checkout/hooks/lib/common.sh", "# common\n")
        try write("checkout/templates/a.tmpl", "a\n", mode: 0o644)
        try write("checkout/README.md", "read\n", mode: 0o644)
        try write("checkout/docs/page.md", "page\n", mode: 0o644)
        try write("checkout/.build/checkouts/Part/LICENSE", "licence of a part\n")
        try write("checkout/.build/release/toolkit", "#!/bin/sh\necho \"toolkit $*\"\n")
        try stub("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        try stub("sudo", "exec \"$@\"")
        try stub("pkg-config", "exit 0")
        try stub("sync", "exit 0")
        for tool in [
            "git", "sshd", "ssh-keygen", "flock", "ps", "shellcheck", "ip", "nft", "nsenter",
            "faketime",
        ] {
            try stub(tool, ":")
        }
        for tool in ["postgres", "initdb", "pg_ctl", "pg_basebackup", "pg_rewind"] {
            try write("root/usr/lib/postgresql/15/bin/\(tool)", "")
        }
        try stubPackaging()
        // Notes what it is told, and what stands in the machine meanwhile.
        try stub(
            "apt-get",
            """
            echo "$*" >>\(path)/apt
            ls \(policy) \(clusterConf) >>\(path)/meanwhile 2>/dev/null
            [ ! -e \(path)/apt-fails ] || exit 100
            [ ! -e \(path)/apt-is-killed ] || kill -TERM $PPID
            """)
    }

    /// dpkg's programs; the tree of the package is kept.
    private func stubPackaging() throws {
        try stub("dpkg", "echo amd64")
        try stub("dpkg-shlibdeps", "echo 'shlibs:Depends=libc6 (>= 2.36), libpq5'")
        try stub("strip", ":")
        try stub("dpkg-deb", #"rm -rf \#(path)/staged; cp -r "$3" \#(path)/staged; echo deb >"$4""#)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func make(directory: String) throws {
        try FileManager.default.createDirectory(
            atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
    }

    func write(_ file: String, _ text: String, mode: Int = 0o755) throws {
        try make(directory: String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]))
        // Never through a link to a program of the real machine.
        unlink("\(path)/\(file)")
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(file)"))
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: "\(path)/\(file)")
    }

    func stub(_ tool: String, _ body: String) throws {
        try write("bin/\(tool)", "#!/bin/sh\n\(body)\n")
    }

    func remove(_ files: String...) throws {
        for file in files { try FileManager.default.removeItem(atPath: "\(path)/\(file)") }
    }

    func text(_ file: String) -> String? {
        try? String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
    }

    func files(below directory: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: "\(path)/\(directory)")
        return (all?.compactMap { $0 as? String } ?? []).sorted()
    }

    func install(_ arguments: String...) async throws -> Run {
        let (status, said) = try await finish(
            [path + "/checkout/install.sh"] + arguments, in: path,
            environment: [
                "PATH": path + "/bin", "HOME": path, "TOOLKIT_INSTALL_ROOT": root,
            ])
        return Run(status: status ?? -1, said: said)
    }
}

@Suite("install.sh")
struct InstallScriptTests {
    let machine = try! StubMachine()

    @Test func asksAptForNothingWhenAllIsThere() async throws {
        let run = try await machine.install("demo", "--", "--json")
        #expect(run.status == 0, "\(run.said)")
        #expect(run.said.contains("toolkit demo --json\n"))
        #expect(machine.text("apt") == nil)
    }

    @Test func installsWhatIsMissingAndStartsNothing() async throws {
        try machine.remove("bin/sshd", "bin/ps", "root/usr/lib/postgresql/15/bin/pg_rewind")
        let run = try await machine.install("demo")
        #expect(run.status == 0, "\(run.said)")
        #expect(
            machine.text("apt") == """
                update
                install --yes --no-install-recommends openssh-server postgresql procps

                """)
        let both = "\(machine.clusterConf)\n\(machine.policy)\n"
        #expect(machine.text("meanwhile") == both + both)
        #expect(machine.files(below: "root/usr/sbin") == [])
        #expect(machine.files(below: "root/etc/postgresql-common/createcluster.d") == [])
    }

    @Test func installsDockerForTheTestsAndStartsNoDaemon() async throws {
        try machine.stub("systemctl", ":")
        let run = try await machine.install("test", "--dry-run")
        #expect(run.status == 0, "\(run.said)")
        #expect(run.said.contains("docker.io"))
        #expect(run.said.contains("No service starts while apt installs"))
        #expect(run.said.contains("systemctl disable docker.service docker.socket\n"))
        #expect(run.said.contains("systemctl disable docker-registry.service\n"))
    }

    @Test(arguments: ["apt-fails", "apt-is-killed"])
    func takesBackWhatIsTemporaryWhateverHappens(_ accident: String) async throws {
        try machine.remove("bin/sshd")
        try machine.write(accident, "")
        let run = try await machine.install("demo")
        #expect(run.status == (accident == "apt-fails" ? 100 : 143), "\(run.said)")
        #expect(machine.text("meanwhile")?.contains("policy-rc.d") == true)
        #expect(machine.files(below: "root/usr/sbin") == [])
        #expect(!run.said.contains("toolkit demo"))
    }

    @Test func respectsAPolicyThatIsThere() async throws {
        try machine.remove("bin/sshd")
        try machine.write("root/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n")
        let run = try await machine.install("demo")
        #expect(run.status == 0)
        #expect(run.said.contains("policy-rc.d exists: it decides"))
        #expect(machine.text("root/usr/sbin/policy-rc.d") == "#!/bin/sh\nexit 0\n")
    }

    @Test func removesThePolicyOfAnInstallationThatWasKilled() async throws {
        try machine.remove("bin/sshd")
        try machine.write(
            "root/usr/sbin/policy-rc.d",
            "#!/bin/sh\n# Temporary, made by toolkit's install.sh; it is removed when that ends.\n")
        #expect(try await machine.install("demo").status == 0)
        #expect(machine.files(below: "root/usr/sbin") == [])
    }

    @Test func leavesTheDefaultClusterToItselfWhereOneExists() async throws {
        try machine.remove("root/usr/lib/postgresql/15/bin/pg_rewind")
        try machine.write("root/etc/postgresql/14/main/postgresql.conf", "")
        #expect(try await machine.install("demo").status == 0)
        #expect(machine.text("meanwhile") == "\(machine.policy)\n\(machine.policy)\n")
    }

    @Test(arguments: [
        ("swift", "there is no `swift` in PATH"), ("5.10", "Swift 5.10 is too old"),
        ("6.1", "Swift 6.1 is too old"),
    ])
    func saysWhereToGetSwift(_ version: String, _ because: String) async throws {
        try machine.remove("bin/swift", "bin/sshd")
        if version != "swift" { try machine.stub("swift", "echo 'Swift version \(version) (x)'") }
        let run = try await machine.install("demo")
        #expect(run.status == 69)
        #expect(run.said.contains("because \(because)\n"))
        #expect(run.said.contains("https://www.swift.org/install"))
        #expect(machine.text("apt") == nil)
    }

    @Test func changesNothingInADryRun() async throws {
        try machine.remove("bin/sshd", "bin/shellcheck")
        for command in ["demo", "test", "build", "install"] {
            let run = try await machine.install(command, "--dry-run", "--prefix", "prefix")
            #expect(run.status == 0, "\(run.said)")
            #expect(run.said.contains("+ swift build "))
        }
        #expect(machine.text("apt") == nil)
        #expect(machine.files(below: "root").filter { $0.hasSuffix("policy-rc.d") } == [])
        #expect(machine.text("prefix/bin/toolkit") == nil)
    }

    @Test func simulatesInABuildOfItsOwn() async throws {
        let run = try await machine.install("simulate", "--dry-run", "--", "--filter", "Mutant")
        #expect(run.status == 0, "\(run.said)")
        #expect(
            run.said.contains(
                "+ env TOOLKIT_SIMULATION=1 swift test --configuration release --scratch-path "
                    + ".build-simulation --filter Mutant\n"))
        let all = try await machine.install("test", "--dry-run")
        #expect(all.said.contains("TOOLKIT_SIMULATION=1"))
        let some = try await machine.install("test", "--dry-run", "--", "--filter", "Tidy")
        #expect(!some.said.contains("TOOLKIT_SIMULATION=1"))
    }

    @Test func uninstallsExactlyWhatItInstalled() async throws {
        try machine.write("prefix/bin/other", "")
        try machine.write("prefix/share/toolkit/hooks/mine.sh", "")
        for _ in 1...2 {
            let run = try await machine.install("install", "--prefix", "prefix")
            #expect(run.status == 0, "\(run.said)")
        }
        let installed = machine.files(below: "prefix").filter {
            $0.contains(".") || $0.contains("bin")
        }
        #expect(
            installed == [
                "bin", "bin/other", "bin/toolkit", "share/toolkit/hooks/lib/common.sh",
                "share/toolkit/hooks/mine.sh", "share/toolkit/templates/a.tmpl",
            ])
        let run = try await machine.install("uninstall", "--prefix", "prefix")
        #expect(run.status == 0, "\(run.said)")
        #expect(
            machine.files(below: "prefix") == [
                "bin", "bin/other", "share", "share/toolkit", "share/toolkit/hooks",
                "share/toolkit/hooks/mine.sh",
            ])
        #expect(try await machine.install("uninstall", "--prefix", "prefix").status == 0)
    }

    @Test func packagesTheSameFiles() async throws {
        try machine.write(
            "checkout/.build/release/toolkit", "#!/bin/sh\n[ \"$1\" != --version ] || echo 7.8.9\n")
        let run = try await machine.install("package")
        #expect(run.status == 0, "\(run.said)")
        #expect(machine.text("checkout/.build/toolkit_7.8.9_amd64.deb") == "deb\n")
        #expect(
            machine.files(below: "staged").filter { machine.text("staged/\($0)") != nil } == [
                "DEBIAN/control", "DEBIAN/md5sums", "usr/bin/toolkit",
                "usr/share/doc/toolkit/README.md", "usr/share/doc/toolkit/copyright",
                "usr/share/doc/toolkit/docs/page.md", "usr/share/toolkit/hooks/lib/common.sh",
                "usr/share/toolkit/templates/a.tmpl",
            ])
        let control = try #require(machine.text("staged/DEBIAN/control"))
        #expect(control.contains("\nVersion: 7.8.9\nArchitecture: amd64\n"))
        #expect(control.contains("\nDepends: libc6 (>= 2.36), libpq5\n"))
        let copyright = machine.text("staged/usr/share/doc/toolkit/copyright")
        #expect(copyright?.contains("=== Part ===\n\nlicence of a part\n") == true)
        #expect(run.said.contains("apt-get install"))
    }

    @Test(arguments: [["nonsense"], ["install", "now"], ["build", "--prefix"]])
    func refusesWhatItDoesNotKnow(_ arguments: [String]) async throws {
        let run =
            arguments.count == 1
            ? try await machine.install(arguments[0])
            : try await machine.install(arguments[0], arguments[1])
        #expect(run.status == 64)
    }
}
