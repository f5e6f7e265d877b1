import Glibc

/// The right to decide for a cluster, held while this object lives. The kernel gives it back when
/// the process ends, however it ends, so that no stale lock is ever left.
public final class SchedulerLock: Sendable {
    public let path: String
    private let descriptor: Int32

    /// Takes the lock of the store at `storePath`, or throws `.locked` at once when another process
    /// holds it.
    public convenience init(storePath: String) throws(StoreError) {
        try self.init(
            path: storePath + ".lock", "the scheduler's lock", heldBy: "another scheduler",
            next: "let that one decide, or stop it first and try again")
    }

    /// The lock of those who put files on the nodes, `deploy` and `render --apply`: beside a scheduler,
    /// but one at a time.
    public static func ofChanges(storePath: String) throws(StoreError) -> SchedulerLock {
        try SchedulerLock(
            path: storePath + ".changes.lock", "the lock of changes",
            heldBy: "another `deploy` or `render --apply`", next: "let that one end, and try again")
    }

    private init(
        path: String, _ name: String, heldBy others: String, next: String
    ) throws(StoreError) {
        self.path = path
        let subject = "cannot take \(name) \(path)"
        try makeDirectory(of: path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .file(subject, path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let holder = Self.pid(in: descriptor)
            close(descriptor)
            guard reason == EWOULDBLOCK else { throw .file(subject, path, errno: reason) }
            throw StoreError(
                .locked, subject,
                because: "\(others) (pid \(holder ?? "unknown")) holds it", next: next)
        }
        self.descriptor = descriptor
        writePID()
    }

    /// Whether its file is still the one that others find: where it was removed or replaced, another
    /// scheduler may hold the lock of the new one.
    public var isHeld: Bool {
        var (mine, found) = (stat(), stat())
        guard fstat(descriptor, &mine) == 0, stat(path, &found) == 0 else { return false }
        return mine.st_dev == found.st_dev && mine.st_ino == found.st_ino
    }

    deinit {
        // Emptied first: a pid that is read here is the holder's.
        _ = ftruncate(descriptor, 0)
        // Given back by name: a program that is being started holds a copy of the descriptor
        // between its fork and its exec, and with it a lock that only `close` lets go.
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private func writePID() {
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    private static func pid(in descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let digits = bytes.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 }
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }
}
