public import Execution
import Glibc
import Synchronization

/// A private sshd on loopback with its own keys, as the user that runs the tests.
///
///     let sshd = try await ThrowawaySSHD.start()
///     let runner = SSHRunner(sshd.target)
///     …
///     await sshd.stop()
///
/// As root it is a root's sshd, which logs in any user with the client's key; as another user it
/// logs in that user alone. `stop()` ends it with all its sessions and removes its folder.
public final class ThrowawaySSHD: Sendable {
    public struct Options: Sendable {
        /// Host keys to offer: `ed25519`, `ecdsa`, `rsa`.
        public var hostKeyTypes = ["ed25519", "ecdsa"]
        /// The client's key: `ed25519`, `ecdsa`, `rsa`.
        public var identityType = "ed25519"
        /// Protects the client's key; `agent()` can then hold it.
        public var passphrase = ""
        public var hashesKnownHosts = false
        /// Further lines of sshd_config, ahead of the others: the first mention of a word wins.
        public var configuration: [String] = []
        public var connectTimeout = Duration.seconds(10)

        public init() {}
    }

    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    public let port: UInt16
    /// Short, below /tmp, only for its owner.
    public let folder: String
    public let user: String
    public let options: Options
    private let daemon = Mutex<pid_t?>(nil)

    public var host: String { "127.0.0.1" }
    public var identityFile: String { "\(folder)/id" }
    public var knownHostsFile: String { "\(folder)/known_hosts" }
    public var logFile: String { "\(folder)/log" }

    /// Ready for `SSHRunner`.
    public var target: SSHTarget {
        SSHTarget(
            host: host, port: port, user: user, identityFile: identityFile,
            knownHostsFile: knownHostsFile, connectTimeout: options.connectTimeout)
    }

    private init(port: UInt16, folder: String, user: String, options: Options) {
        self.port = port
        self.folder = folder
        self.user = user
        self.options = options
    }

    deinit { killNow(removing: true) }

