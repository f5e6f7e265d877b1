import CLibSSH2

/// The server's key, as it showed it in the handshake.
struct HostKey: Sendable {
    var blob: [UInt8]

    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    var type: String {
        var bytes = SSHBytes(blob)
        return bytes.string().map { String(decoding: $0, as: UTF8.self) } ?? "unknown"
    }

    /// As OpenSSH prints it.
    var fingerprint: String {
        "SHA256:" + Base64.encode(SHA256.digest(blob), padded: false)
    }

    /// The word for `ssh-keyscan -t` and for the file name on the server.
    var family: String {
        if type.hasPrefix("ecdsa") { return "ecdsa" }
        return type == "ssh-rsa" ? "rsa" : "ed25519"
    }
}

/// The lines of a known_hosts file, asked through libssh2, which reads hashed names too.
struct KnownHosts: Sendable {
    enum Verdict { case known, unknown, changed, revoked }

    let lines: [String]

    init(_ text: String) {
        lines = text.split(whereSeparator: \.isNewline).map(String.init)
    }

    /// Algorithm, its family in libssh2, and the name under which the family is asked for.
    private static let types: [(name: String, family: Int32)] = [
        ("ssh-ed25519", Int32(7 << 18)), ("ecdsa-sha2-nistp256", Int32(4 << 18)),
        ("ecdsa-sha2-nistp384", Int32(5 << 18)), ("ecdsa-sha2-nistp521", Int32(6 << 18)),
        ("ssh-rsa", Int32(2 << 18)),
    ]

    /// The key types that the file holds for this host.
    func types(for target: SSHTarget, session: OpaquePointer) -> [String] {
        withEntries(session) { entries in
            Self.types.filter { type in
                let result = Self.look([0], type.family, target, entries)
                return result != LIBSSH2_KNOWNHOST_CHECK_NOTFOUND
            }.map(\.name)
        } ?? []
    }

    /// Preference of host key algorithms: those of the file first, or a host that shows another
    /// type of key than the known one would look like an unknown one. The others follow, so that
    /// the fingerprint can be shown.
    static func preference(_ known: [String]) -> String {
        var names = known + types.map(\.name).filter { !known.contains($0) }
        // libssh2 1.10 takes no RSA host key with a current signature.
        if libssh2_version(0x010B00) != nil, let index = names.firstIndex(of: "ssh-rsa") {
            names.insert(contentsOf: ["rsa-sha2-512", "rsa-sha2-256"], at: index)
        }
        return names.joined(separator: ",")
    }

    func verdict(_ key: HostKey, for target: SSHTarget, session: OpaquePointer) -> Verdict {
        let encoded = Base64.encode(key.blob, padded: true)
        let isRevoked = lines.contains { line in
            line.hasPrefix("@revoked") && line.contains(encoded)
        }
        if isRevoked { return .revoked }
        let family = Self.types.first { $0.name == key.type }?.family ?? Int32(15 << 18)
        let result = withEntries(session) { Self.look(key.blob, family, target, $0) }
        switch result {
        case LIBSSH2_KNOWNHOST_CHECK_MATCH: return .known
        case LIBSSH2_KNOWNHOST_CHECK_MISMATCH: return .changed
        default: return .unknown
        }
    }

    private static func look(
        _ key: [UInt8], _ family: Int32, _ target: SSHTarget, _ entries: OpaquePointer
    ) -> Int32 {
        key.withUnsafeBytes { bytes in
            libssh2_knownhost_checkp(
                entries, target.host, Int32(target.port),
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
                LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW | family, nil)
        }
    }

    private func withEntries<Value>(
        _ session: OpaquePointer, _ body: (OpaquePointer) -> Value
    ) -> Value? {
        guard let entries = libssh2_knownhost_init(session) else { return nil }
        defer { libssh2_knownhost_free(entries) }
        for line in lines where !line.hasPrefix("@") {
            // A line that libssh2 cannot read holds no key for anybody.
            libssh2_knownhost_readline(
                entries, line, line.utf8.count, Int32(LIBSSH2_KNOWNHOST_FILE_OPENSSH))
        }
        return body(entries)
    }
}
