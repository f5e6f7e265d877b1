import Glibc

/// Files on this machine. Every call blocks: run them on `Blocking`.
enum LocalFile {
    struct Failure: Error {
        var call: String
        var number: Int32
    }

    static func reason(_ number: Int32) -> String {
        String(cString: strerror(number))
    }

    static func read(_ path: String, limit: Int) -> Result<[UInt8], Failure> {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(Failure(call: "open", number: errno)) }
        defer { _ = Glibc.close(fd) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count <= limit {
            let count = Glibc.read(fd, &buffer, buffer.count)
            if count == 0 { return .success(bytes) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(Failure(call: "read", number: errno))
            }
            bytes += buffer[..<count]
        }
        return .failure(Failure(call: "read", number: EFBIG))
    }

    /// Writes beside the path, with exactly this mode, and renames over it once all is on disk.
    static func replace(
        _ path: String, with contents: [UInt8], mode: UInt32
    ) -> Result<Void, Failure> {
        let temporary = temporaryName(beside: path)
        let fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard fd >= 0 else { return .failure(Failure(call: "create", number: errno)) }
        var failure = fill(fd, with: contents, mode: mode)
        if Glibc.close(fd) != 0, failure == nil {
            failure = Failure(call: "close", number: errno)
        }
        if failure == nil, rename(temporary, path) != 0 {
            failure = Failure(call: "rename", number: errno)
        }
        if let failure {
            unlink(temporary)
            return .failure(failure)
        }
        return syncDirectory(of: path)
    }

    static func temporaryName(beside path: String) -> String {
        "\(path).\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func fill(_ fd: Int32, with contents: [UInt8], mode: UInt32) -> Failure? {
        var offset = 0
        while offset < contents.count {
            let count = contents.withUnsafeBytes {
                write(fd, $0.baseAddress?.advanced(by: offset), contents.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return Failure(call: "write", number: errno)
            }
            offset += count
        }
        guard fchmod(fd, mode_t(mode)) == 0 else { return Failure(call: "chmod", number: errno) }
        return fsync(fd) == 0 ? nil : Failure(call: "fsync", number: errno)
    }

    private static func syncDirectory(of path: String) -> Result<Void, Failure> {
        let fd = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(Failure(call: "open", number: errno)) }
        defer { _ = Glibc.close(fd) }
        guard fsync(fd) == 0 else { return .failure(Failure(call: "fsync", number: errno)) }
        return .success(())
    }
}
