/// A libpq connection string, taken apart: `host=a port=5432`, or a URI.
enum ConninfoText {
    /// Pairs in order; nil when it is neither form.
    static func pairs(_ text: String) -> [(key: String, value: String)]? {
        for scheme in ["postgresql://", "postgres://"] where text.hasPrefix(scheme) {
            return uri(text.dropFirst(scheme.count))
        }
        return words(text)
    }

    private static func words(_ text: String) -> [(key: String, value: String)]? {
        var pairs: [(key: String, value: String)] = []
        var rest = text[...]
        while true {
            rest = rest.drop(while: \.isWhitespace)
            if rest.isEmpty { return pairs }
            let key = rest.prefix { $0 != "=" && !$0.isWhitespace }
            rest = rest.dropFirst(key.count).drop(while: \.isWhitespace)
            guard !key.isEmpty, rest.first == "=" else { return nil }
            rest = rest.dropFirst().drop(while: \.isWhitespace)
            guard let value = value(&rest) else { return nil }
            pairs.append((String(key), value))
        }
    }

    private static func value(_ rest: inout Substring) -> String? {
        let isQuoted = rest.first == "'"
        if isQuoted { rest.removeFirst() }
        var value = ""
        while let character = rest.first {
            if !isQuoted, character.isWhitespace { return value }
            rest.removeFirst()
            if character == "\\", let next = rest.popFirst() {
                value.append(next)
            } else if isQuoted, character == "'" {
                return value
            } else {
                value.append(character)
            }
        }
        return isQuoted ? nil : value
    }

    private static func uri(_ text: Substring) -> [(key: String, value: String)]? {
        var pairs: [(key: String, value: String)] = []
        func add(_ key: String, _ value: Substring) {
            if !value.isEmpty { pairs.append((key, decoded(value))) }
        }
        let query = text.firstIndex(of: "?").map { text[text.index(after: $0)...] } ?? ""
        var rest = text.prefix { $0 != "?" }
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at].prefix { $0 != ":" }
            add("user", user)
            add("password", rest[..<at].dropFirst(user.count).drop { $0 == ":" })
            rest = rest[rest.index(after: at)...]
        }
        let address = rest.prefix { $0 != "/" }
        guard let (host, port) = HostPort.split(String(address)) else { return nil }
        add("host", host[...])
        add("port", (port ?? "")[...])
        add("dbname", rest.dropFirst(address.count).drop { $0 == "/" })
        for part in query.split(separator: "&") {
            let key = part.prefix { $0 != "=" }
            add(String(key), part.dropFirst(key.count + 1))
        }
        return pairs
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let hex = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), hex.utf8.count == 2, let value = UInt8(hex, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// `10.0.0.1:5432`, `[::1]:5432`, `db1`.
enum HostPort {
    /// Nil when brackets don't fit or the port is empty.
    static func split(_ text: String) -> (host: String, port: String?)? {
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<close])
            let rest = text[text.index(after: close)...]
            if rest.isEmpty { return (host, nil) }
            return rest.first == ":" && rest.count > 1 ? (host, String(rest.dropFirst())) : nil
        }
        // A bare IPv6 address has more than one colon and no port.
        guard text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") else {
            return (text, nil)
        }
        let port = text[text.index(after: colon)...]
        return port.isEmpty ? nil : (String(text[..<colon]), String(port))
    }
}
