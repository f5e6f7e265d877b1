import Execution
import Glibc
import Testing
import ToolkitTesting

/// Sessions are shared, replaced when they break, and never hide what became of a command.
@Suite("SSH sessions", .serialized)
struct SSHSessionTests {
    @Test func aCommandWhoseConnectionDiesIsLost() async throws {
        try await withSSHD { sshd in
            let runner = SSHRunner(sshd.target)
            let file = "\(sshd.folder)/started"
            let task = Task { try await runner.shell("touch \"$1\"; exec sleep 60", file) }
            try await until("the command runs") { access(file, F_OK) == 0 }
            sshd.kill()
            let error = await executionError { _ = try await task.value }
            #expect(error?.code == .lost)
            #expect(error?.outcomeIsUnknown == true)
            #expect(error?.description.contains("lost sh on ") == true)
            await runner.close()
        }
    }

    @Test func aSessionThatDiedBetweenCommandsIsReplaced() async throws {
        try await withSSHD { sshd in
            let runner = SSHRunner(sshd.target)
            #expect(try await runner.shell("echo a").output == "a\n")
            sshd.kill()
            try await sshd.start()
            #expect(try await runner.shell("echo b").output == "b\n")
            await runner.close()
        }
    }

    @Test func runnersOfOneTargetShareASession() async throws {
        try await withSSHD { sshd in
            let first = SSHRunner(sshd.target)
            var patient = sshd.target
            patient.connectTimeout = .seconds(20)
            let second = SSHRunner(patient)
            _ = try await first.shell("true")
            _ = try await second.shell("true")
            await first.close()
            _ = try await second.shell("true")
            let logins = try await sshd.log().split(separator: "\n").filter {
                $0.contains("Accepted publickey")
            }
            #expect(logins.count == 1)
            await second.close()
            #expect(try await second.shell("echo again").output == "again\n")
            await second.close()
        }
    }

    @Test func aServerWithFewChannelsIsServed() async throws {
        try await withSSHD(options { $0.configuration = ["MaxSessions 3"] }) { sshd in
            let runner = SSHRunner(sshd.target)
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<12 {
                    group.addTask { try await runner.shell("sleep 0.2; echo x").output }
                }
                for try await output in group { #expect(output == "x\n") }
            }
            await runner.close()
        }
    }

    @Test func closingEndsARunningCommandAsLost() async throws {
        try await withSSHD { sshd in
            let runner = SSHRunner(sshd.target)
            let file = "\(sshd.folder)/started"
            let task = Task { try await runner.shell("touch \"$1\"; exec sleep 60", file) }
            try await until("the command runs") { access(file, F_OK) == 0 }
            await runner.close()
            let error = await executionError { _ = try await task.value }
            #expect(error?.code == .lost)
        }
    }
}

@Suite("Uploading", .serialized)
struct UploadTests {
    @Test func leavesExactBytesAndMode() async throws {
        let contents = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        try await withFolder { folder in
            try await withBothRunners { runner in
                let path = "\(folder)/it's a file"
                for mode in [UInt32(0o640), 0o755] {
                    try await runner.upload(
                        contents, to: path, mode: mode, timeout: .seconds(30))
                    let sum = try await runner.run(
                        Command(["sha256sum", path], timeout: .seconds(10)))
                    #expect(sum.output.hasPrefix(SHA256.hex(contents)), "\(runner.place)")
                    let seen = try await runner.run(
                        Command(["stat", "-c", "%a", path], timeout: .seconds(10)))
                    #expect(seen.output == String(mode, radix: 8) + "\n", "\(runner.place)")
                }
                try await runner.upload([], to: path, mode: 0o600, timeout: .seconds(30))
                let left = try await runner.run(
                    Command(["ls", "-A", folder], timeout: .seconds(5)))
                #expect(left.output == "it's a file\n", "nothing is left beside: \(left.output)")
            }
        }
    }

    @Test func aMissingDirectoryIsNamed() async throws {
        try await withBothRunners { runner in
            let error = await executionError {
                try await runner.upload([1], to: "/nowhere/x", mode: 0o600, timeout: .seconds(5))
            }
            #expect(error?.code == .transfer, "\(runner.place)")
            #expect(error?.description.contains("cannot write /nowhere/x on") == true)
            #expect(error?.next.contains("check that /nowhere exists") == true)
        }
    }

    @Test func theSameContentsAreSentOnce() async throws {
        try await withFolder { folder in
            try await withBothRunners { runner in
                let directory = "\(folder)/\(runner is SSHRunner ? "ssh" : "local")/hooks"
                let script = Array("#!/bin/sh\necho hook\n".utf8)
                func inode(_ path: String) async throws -> String {
                    try await runner.run(
                        Command(["stat", "-c", "%i", path], timeout: .seconds(5))
                    ).output
                }
                let path = try await runner.uploadOnce(
                    script, into: directory, timeout: .seconds(10))
                #expect(path == "\(directory)/\(SHA256.hex(script))")
                let first = try await inode(path)
                let again = try await runner.uploadOnce(
                    script, into: directory, timeout: .seconds(10))
                #expect(again == path)
                #expect(try await inode(path) == first, "\(runner.place): it was sent again")
                #expect(
                    try await runner.run(Command([path], timeout: .seconds(5))).output == "hook\n")
                _ = try await runner.shell("echo damaged >\"$1\"", path)
                _ = try await runner.uploadOnce(script, into: directory, timeout: .seconds(10))
                #expect(
                    try await runner.run(Command([path], timeout: .seconds(5))).output == "hook\n")
            }
        }
    }
}

@Suite("SHA-256")
struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func vector(text: String, digest: String) {
        #expect(SHA256.hex(Array(text.utf8)) == digest)
    }

    @Test func everyLengthAroundABlockMatchesSha256sum() async throws {
        for count in [1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129] {
            let bytes = (0..<count).map { UInt8($0) }
            let result = try await LocalRunner().run(
                Command(["sha256sum"], standardInput: bytes, timeout: .seconds(60)))
            #expect(result.output == SHA256.hex(bytes) + "  -\n")
        }
    }
}
