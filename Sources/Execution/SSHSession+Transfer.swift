import CLibSSH2

extension SSHSession {
    /// Writes a file by SFTP, with exactly this mode, and has it on disk where the server can say
    /// so. The path must not be in use. Must run in a task that is never cancelled.
    func write(
        _ contents: [UInt8], to path: String, mode: UInt32, until deadline: ContinuousClock.Instant
    ) async throws(SessionFault) {
        nonisolated(unsafe) let sftp = try await openSFTP(until: deadline)
        let result: Result<Void, SessionFault>
        do throws(SessionFault) {
            try await fill(sftp, path, contents, mode, until: deadline)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        do throws(SessionFault) {
            _ = try await call("ending SFTP", until: .now + .seconds(3)) { _ in
                libssh2_sftp_shutdown(sftp)
            }
        } catch {
            breakOff(error.text)
        }
        try result.get()
    }

    /// Starting SFTP keeps its state in the session, as opening a channel does.
    private func openSFTP(
        until deadline: ContinuousClock.Instant
    ) async throws(SessionFault) -> OpaquePointer {
        guard await opening.enter(until: deadline) else {
            throw SessionFault(kind: .timedOut, text: "SFTP was not started in time")
        }
        let result: Result<OpaquePointer, SessionFault>
        do throws(SessionFault) {
            nonisolated(unsafe) let sftp = try await callForPointer(
                "the server starts no SFTP", until: deadline
            ) {
                libssh2_sftp_init($0)
            }
            result = .success(sftp)
        } catch {
            if error.kind == .timedOut { breakOff(error.text) }
            result = .failure(error)
        }
        await opening.leave()
        nonisolated(unsafe) let sftp = try result.get()
        return sftp
    }

    private func fill(
        _ sftp: OpaquePointer, _ path: String, _ contents: [UInt8], _ mode: UInt32,
        until deadline: ContinuousClock.Instant
    ) async throws(SessionFault) {
        nonisolated(unsafe) let sftp = sftp
        let flags = UInt(LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL)
        nonisolated(unsafe) let file: OpaquePointer
        do throws(SessionFault) {
            file = try await callForPointer("creating the file", until: deadline) { _ in
                libssh2_sftp_open_ex(
                    sftp, path, UInt32(path.utf8.count), flags, 0o600,
                    Int32(LIBSSH2_SFTP_OPENFILE))
            }
        } catch {
            guard error.kind == .refused else { throw error }
            throw sftpFault(sftp, "creating the file")
        }
        var sent = 0
        while sent < contents.count {
            let offset = sent
            let count = try await call("writing the file", until: deadline) { _ in
                contents.withUnsafeBytes { bytes in
                    libssh2_sftp_write(
                        file,
                        bytes.baseAddress?.advanced(by: offset)
                            .assumingMemoryBound(to: CChar.self), bytes.count - offset)
                }
            }
            guard count > 0 else { throw sftpFault(sftp, "writing the file") }
            sent += count
        }
        // The mode of an open goes through the umask of the other side.
        var attributes = LIBSSH2_SFTP_ATTRIBUTES()
        attributes.flags = UInt(LIBSSH2_SFTP_ATTR_PERMISSIONS)
        attributes.permissions = UInt(mode)
        let code = try await call("setting the mode", until: deadline) { _ in
            libssh2_sftp_fstat_ex(file, &attributes, 1)
        }
        guard code == 0 else { throw sftpFault(sftp, "setting the mode") }
        // A server without the extension says so; the rename is followed by a sync all the same.
        _ = try await call("syncing the file", until: deadline) { _ in
            libssh2_sftp_fsync(file)
        }
        let closing = try await call("closing the file", until: deadline) { _ in
            libssh2_sftp_close_handle(file)
        }
        guard closing == 0 else { throw sftpFault(sftp, "closing the file") }
    }

    private func sftpFault(_ sftp: OpaquePointer, _ what: String) -> SessionFault {
        let reason =
            switch Int(libssh2_sftp_last_error(sftp)) {
            case Int(LIBSSH2_FX_NO_SUCH_FILE): "its directory does not exist"
            case Int(LIBSSH2_FX_PERMISSION_DENIED): "permission denied"
            case Int(LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM): "no space is left"
            case Int(LIBSSH2_FX_QUOTA_EXCEEDED): "the quota is used up"
            case Int(LIBSSH2_FX_FAILURE): "the server reports a failure (is the disk full?)"
            default: lastError
            }
        return SessionFault(kind: .refused, text: "\(what): \(reason)")
    }
}
