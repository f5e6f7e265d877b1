import Foundation
import Glibc

/// The private folder of a cluster and its standbys, and the watchdog that ends every process in it
/// and removes it: when asked to, when the last server object is gone, and when this process dies.
final class ThrowawayPostgresRoot: Sendable {
    let path: String
    private let leash: Int32
    private let watchdog: ChildProcess

    /// Ends what has its working directory below `$1` or its namesake in memory, PostgreSQL's
    /// processes all do: asked first, for a postmaster that is killed leaves its shared memory. Then
    /// frees what those have left that a test had killed, then removes both. In memory a cluster's
    /// runtime_dir may lie, and the data of copies.
    private static let script = #"""
        trap '' HUP INT TERM
        cat >/dev/null
        memory="/dev/shm/${1##*/}"
        left() {
            find /proc/[0-9]* -maxdepth 1 -name cwd '(' -lname "$1*" -o -lname "$memory*" ')' \
                2>/dev/null | cut -d/ -f3
        }
        for pid in $(left "$1"); do kill -QUIT "$pid" 2>/dev/null; done
        tries=0
        while [ -n "$(left "$1")" ] && [ "$((tries += 1))" -lt 50 ]; do sleep 0.02; done
        while pids=$(left "$1") && [ -n "$pids" ]; do
            for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
            sleep 0.02
        done
        for file in "$1"/*/postmaster.pid "$1"/*/*/postmaster.pid "$memory"/*/postmaster.pid
        do
            [ -f "$file" ] || continue
            shared=$(sed -n '7s/^ *[0-9]* *//p' "$file")
            [ -z "$shared" ] || ipcrm -m "$shared" 2>/dev/null
        done
        rm -rf "$1" "$memory"
        """#

    init() throws {
        // On a disk, a flush waits for whatever else is being written to it, a minute after a build.
        let parent = Self.hasMemory(bytes: 8 << 30) ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/tk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ThrowawayPostgresError("cannot make a folder in \(parent)")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var ends: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, flags, 0, &ends) == 0 else {
            throw ThrowawayPostgresError("cannot make a pipe to the watchdog")
        }
        leash = ends[0]
        defer { Glibc.close(ends[1]) }
        watchdog = try ChildProcess(
            ["/bin/sh", "-c", ThrowawayPostgresRoot.script, "watchdog", path], in: "/",
            output: "/dev/null", input: ends[1])
        try ThrowawayPostgresRoot.giveToServerUser(path)
    }

    deinit {
        Glibc.close(leash)
    }

    /// ST_NOEXEC of sys/statvfs.h.
    private static let noExecution: UInt = 8

    /// Whether so much is free there, and programs may run from there.
    private static func hasMemory(bytes: UInt) -> Bool {
        var room = statvfs()
        return statvfs("/dev/shm", &room) == 0 && room.f_bavail * room.f_frsize > bytes
            && room.f_flag & noExecution == 0
    }

    /// The namesake in memory, where a data directory is copied in a tenth of the time; the folder
    /// itself where memory is scarce.
    func folderInMemory() throws -> String {
        let memory = "/dev/shm/\((path as NSString).lastPathComponent)"
        guard Self.hasMemory(bytes: 4 << 30), mkdir(memory, 0o700) == 0 || errno == EEXIST else {
            return path
        }
        try ThrowawayPostgresRoot.giveToServerUser(memory)
        return memory
    }

    /// Ends every process in the folder and removes it; returns when that is done.
    func remove() async {
        shutdown(leash, Int32(SHUT_RDWR))
        // Not the caller's task: a cancelled test waits for its servers to end, too.
        let watchdog = self.watchdog
        await Task.detached {
            _ = await watchdog.ended(before: .now + .seconds(30))
        }.value
    }

    /// PostgreSQL refuses to run as root: then it runs as the user postgres.
    static let serverUser: (uid: uid_t, gid: gid_t)? = {
        guard geteuid() == 0, let entry = getpwnam("postgres") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }()

    static func giveToServerUser(_ path: String) throws {
        guard let user = serverUser else { return }
        guard chown(path, user.uid, user.gid) == 0 else {
            throw ThrowawayPostgresError("cannot give \(path) to the user postgres")
        }
    }

    /// The command, as the user that may run PostgreSQL.
    static func asServerUser(_ arguments: [String]) -> [String] {
        guard let user = serverUser else { return arguments }
        return [
            "setpriv", "--reuid=\(user.uid)", "--regid=\(user.gid)", "--init-groups", "--",
        ] + arguments
    }

    /// Runs a command of PostgreSQL to its end; throws with its output when it fails.
    func run(_ arguments: [String]) async throws {
        let (status, text) = try await finish(arguments)
        guard status == 0 else {
            throw ThrowawayPostgresError(
                "\(arguments.first ?? "nothing") ended with \(status.map(String.init) ?? "a deadline"):"
                    + " \(text)")
        }
    }

    /// Runs a command of PostgreSQL to its end: its wait status, nil past the deadline, and what it
    /// said on both streams.
    func finish(_ arguments: [String]) async throws -> (status: Int32?, output: String) {
        let output = "\(path)/command-\(UInt32.random(in: 0...UInt32.max)).out"
        defer { unlink(output) }
        let process = try ChildProcess(
            ThrowawayPostgresRoot.asServerUser(arguments), in: path, output: output)
        let status = await process.ended(before: .now + .seconds(120))
        if status == nil { process.signal(SIGKILL) }
        return (status, (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }
}

/// Why a throw-away server could not do what a test asked.
public struct ThrowawayPostgresError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