    /// Makes the keys and starts the daemon.
    public static func start(_ options: Options = Options()) async throws -> ThrowawaySSHD {
        var template = Array("/tmp/sshd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no folder in /tmp") }
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "root"
        let sshd = ThrowawaySSHD(
            port: try freePort(), folder: folder, user: user, options: options)
        do {
            try await sshd.prepare()
            try await sshd.start()
        } catch {
            await sshd.stop()
            throw error
        }
        return sshd
    }

    /// Starts the daemon again after `kill()`, with the same keys and port.
    public func start() async throws {
        let log = "exec /usr/sbin/sshd -D -e -f \"$1\" 2>>\"$2\" >/dev/null </dev/null"
        let child = try Self.spawn(["/bin/sh", "-c", log, "sh", "\(folder)/config", logFile])
        daemon.withLock { $0 = child }
        let deadline = ContinuousClock.now + .seconds(20)
        while !answers() {
            guard ContinuousClock.now < deadline else {
                let log = try? await run(["cat", logFile])
                throw Failure(description: "sshd does not start: \(log ?? "")")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Ends the daemon and its sessions at once, as a crash of the machine's sshd would; the folder
    /// stays.
    public func kill() { killNow(removing: false) }

    /// Ends everything and removes the folder.
    public func stop() async { killNow(removing: true) }

    /// New host keys, as after a machine was rebuilt; known_hosts stays as it was.
    public func replaceHostKeys() async throws {
        for type in options.hostKeyTypes {
            unlink("\(folder)/host_\(type)")
            try await generateKey("\(folder)/host_\(type)", type)
        }
        kill()
        try await start()
    }

    /// One line of known_hosts for each host key, with plain names.
    public func knownHostsLines() async throws -> [String] {
        var lines: [String] = []
        for type in options.hostKeyTypes {
            let key = try await run(["cat", "\(folder)/host_\(type).pub"])
            lines.append(
                "[\(host)]:\(port) " + key.split(separator: " ").prefix(2).joined(separator: " "))
        }
        return lines
    }

    /// Makes another key pair, which nobody accepts, and returns its path.
    public func generateKey(named name: String, type: String = "ed25519") async throws -> String {
        try await generateKey("\(folder)/\(name)", type)
        return "\(folder)/\(name)"
    }

    /// The log of the daemon so far.
    public func log() async throws -> String { try await run(["cat", logFile]) }

    // MARK: Making it

    private func prepare() async throws {
        for type in options.hostKeyTypes { try await generateKey("\(folder)/host_\(type)", type) }
        try await generateKey(identityFile, options.identityType, passphrase: options.passphrase)
        _ = try await run(["cp", "\(identityFile).pub", "\(folder)/authorized_keys"])
        var lines = options.configuration
        lines += ["ListenAddress \(host):\(port)", "PidFile none", "UsePAM no", "StrictModes no"]
        lines += ["AuthorizedKeysFile \(folder)/authorized_keys", "PasswordAuthentication no"]
        lines += ["KbdInteractiveAuthentication no", "PrintMotd no", "UseDNS no"]
        lines += ["Subsystem sftp internal-sftp", "PermitRootLogin prohibit-password"]
        lines += ["MaxStartups 100", "LogLevel VERBOSE"]
        // What the shell files of the tests' user do, and how long that takes, stays out.
        lines += ["SetEnv HOME=\(folder)"]
        lines += options.hostKeyTypes.map { "HostKey \(folder)/host_\($0)" }
        try await write(lines, to: "config")
        try await write(try await knownHostsLines(), to: "known_hosts")
        if options.hashesKnownHosts {
            _ = try await run(["ssh-keygen", "-q", "-H", "-f", knownHostsFile])
        }
        // The privilege separation folder of a root's sshd; packages make it at boot.
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }
    }

    private func generateKey(
        _ path: String, _ type: String, passphrase: String = ""
    ) async throws {
        var words = ["ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", path]
        if type == "rsa" { words += ["-b", "2048"] }
        _ = try await run(words)
    }

    private func write(_ lines: [String], to name: String) async throws {
        try await LocalRunner().upload(
            Array((lines.joined(separator: "\n") + "\n").utf8), to: "\(folder)/\(name)",
            mode: 0o600, timeout: .seconds(10))
    }

    private func run(_ words: [String]) async throws -> String {
        let result = try await LocalRunner().run(Command(words, timeout: .seconds(60)))
        guard result.isSuccess else {
            throw Failure(description: "\(words[0]) failed: \(result.errorOutput)")
        }
        return result.output
    }

    // MARK: The process

    /// In a session of its own, so that its end is ours to decide.
    private static func spawn(_ words: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var arguments = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        arguments.append(nil)
        var child: pid_t = 0
        let status = posix_spawn(&child, words[0], nil, &attributes, arguments, environ)
        guard status == 0 else { throw Failure(description: "cannot start \(words[0])") }
        return child
    }

    private func killNow(removing: Bool) {
        let child = daemon.withLock { child in
            defer { child = nil }
            return child
        }
        if let child {
            // The daemons of the sessions leave the group: they are found as descendants.
            let family = Self.descendants(of: child)
            for process in [child] + family { Glibc.kill(process, SIGKILL) }
            var status: Int32 = 0
            waitpid(child, &status, 0)
        }
        if removing { Self.remove(folder) }
    }

    private static func descendants(of root: pid_t) -> [pid_t] {
        var children: [pid_t: [pid_t]] = [:]
        for name in entries(of: "/proc") {
            guard let process = pid_t(name), let parent = parent(of: process) else { continue }
            children[parent, default: []].append(process)
        }
        var found: [pid_t] = []
        var queue = [root]
        while let process = queue.popLast() {
            for child in children[process] ?? [] {
                found.append(child)
                queue.append(child)
            }
        }
        return found
    }

    private static func parent(of process: pid_t) -> pid_t? {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = fread(&buffer, 1, buffer.count, file)
        // The name in brackets may hold anything: the fields are counted behind the last one.
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        guard let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    private static func entries(of directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func remove(_ folder: String) {
        for name in entries(of: folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    // MARK: Ports

    static func freePort() throws -> UInt16 {
        guard let port = LoopbackPort.unused() else { throw Failure(description: "no free port") }
        return port
    }

    private func answers() -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = close(fd) }
        var address = Self.loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
