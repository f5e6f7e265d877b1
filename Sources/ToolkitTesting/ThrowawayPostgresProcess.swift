import CLinux
import Glibc
import Reactor
import Synchronization

/// A process that this one started and reaps; a thread of its own waits for its end.
final class ChildProcess: Sendable {
    let pid: pid_t
    private let state = Mutex<(status: Int32?, waiting: [UInt64])>((nil, []))

    /// Runs `arguments` in `folder` with a bare environment; both streams go to the end of the file
    /// `output`. `input` becomes its standard input.
    init(_ arguments: [String], in folder: String, output: String, input: Int32? = nil) throws {
        let command =
            ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, folder] + arguments
        let argv = command.map { strdup($0) } + [nil]
        let variables = [
            "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/nonexistent", "LC_ALL=C",
        ]
        let environment = variables.map { strdup($0) } + [nil]
        defer { for copy in argv + environment { free(copy) } }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        // Foundation sees the end of a child by a descriptor that only that child may hold.
        cl_spawn_close_from(&actions, STDERR_FILENO + 1)

        // A group of its own: Ctrl-C at the terminal is the test's, not the server's.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environment)
        guard status == 0 else {
            throw ThrowawayPostgresError(
                "cannot start \(arguments.first ?? "nothing"): \(String(cString: strerror(status)))"
            )
        }
        self.pid = pid
        reapOnThread()
    }

    var isRunning: Bool { state.withLock { $0.status == nil } }

    /// Nothing happens when the process has ended, so that no other one is hit.
    func signal(_ number: Int32) {
        state.withLock { if $0.status == nil { _ = kill(pid, number) } }
    }

    /// Its wait status, or nil when it still runs at the deadline or the task is cancelled.
    func ended(before deadline: ContinuousClock.Instant) async -> Int32? {
        let token = Poller.shared.makeToken()
        let status = state.withLock { state -> Int32? in
            if state.status == nil { state.waiting.append(token) }
            return state.status
        }
        if let status { return status }
        _ = try? await Poller.shared.wait(fd: -1, for: [], until: deadline, token: token)
        return state.withLock { state in
            state.waiting.removeAll { $0 == token }
            Poller.shared.retire(token)
            return state.status
        }
    }

    private func reapOnThread() {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ChildProcess>.fromOpaque(argument).takeRetainedValue().reap()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    private func reap() {
        // Looks first and takes the status under the lock: until then the pid is no one else's.
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        let waiting = state.withLock { state in
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            state.status = status
            defer { state.waiting = [] }
            return state.waiting
        }
        for token in waiting { Poller.shared.wake(token) }
    }
}
