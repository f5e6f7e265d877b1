import Foundation
import Glibc
import Rendering

/// Files on this machine, each whole or as it was: written beside and renamed over.
enum OutputFolder {
    /// With all folders above it.
    static func make(_ path: String) throws(Failure) {
        var made = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            made += name
            guard mkdir(made, 0o777) == 0 || (errno == EEXIST && isFolder(made)) else {
                let because =
                    errno == EEXIST || errno == ENOTDIR
                    ? "\(made) exists and is no folder"
                    : "\(made): \(String(cString: strerror(errno)))"
                throw Failure(
                    ExitStatus.failed, "cannot make the folder \(path)", because: because,
                    next: "name a writable folder with --output")
            }
            made += "/"
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        let reason = errno
        defer { errno = reason }
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// What shipped templates say of their files, near the top.
    private static let mark = "Rendered by `toolkit render`"

    /// Removes a file of an earlier rendering that is rendered no more; one that does not say whose it
    /// is stays. What became of it, in words; nil: there is none.
    static func removeStale(_ path: String) -> String? {
        var found = stat()
        guard lstat(path, &found) == 0 else { return nil }
        let isPlain = found.st_mode & S_IFMT == S_IFREG
        let head = isPlain ? FileHandle(forReadingAtPath: path)?.readData(ofLength: 2_048) : nil
        guard let head, String(decoding: head, as: UTF8.self).contains(mark) else {
            return "\(path) is rendered no more, and stays: it does not say that it was rendered"
        }
        guard unlink(path) == 0 else {
            return "\(path) is rendered no more, and can't be removed: "
                + String(cString: strerror(errno))
        }
        return "removed \(path): it is rendered no more"
    }

    /// The mode is there from the first byte on: the file may hold secrets.
    static func write(_ file: RenderedFile, to path: String) throws(Failure) {
        let beside = path + ".new"
        var descriptor = create(beside)
        if descriptor < 0, errno == EEXIST {
            // What an interrupted run has left.
            unlink(beside)
            descriptor = create(beside)
        }
        guard descriptor >= 0 else { throw failure(path) }
        let isWritten =
            writeAll(Array(file.contents.utf8), descriptor)
            && (file.mode == 0o600 || fchmod(descriptor, mode_t(file.mode)) == 0)
        let reason = errno
        close(descriptor)
        guard isWritten, rename(beside, path) == 0 else {
            let because = isWritten ? errno : reason
            unlink(beside)
            throw failure(path, because)
        }
    }

    private static func create(_ path: String) -> Int32 {
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }

    private static func failure(_ path: String, _ reason: Int32 = errno) -> Failure {
        Failure(
            ExitStatus.failed, "cannot write \(path)", because: String(cString: strerror(reason)),
            next: "name a writable folder with --output")
    }
}
