import Execution
import Glibc
import Testing
import ToolkitTesting

/// Every way in which a connection fails names what was tried, why it failed and what to do.
@Suite("Connecting over SSH", .serialized)
struct SSHConnectTests {
    struct Row: CustomTestStringConvertible {
        var says: String
        var code: ExecutionError.Code
        /// Parts of the whole text; PORT, HOME and HOSTS stand for the sshd's.
        var text: [String]
        var arrange: @Sendable (ThrowawaySSHD, inout SSHTarget) async throws -> Void
        var testDescription: String { says }
    }

    static let rows: [Row] = [
        Row(
            says: "nothing listens", code: .refused,
            text: ["cannot connect to ", "nothing listens on port", "start sshd on 127.0.0.1"]
        ) { sshd, _ in sshd.kill() },
        Row(
            says: "no such name", code: .unreachable,
            text: ["the name no-such-host.invalid has no address", "DNS or /etc/hosts"]
        ) { _, target in target.host = "no-such-host.invalid" },
        Row(
            says: "the key is not accepted", code: .authentication,
            text: ["cannot log in to ", "the server refuses the key", "authorized_keys"]
        ) { sshd, target in
            target.identityFile = try await sshd.generateKey(named: "stranger")
        },
        Row(
            says: "the key file is missing", code: .identityUnreadable,
            text: ["/nowhere/id", "No such file or directory", "ssh-keygen -t ed25519"]
        ) { _, target in target.identityFile = "/nowhere/id" },
        Row(
            says: "others may read the key", code: .identityUnreadable,
            text: ["others may read it (mode 0644)", "run `chmod 600 "]
        ) { sshd, _ in chmod(sshd.identityFile, 0o644) },
        Row(
            says: "the public key is named", code: .identityUnreadable,
            text: ["it holds no private key", "not the .pub file"]
        ) { sshd, target in
            target.identityFile = sshd.identityFile + ".pub"
            chmod(sshd.identityFile + ".pub", 0o600)
        },
        Row(
            says: "the host key has changed", code: .hostKeyChanged,
            text: [
                "its host key has changed", "SHA256:", "ssh-keygen -R '[127.0.0.1]:PORT' -f HOSTS",
                "ssh-keyscan -p PORT -t ed25519 127.0.0.1 >> HOSTS",
            ]
        ) { sshd, _ in try await sshd.replaceHostKeys() },
        Row(
            says: "known_hosts is empty", code: .hostKeyUnknown,
            text: [
                "refused to connect", "ssh-ed25519 SHA256:", "is not in HOSTS",
                "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
                "then run `ssh-keyscan -p PORT -t ed25519 127.0.0.1 >> HOSTS`",
            ]
        ) { sshd, _ in truncate(sshd.knownHostsFile, 0) },
        Row(
            says: "known_hosts is missing", code: .hostKeyUnknown, text: ["is not in HOSTS"]
        ) { sshd, _ in unlink(sshd.knownHostsFile) },
        Row(
            says: "only another host is known", code: .hostKeyUnknown, text: ["is not in HOSTS"]
        ) { sshd, target in
            let other = try await sshd.knownHostsLines().map {
                $0.replacing("127.0.0.1", with: "127.0.0.2")
            }
            try await LocalRunner().upload(
                Array(other.joined(separator: "\n").utf8), to: target.knownHostsFile, mode: 0o600,
                timeout: .seconds(5))
        },
        Row(
            says: "the host key is revoked", code: .hostKeyChanged, text: ["is marked @revoked"]
        ) { sshd, target in
            let lines = try await sshd.knownHostsLines()
            let text = (lines + lines.map { "@revoked " + $0 }).joined(separator: "\n")
            try await LocalRunner().upload(
                Array(text.utf8), to: target.knownHostsFile, mode: 0o600, timeout: .seconds(5))
        },
        Row(
            says: "no key and no agent", code: .authentication,
            text: ["no agent answers at /nowhere/agent", "ssh-add"]
        ) { _, target in
            target.identityFile = nil
            target.agentSocket = "/nowhere/agent"
        },
    ]

