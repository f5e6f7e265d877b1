/// An account on a machine, and how to get there: what one SSH session is opened for.
public struct SSHTarget: Hashable, Sendable {
    /// Name or address (IPv4, IPv6 without brackets).
    public var host: String
    public var port: UInt16
    public var user: String
    /// Private key; nil asks the ssh-agent.
    public var identityFile: String?
    public var knownHostsFile: String
    /// From name resolution to a session that is logged in.
    public var connectTimeout: Duration
    /// Socket of the ssh-agent; nil takes `SSH_AUTH_SOCK`.
    public var agentSocket: String?

    public init(
        host: String, port: UInt16 = 22, user: String, identityFile: String? = nil,
        knownHostsFile: String, connectTimeout: Duration = .seconds(10),
        agentSocket: String? = nil
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.identityFile = identityFile
        self.knownHostsFile = knownHostsFile
        self.connectTimeout = connectTimeout
        self.agentSocket = agentSocket
    }

    /// `postgres@10.0.0.1:22`, for messages.
    public var place: String { "\(user)@\(endpoint)" }

    /// `10.0.0.1:22`, `[fe80::1]:22`.
    var endpoint: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
