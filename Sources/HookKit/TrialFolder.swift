import Execution
import Foundation
import Glibc

/// The folder that hooks are tried in. A watchdog ends every process that works in it and removes
/// it: when asked to, and when this program dies.
final class TrialFolder: Sendable {
    let path: String
    let runner: OwnerRunner
    private let leash: Int32

    private static let watchdog = #"""
        trap '' HUP INT TERM
        cat >/dev/null
        while
            left=$(find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$1*" 2>/dev/null | cut -d/ -f3)
            [ -n "$left" ]
        do
            for pid in $left; do kill -KILL "$pid" 2>/dev/null; done
            sleep 0.02
        done
        rm -rf "$1"
        """#

    init() throws(TrialError) {
        // Short: the path of a socket has at most 107 bytes.
        var template = Array("/tmp/toolkit-hook-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TrialError("no folder can be made in /tmp", next: "make room in /tmp")
        }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.path = path
        runner = try OwnerRunner()
        if let owner = runner.owner, chown(path, owner.uid, owner.gid) != 0 {
            throw TrialError("\(path) can't be given to postgres", next: "run it as postgres")
        }
        leash = try Self.watch(path)
    }

    /// Starts the watchdog; the descriptor that it lets go at is held by this program alone.
    private static func watch(_ path: String) throws(TrialError) -> Int32 {
        let leash = Pipe()
        let writing = dup(leash.fileHandleForWriting.fileDescriptor)
        _ = fcntl(writing, F_SETFD, FD_CLOEXEC)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", watchdog, "watchdog", path]
        process.standardInput = leash.fileHandleForReading
        do {
            try process.run()
        } catch {
            throw TrialError("no shell can be started: \(error.localizedDescription)", next: "look")
        }
        return writing
    }

    /// Ends every process in it; returns when it is gone.
    func remove() async {
        close(leash)
        let deadline = ContinuousClock.now + .seconds(30)
        while FileManager.default.fileExists(atPath: path), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Runs commands on this machine, as the user that may run PostgreSQL: root may not.
struct OwnerRunner: CommandRunner {
    private let local = LocalRunner()
    let owner: (uid: uid_t, gid: gid_t)?

    init() throws(TrialError) {
        guard geteuid() == 0 else {
            owner = nil
            return
        }
        guard let user = getpwnam("postgres") else {
            throw TrialError(
                "there is no user postgres to run PostgreSQL as",
                next: "run it as an ordinary user, or install the package postgresql")
        }
        owner = (user.pointee.pw_uid, user.pointee.pw_gid)
    }

    var place: String { local.place }

    func run(_ command: Command) async throws(ExecutionError) -> CommandResult {
        var command = command
        if let owner {
            command.arguments =
                [
                    "setpriv", "--reuid=\(owner.uid)", "--regid=\(owner.gid)", "--init-groups",
                    "--",
                ] + command.arguments
        }
        return try await local.run(command)
    }

    func upload(
        _ contents: [UInt8], to path: String, mode: UInt32, timeout: Duration
    ) async throws(ExecutionError) {
        let script = #"cat >"$1.new" && chmod "$2" -- "$1.new" && mv -f -- "$1.new" "$1""#
        let result = try await run(
            Command(
                ["/bin/sh", "-c", script, "sh", path, String(mode, radix: 8)],
                standardInput: contents, timeout: timeout))
        guard result.isSuccess else {
            throw ExecutionError(
                .transfer, "cannot write \(path)", because: result.errorOutput,
                next: "look at the space below /tmp")
        }
    }

    func close() async {}
}