    @Test(arguments: rows)
    func failsInWords(_ row: Row) async throws {
        try await withSSHD { sshd in
            var target = sshd.target
            try await row.arrange(sshd, &target)
            let runner = SSHRunner(target)
            let error = await executionError {
                _ = try await runner.run(Command(["true"], timeout: .seconds(5)))
            }
            await runner.close()
            #expect(error?.code == row.code)
            let description = error?.description ?? ""
            for part in row.text {
                let expected = part.replacing("PORT", with: "\(sshd.port)")
                    .replacing("HOSTS", with: sshd.knownHostsFile)
                #expect(description.contains(expected))
            }
        }
    }

    @Test func aKeyWithAPassphraseBelongsIntoTheAgent() async throws {
        try await withSSHD(options { $0.passphrase = "secret words" }) { sshd in
            let runner = SSHRunner(sshd.target)
            let error = await executionError { try await runner.connect() }
            #expect(error?.code == .identityUnreadable)
            #expect(error?.next.contains("add it to ssh-agent (`ssh-add ") == true)
        }
    }

    @Test func aBlackHoleEndsAtTheDeadline() async throws {
        // Listens, and never says a word: the kernel alone takes the connection.
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, size)
                listen(fd, 4)
                getsockname(fd, $0, &size)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        try await withSSHD { sshd in
            var target = sshd.target
            target.port = port
            target.connectTimeout = .milliseconds(600)
            let start = ContinuousClock.now
            let runner = SSHRunner(target)
            let error = await executionError { try await runner.connect() }
            #expect(error?.code == .timedOut)
            #expect(
                error?.because.contains("the SSH handshake took longer than 0.6 seconds") == true)
            #expect(error?.next.contains("firewall") == true)
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    @Test func hashedKnownHostsAreRead() async throws {
        try await withSSHD(options { $0.hashesKnownHosts = true }) { sshd in
            try await SSHRunner(sshd.target).connect()
        }
    }

    @Test func ecdsaKeysOnBothSides() async throws {
        try await withSSHD(
            options {
                $0.hostKeyTypes = ["ecdsa"]
                $0.identityType = "ecdsa"
            }
        ) { sshd in
            try await SSHRunner(sshd.target).connect()
        }
    }

    @Test func theTypeThatIsKnownIsAskedFor() async throws {
        try await withSSHD { sshd in
            let lines = try await sshd.knownHostsLines().filter { $0.contains("ecdsa") }
            try await LocalRunner().upload(
                Array(lines.joined().utf8), to: sshd.knownHostsFile, mode: 0o600,
                timeout: .seconds(5))
            try await SSHRunner(sshd.target).connect()
        }
    }

    @Test func anRSAKeySaysWhatToDo() async throws {
        try await withSSHD(options { $0.identityType = "rsa" }) { sshd in
            let error = await executionError { try await SSHRunner(sshd.target).connect() }
            // libssh2 1.11 signs with SHA-2 and logs in.
            guard let error else { return }
            #expect(error.code == .keyTypeUnsupported)
            #expect(error.because.contains("SHA-1"))
            #expect(error.next.contains("ssh-keygen -t ed25519"))
        }
    }

    @Test func anRSAKeyLogsInWhereTheServerAllowsSHA1() async throws {
        try await withSSHD(
            options {
                $0.identityType = "rsa"
                $0.configuration = ["PubkeyAcceptedAlgorithms +ssh-rsa"]
            }
        ) { sshd in
            try await SSHRunner(sshd.target).connect()
        }
    }

    @Test func theAgentHoldsTheKey() async throws {
        try await withSSHD { sshd in
            let socket = "\(sshd.folder)/agent"
            let agent = Task {
                try await LocalRunner().run(
                    Command(["ssh-agent", "-D", "-a", socket], timeout: .seconds(60)))
            }
            defer { agent.cancel() }
            try await until("the agent listens") { access(socket, F_OK) == 0 }
            var target = sshd.target
            target.identityFile = nil
            target.agentSocket = socket
            let empty = await executionError { try await SSHRunner(target).connect() }
            #expect(empty?.because.contains("the agent holds no key") == true)
            let added = try await LocalRunner().run(
                Command(
                    ["ssh-add", "-q", sshd.identityFile], environment: ["SSH_AUTH_SOCK": socket],
                    timeout: .seconds(10)))
            #expect(added.isSuccess)
            let runner = SSHRunner(target)
            let result = try await runner.run(Command(["echo", "in"], timeout: .seconds(5)))
            #expect(result.output == "in\n")
            await runner.close()
        }
    }
}
