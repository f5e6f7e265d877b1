import Foundation
import Glibc
import Rendering

/// Files on this machine, each whole or as it was: written beside and renamed over.
enum OutputFolder {
    static func make(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                ExitStatus.failed, "cannot make the folder \(path)",
                because: error.localizedDescription, next: "name a writable folder with --output")
        }
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
