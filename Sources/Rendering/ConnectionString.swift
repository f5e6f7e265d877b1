public import Quotation

/// How applications reach a cluster: all nodes, and which of them to take.
public struct ConnectionString: Sendable {
    public var hosts: [(host: String, port: Int)]
    public var database: String?
    public var user: String?
    public var isReadOnly: Bool

    public init(
        hosts: [(host: String, port: Int)], database: String? = nil, user: String? = nil,
        isReadOnly: Bool
    ) {
        self.hosts = hosts
        self.database = database
        self.user = user
        self.isReadOnly = isReadOnly
    }

    /// Dead hosts are given up after seconds, and so are connections to a host that vanishes.
    private var parameters: [(String, String)] {
        [
            ("target_session_attrs", isReadOnly ? "prefer-standby" : "read-write"),
            ("connect_timeout", "2"), ("keepalives", "1"), ("keepalives_idle", "5"),
            ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
        ]
    }

    public var libpq: String {
        get throws(QuotingError) {
            var pairs = [
                ("host", hosts.map(\.host).joined(separator: ",")),
                ("port", hosts.map { String($0.port) }.joined(separator: ",")),
            ]
            if let database { pairs.append(("dbname", database)) }
            if let user { pairs.append(("user", user)) }
            return try (pairs + parameters).map { key, value throws(QuotingError) in
                let isPlain =
                    !value.isEmpty
                    && value.utf8.allSatisfy {
                        Self.isUnreserved($0) || ",:/".utf8.contains($0)
                    }
                return "\(key)=\(isPlain ? value : try Quoting.conninfoValue(value))"
            }.joined(separator: " ")
        }
    }

    public var uri: String {
        let login = user.map { Self.encoded($0) + "@" } ?? ""
        let query = parameters.map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&")
        return "postgresql://\(login)\(authority)/\(database.map(Self.encoded) ?? "")?\(query)"
    }

    public var jdbc: String {
        var pairs = [
            ("targetServerType", isReadOnly ? "preferSecondary" : "primary"),
            ("connectTimeout", "2"), ("tcpKeepAlive", "true"), ("hostRecheckSeconds", "1"),
        ]
        if let user { pairs.insert(("user", user), at: 0) }
        let query = pairs.map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&")
        return "jdbc:postgresql://\(authority)/\(database.map(Self.encoded) ?? "")?\(query)"
    }

    private var authority: String {
        hosts.map { host, port in
            (host.contains(":") ? "[\(host)]" : Self.encoded(host)) + ":\(port)"
        }.joined(separator: ",")
    }

    /// Every byte that is not unreserved, as `%XX`.
    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if isUnreserved(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
