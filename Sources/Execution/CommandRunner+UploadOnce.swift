extension CommandRunner {
    /// Leaves the contents in `directory`, which is made when missing, under their SHA-256, and
    /// returns the path. A file that is there with the right bytes is not sent again.
    public func uploadOnce(
        _ contents: [UInt8], into directory: String, mode: UInt32 = 0o700, timeout: Duration
    ) async throws(ExecutionError) -> String {
        let deadline = ContinuousClock.now + timeout
        let digest = SHA256.hex(contents)
        let path = directory.hasSuffix("/") ? directory + digest : "\(directory)/\(digest)"
        let bits = "0" + String(mode, radix: 8)
        let look = try await run(
            Command(
                ["sh", "-c", Self.lookForFile, "sh", directory, path, digest, bits],
                timeout: timeout))
        switch look.ending {
        case .exited(0): return path
        case .exited(3): break
        case .timedOut:
            throw ExecutionError(
                .timedOut, "cannot upload into \(directory) on \(place)",
                because: "looking for the file took longer than \(timeout)",
                next: "look at the load and the disks there")
        default:
            throw ExecutionError(
                .transfer, "cannot upload into \(directory) on \(place)",
                because: look.errorOutput.trimmedLine,
                next: "make the directory writable for the user that logs in")
        }
        try await upload(contents, to: path, mode: mode, timeout: deadline - .now)
        return path
    }

    /// Exit 3: not there, or not with these bytes.
    private static var lookForFile: String {
        """
        mkdir -p -- "$1" || exit 1
        [ -f "$2" ] || exit 3
        [ "$(sha256sum <"$2")" = "$3  -" ] || exit 3
        chmod -- "$4" "$2" || exit 3
        """
    }
}

extension String {
    /// On one line, for the `because` of an error.
    var trimmedLine: String {
        split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}
