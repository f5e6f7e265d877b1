import Glibc

/// A private key file, looked at before anything is connected.
struct IdentityKey: Sendable {
    var path: String
    var text: [UInt8]
    /// `ssh-ed25519`, `ssh-rsa`, …; nil when the format does not say.
    var type: String?

    /// libssh2 before 1.11 signs with SHA-1 alone, which OpenSSH refuses since 8.8.
    var isRSA: Bool { type == "ssh-rsa" }

    static func read(_ path: String, for target: SSHTarget) -> Result<IdentityKey, ExecutionError> {
        func failure(_ because: String, next: String) -> Result<IdentityKey, ExecutionError> {
            .failure(
                ExecutionError(
                    .identityUnreadable, "cannot log in to \(target.place) with the key \(path)",
                    because: because, next: next))
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            return failure(
                LocalFile.reason(errno),
                next: "create it (`ssh-keygen -t ed25519 -f \(ShellWord.quote(path))`) and append "
                    + "\(path).pub to ~\(target.user)/.ssh/authorized_keys on \(target.host), "
                    + "or correct ssh.identity_file")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return failure(
                "it is not a regular file", next: "name a private key in ssh.identity_file")
        }
        guard status.st_mode & 0o077 == 0 else {
            return failure(
                "others may read it (mode 0\(String(status.st_mode & 0o777, radix: 8)))",
                next: "run `chmod 600 \(ShellWord.quote(path))`")
        }
        let text: [UInt8]
        switch LocalFile.read(path, limit: 1 << 20) {
        case .success(let bytes): text = bytes
        case .failure(let error):
            return failure(
                LocalFile.reason(error.number),
                next: "make it readable for the user that runs toolkit, or correct "
                    + "ssh.identity_file")
        }
        let content = Content(String(decoding: text, as: UTF8.self))
        guard content.isPrivateKey else {
            return failure(
                "it holds no private key",
                next: "name the private key, not the .pub file, in ssh.identity_file")
        }
        guard !content.isEncrypted else {
            return failure(
                "it is protected by a passphrase",
                next: "add it to ssh-agent (`ssh-add \(ShellWord.quote(path))`) and leave "
                    + "ssh.identity_file out, or use a key without a passphrase")
        }
        return .success(IdentityKey(path: path, text: text, type: content.type))
    }

    private struct Content {
        var isPrivateKey: Bool
        var isEncrypted = false
        var type: String?

        init(_ text: String) {
            isPrivateKey = text.contains("PRIVATE KEY-----")
            let lines = text.split(whereSeparator: \.isNewline)
            guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN") }) else {
                return
            }
            if text.contains("BEGIN RSA PRIVATE KEY") { type = "ssh-rsa" }
            if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("4,ENCRYPTED") {
                isEncrypted = true
            }
            guard lines[start].contains("OPENSSH PRIVATE KEY") else { return }
            let body = lines[(start + 1)...].prefix { !$0.hasPrefix("-----") }.joined()
            // openssh-key-v1: magic, cipher, kdf, kdf options, key count, public key.
            var reader = SSHBytes(Base64.decode(body), at: "openssh-key-v1\0".utf8.count)
            let cipher = reader.string()
            _ = reader.string()
            _ = reader.string()
            reader.skip(4)
            isEncrypted = cipher.map { $0 != Array("none".utf8) } ?? false
            var key = SSHBytes(reader.string() ?? [])
            type = key.string().map { String(decoding: $0, as: UTF8.self) }
        }
    }
}

/// Reads the length-prefixed strings of the SSH wire format.
struct SSHBytes {
    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    mutating func skip(_ count: Int) { offset += count }

    mutating func string() -> [UInt8]? {
        guard offset >= 0, offset + 4 <= bytes.count else { return nil }
        let count = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
        guard count <= bytes.count - offset - 4 else { return nil }
        defer { offset += 4 + count }
        return Array(bytes[offset + 4..<offset + 4 + count])
    }
}
