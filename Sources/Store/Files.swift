import Glibc

extension StoreError {
    /// What the operating system said about a file.
    static func file(_ subject: String, _ path: String, errno code: Int32 = errno) -> StoreError {
        let reason = String(cString: strerror(code))
        return switch code {
        case ENOENT:
            StoreError(
                .missing, subject, because: "there is no such file or directory",
                next: "check the path \(path)")
        case ENOSPC, EDQUOT:
            StoreError(
                .full, subject, because: "the disk is full (\(reason))",
                next: "free some space below \(directory(of: path))")
        default:
            StoreError(
                .unreachable, subject, because: "the system says: \(reason)",
                next: "make \(path) readable and writable for the scheduler's user")
        }
    }
}

func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Makes the missing directories on the way to `path`, for their owner alone.
func makeDirectory(of path: String) throws(StoreError) {
    let directory = directory(of: path)
    var status = stat()
    if stat(directory, &status) == 0 { return }
    guard errno == ENOENT else { throw .file("cannot look at \(directory)", directory) }
    try makeDirectory(of: directory)
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
        throw .file("cannot make the directory \(directory)", directory)
    }
    synchronize(directory: Store.directory(of: directory))
}

/// Makes `path` if it is missing, and readable for its owner alone, before anything is in it.
func makePrivateFile(_ path: String) throws(StoreError) {
    let subject = "cannot open the store \(path)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .file(subject, path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(subject, path) }
    if status.st_mode & 0o077 != 0, fchmod(descriptor, 0o600) != 0 {
        throw .file("cannot make the store \(path) private", path)
    }
    if status.st_size == 0 { synchronize(directory: directory(of: path)) }
}

/// Makes names in a directory outlive a crash of the machine. Some file systems refuse it: then
/// they do it by themselves, or never.
private func synchronize(directory: String) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
}
