import Glibc

/// What a connection needs to know before the first packet. Every part of it may block.
struct SSHPreflight: Sendable {
    /// Addresses of the host, in the order of the resolver.
    var addresses: [SocketAddress]
    var knownHosts: KnownHosts
    /// nil: the ssh-agent holds the key.
    var identity: IdentityKey?
    var agentSocket: String?

    static func make(_ target: SSHTarget) -> Result<SSHPreflight, ExecutionError> {
        var identity: IdentityKey?
        var agentSocket: String?
        if let path = target.identityFile {
            switch IdentityKey.read(path, for: target) {
            case .success(let key): identity = key
            case .failure(let error): return .failure(error)
            }
        } else {
            agentSocket = target.agentSocket ?? getenv("SSH_AUTH_SOCK").map { String(cString: $0) }
            guard let agentSocket, !agentSocket.isEmpty else {
                return .failure(
                    ExecutionError(
                        .authentication, "cannot log in to \(target.place)",
                        because: "no identity_file is set and no ssh-agent runs "
                            + "(SSH_AUTH_SOCK is not set)",
                        next: "set ssh.identity_file in cluster.yaml, or start an ssh-agent and "
                            + "add the key to it (`ssh-add`)"))
            }
        }
        let lines: String
        switch LocalFile.read(target.knownHostsFile, limit: 64 << 20) {
        case .success(let bytes): lines = String(decoding: bytes, as: UTF8.self)
        // No file is a file without entries: every host is unknown.
        case .failure(let failure) where failure.number == ENOENT: lines = ""
        case .failure(let failure):
            return .failure(
                ExecutionError(
                    .hostKeyUnknown, "cannot check the host key of \(target.endpoint)",
                    because: "\(target.knownHostsFile) cannot be read: "
                        + LocalFile.reason(failure.number),
                    next: "make it readable for the user that runs toolkit, or correct "
                        + "ssh.known_hosts"))
        }
        return SocketAddress.resolve(target).map { addresses in
            SSHPreflight(
                addresses: addresses, knownHosts: KnownHosts(lines), identity: identity,
                agentSocket: agentSocket)
        }
    }
}

/// One address as the kernel takes it.
struct SocketAddress: Sendable {
    var family: Int32
    var bytes: [UInt8]

    static func resolve(_ target: SSHTarget) -> Result<[SocketAddress], ExecutionError> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(target.host, "\(target.port)", &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard status == 0 else {
            return .failure(
                ExecutionError(
                    .unreachable, "cannot connect to \(target.place)",
                    because: "the name \(target.host) has no address: "
                        + String(cString: gai_strerror(status)),
                    next: "correct the host in cluster.yaml, or its entry in DNS or /etc/hosts"))
        }
        var addresses: [SocketAddress] = []
        var entry = list
        while let info = entry?.pointee {
            if let address = info.ai_addr {
                addresses.append(
                    SocketAddress(
                        family: info.ai_family,
                        bytes: Array(
                            UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))))
            }
            entry = info.ai_next
        }
        return .success(addresses)
    }
}
