import Execution
import Foundation
import Glibc
import Testing

@testable import ToolkitTesting

/// A Docker daemon of the tests' own on a "machine" of its own: a network namespace with a cable to
/// this one. It has one image and one network. Its containers, its volumes, its folder, its network and
/// itself are gone afterwards, also when this process is killed.
final class DockerEngine: Sendable {
    static let image = "toolkit-test:15"
    /// Of Docker's own, for containers whose ports are published.
    static let network = "toolkit-test"
    static let bin = "/usr/lib/postgresql/15/bin"
    private static let share = "/usr/share/postgresql/15"

    /// The engine of the suite that runs.
    @TaskLocal static var current: DockerEngine?

    let folder: String
    /// Of the machine, and of this one on their cable.
    let address: String
    let outside: String
    private let leash: Int32
    /// The machine's network ends with it.
    private let watchdog: ChildProcess
    private let local = LocalRunner()

    /// Why there can be none here; nil: there can.
    static let obstacle: String? = {
        if getuid() != 0 { return "a Docker daemon needs root" }
        for (program, package) in [
            ("/usr/sbin/dockerd", "docker.io"), ("\(bin)/postgres", "postgresql-15"),
            ("/usr/sbin/ip", "iproute2"),
        ] where access(program, X_OK) != 0 {
            return "\(package) is not installed"
        }
        return nil
    }()

    /// Ends the daemon's containers, then the daemon and whatever of it is left, then its folder.
    private static let ending = #"""
        trap '' HUP INT TERM
        cat >/dev/null
        export DOCKER_HOST="unix://$1/docker.sock"
        containers=$(timeout 10 docker ps --all --quiet 2>/dev/null)
        [ -z "$containers" ] || timeout 30 docker rm --force --volumes $containers >/dev/null 2>&1
        [ ! -e "$1/pid" ] || kill "$(cat "$1/pid")" 2>/dev/null
        left() { printf '%s/' "$1" | grep -l -s -F -f - /proc/[0-9]*/cmdline | cut -d/ -f3; }
        tries=0
        while [ -n "$(left "$1")" ] && [ "$((tries += 1))" -lt 100 ]; do sleep 0.1; done
        for pid in $(left "$1"); do kill -KILL "$pid" 2>/dev/null; done
        for mount in $(cut -d' ' -f2 /proc/mounts | grep -F -e "$1/" | sort -r); do umount -l "$mount"; done
        rm -rf "$1"
        """#

    private init() throws {
        var template = Array("/tmp/tkd-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(chmod(folder, 0o755) == 0)
        var ends: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, flags, 0, &ends) == 0)
        leash = ends[0]
        defer { close(ends[1]) }
        watchdog = try ChildProcess(
            ["unshare", "--net", "/bin/sh", "-c", Self.ending, "watchdog", folder], in: "/",
            output: "/dev/null", input: ends[1])
        // Four of the addresses that are kept for measurements, by a number that no other test has.
        let first = Int(watchdog.pid) % (1 << 15) * 4
        let network = "198.\(18 + first >> 16).\(first >> 8 & 255)"
        outside = "\(network).\(first & 255 + 1)"
        address = "\(network).\(first & 255 + 2)"
    }

    static func with(_ body: () async throws -> Void) async throws {
        let engine = try DockerEngine()
        do {
            try await engine.start()
            try await $current.withValue(engine, operation: body)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
    }

    private func stop() async {
        shutdown(leash, Int32(SHUT_RDWR))
        let watchdog = self.watchdog
        await Task.detached { _ = await watchdog.ended(before: .now + .seconds(60)) }.value
    }

    // MARK: - The daemon

    private func start() async throws {
        try await plugIn()
        try startDaemon()
        try await untilItAnswers()
        try await run(
            ["/bin/sh", "-c", #"sh "$1" "$2" "$3" | docker import - "$4""#, "sh"]
                + [Self.checkout + "/Tests/DockerTests/image.sh", Self.bin, Self.share, Self.image])
        try await docker("network", "create", Self.network)
        // A client finds the daemon by its home, as a user's does.
        try await run([
            "/bin/sh", "-c",
            #"HOME=$1 docker context create test --docker "host=unix://$1/docker.sock" &&"#
                + #" HOME=$1 docker context use test && chmod -R a+rX "$1/.docker""#,
            "sh", folder,
        ])
    }

    private var machine: String { "/proc/\(watchdog.pid)/ns/net" }

    private func plugIn() async throws {
        let files = FileManager.default
        let here = try files.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        try await until("the machine has a network of its own") {
            try files.destinationOfSymbolicLink(atPath: self.machine) != here
        }
        let script = """
            cable=tkd$1
            ip link add "$cable" type veth peer name eth0 netns "$1"
            ip address add "$2/30" dev "$cable"
            ip link set "$cable" up
            nsenter --net="$4" sh -euc 'ip link set lo up
                ip address add "$1/30" dev eth0
                ip link set eth0 up
                ip route add default via "$2"' sh "$3" "$2"
            """
        try await run(
            ["/bin/sh", "-euc", script, "sh", "\(watchdog.pid)", outside, address, machine])
    }

    /// As Debian's package starts it, but without the network that no container of ours is in.
    func startDaemon() throws {
        _ = try startBeside([
            "dockerd", "--data-root", "\(folder)/data", "--exec-root", "\(folder)/exec",
            "--host", "unix://\(folder)/docker.sock", "--pidfile", "\(folder)/pid",
            "--group", "postgres", "--bridge=none",
        ])
    }

    /// On the engine's machine. One whose arguments name the folder ends with it at the latest.
    func startBeside(_ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(
            ["nsenter", "--net=\(machine)", "--"] + arguments, in: "/", output: "\(folder)/log")
    }

    /// As an update of the package does it.
    func restartDaemon() async throws {
        let pid = try String(contentsOfFile: folder + "/pid", encoding: .utf8)
        kill(try #require(pid_t(pid.trimmingCharacters(in: .whitespacesAndNewlines))), SIGTERM)
        try await until("the daemon ends") { access("\(self.folder)/pid", F_OK) != 0 }
        try startDaemon()
        try await untilItAnswers()
    }

    private func untilItAnswers() async throws {
        try await until("the daemon answers") {
            try await self.docker("version", succeeds: false).isSuccess
        }
    }

    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    // MARK: - Its client

    @discardableResult
    func docker(_ arguments: String..., succeeds: Bool = true) async throws -> CommandResult {
        try await run(["docker"] + arguments, succeeds: succeeds)
    }

    @discardableResult
    func run(_ arguments: [String], succeeds: Bool = true) async throws -> CommandResult {
        let result = try await local.run(
            Command(
                arguments, environment: ["DOCKER_HOST": "unix://\(folder)/docker.sock"],
                timeout: .seconds(120)))
        if succeeds {
            let said = result.output + result.errorOutput
            guard result.isSuccess else { throw Failed("\(arguments): \(result.ending) \(said)") }
        }
        return result
    }
}

/// A suite whose tests share one engine.
struct EngineTrait: SuiteTrait, TestScoping {
    let isRecursive = false

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard DockerEngine.obstacle == nil else { return try await function() }
        try await DockerEngine.with { try await function() }
    }
}

extension Trait where Self == EngineTrait {
    static var engine: Self { EngineTrait() }
}
