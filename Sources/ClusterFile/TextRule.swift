/// What a text may be. Values are never split or interpreted: only what can't be meant is refused.
public enum TextRule: Hashable, Sendable {
    /// Cluster and nodes: they become file names, slots and application names.
    case name
    case host
    /// A path on a node.
    case absolutePath
    /// A path on the scheduler's machine, `~/` and relative ones too.
    case localPath
    /// A role or database of PostgreSQL.
    case identifier
    case user
    case hbaLine
    case command
    case eventName
    /// A container, volume or network.
    case dockerName
    case dockerImage
    /// A unit of systemd, or a cluster of Debian's pg_ctlcluster.
    case service

    public var noun: String {
        switch self {
        case .name:
            "a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores"
        case .host: "a host name or address"
        case .absolutePath: "an absolute path"
        case .localPath: "a path"
        case .identifier: "a name of at most 63 bytes"
        case .user: "a user name"
        case .hbaLine: "one line of pg_hba.conf"
        case .command: "a command"
        case .eventName: "an event name: letters a-z, digits, underscores, dots"
        case .dockerName: "a name of Docker's"
        case .dockerImage: "an image with its tag or digest"
        case .service: "a unit (`NAME.service`) or a cluster of Debian's (`15/main`)"
        }
    }

    /// What is wrong with `text` and what to do; nil: nothing.
    func complaint(about text: String) -> (because: String, hint: String)? {
        if text.isEmpty { return ("it is empty", "write a value, or leave the key out") }
        if let control = forbiddenControl(in: text) {
            return ("it holds \(control)", "write it without control characters")
        }
        switch self {
        case .name: return nameComplaint(text)
        case .host: return hostComplaint(text)
        case .absolutePath: return pathComplaint(text)
        case .localPath: return localPathComplaint(text)
        case .identifier: return identifierComplaint(text)
        case .user: return userComplaint(text)
        case .hbaLine: return hbaComplaint(text)
        case .command: return nil
        case .eventName: return eventComplaint(text)
        case .dockerName: return dockerNameComplaint(text)
        case .dockerImage: return imageComplaint(text)
        case .service: return serviceComplaint(text)
        }
    }

    /// A command may have lines, an HBA line tabs; nothing else may. NUL ends a text for C and is
    /// never meant.
    private func forbiddenControl(in text: String) -> String? {
        let allowed: Set<Unicode.Scalar> =
            switch self {
            case .command: ["\n", "\t"]
            case .hbaLine: ["\t"]
            default: []
            }
        let found = text.unicodeScalars.first {
            ($0.value < 0x20 || $0.value == 0x7F) && !allowed.contains($0)
        }
        return found.map(Self.spell)
    }

    static func spell(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "a newline"
        case "\t": "a tab"
        case "\0": "a NUL character"
        default:
            "the control character U+\(String(scalar.value + 0x10000, radix: 16).dropFirst())"
        }
    }

    private func nameComplaint(_ text: String) -> (String, String)? {
        let bytes = Array(text.utf8)
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let isName =
            letters.contains(bytes[0])
            && bytes.allSatisfy {
                letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_")
            }
        if !isName {
            return ("other characters are refused", "write a name such as `shop` or `node1`")
        }
        return bytes.count > 40
            ? ("it has \(bytes.count) characters", "choose a name of at most 40") : nil
    }

    private func hostComplaint(_ text: String) -> (String, String)? {
        let known = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        let hint = "write a DNS name or an IPv4 or IPv6 address, the port under its own key"
        if !known || text.hasPrefix("-") || text.utf8.count > 253 {
            return ("that is none", hint)
        }
        if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1 {
            return ("a port does not belong here", hint)
        }
        return nil
    }

    private func pathComplaint(_ text: String) -> (String, String)? {
        guard text.hasPrefix("/") else {
            return ("it does not start with `/`", "write the whole path, from `/` on")
        }
        return Paths.normalized(text) == "/"
            ? ("the root folder is refused", "write a folder of its own") : nil
    }

    private func localPathComplaint(_ text: String) -> (String, String)? {
        guard text.hasPrefix("~"), !text.hasPrefix("~/") else { return nil }
        return ("`~` is understood only as `~/`", "write `~/…` or the whole path")
    }

    private func identifierComplaint(_ text: String) -> (String, String)? {
        text.utf8.count > 63
            ? ("it has \(text.utf8.count) bytes", "choose a name that PostgreSQL does not cut")
            : nil
    }

    private func userComplaint(_ text: String) -> (String, String)? {
        if text.hasPrefix("-") {
            return ("a user name does not start with `-`", "write the name of a user")
        }
        return text.contains { $0 == " " || $0 == "/" || $0 == ":" || $0 == "@" }
            ? ("a user name has no space, `/`, `:` or `@`", "write the name of a user") : nil
    }

    private static let hbaTypes =
        ["local", "host", "hostssl", "hostnossl", "hostgssenc"]
        + ["hostnogssenc"]

    private func hbaComplaint(_ text: String) -> (String, String)? {
        let words = text.split { $0 == " " || $0 == "\t" }
        let hint = "write for example `host app app 10.0.0.0/24 scram-sha-256`"
        guard let type = words.first.map(String.init), Self.hbaTypes.contains(type) else {
            return ("it does not start with " + SettingType.list(Self.hbaTypes), hint)
        }
        if text.hasSuffix("\\") {
            return ("its last character, `\\`, joins it with the next line", "leave it out")
        }
        guard text.utf8.count(where: { $0 == UInt8(ascii: "\"") }).isMultiple(of: 2) else {
            return ("a double quote has no partner", hint)
        }
        let least = type == "local" ? 4 : 5
        guard words.count >= least else {
            return ("a `\(type)` line has at least \(least) words, this one \(words.count)", hint)
        }
        let method = Self.hbaMethod(of: text, isLocal: type == "local")
        guard let method, !Self.hbaMethods.contains(method) else { return nil }
        return ("`\(method)` is no method of PostgreSQL", hint)
    }

    /// PostgreSQL does not start with a line whose method it doesn't know.
    private static let hbaMethods: Set<String> = [
        "trust", "reject", "scram-sha-256", "md5", "password", "gss", "sspi", "ident", "peer",
        "ldap",
        "radius", "cert", "pam", "bsd", "oauth",
    ]

    /// Nil when it has none. A quoted word may hold blanks, a list goes on behind a comma, and an address
    /// without a length has a mask behind it.
    private static func hbaMethod(of text: String, isLocal: Bool) -> String? {
        var fields: [String] = [""]
        var isQuoted = false
        for character in text.prefix(while: { $0 != "#" }) {
            switch character {
            case "\"": isQuoted.toggle()
            case " ", "\t":
                if isQuoted {
                    fields[fields.count - 1].append(character)
                } else if let last = fields.last, !last.isEmpty, !last.hasSuffix(",") {
                    fields.append("")
                }
            default: fields[fields.count - 1].append(character)
            }
        }
        fields.removeAll(where: \.isEmpty)
        guard !isLocal else { return fields.dropFirst(3).first }
        let isMask = fields.dropFirst(4).first.map { $0.contains(".") || $0.contains(":") } ?? false
        return fields.dropFirst(isMask ? 5 : 4).first
    }

    private func eventComplaint(_ text: String) -> (String, String)? {
        let known = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return known ? nil : ("other characters are refused", "`toolkit events` shows the names")
    }

    private func serviceComplaint(_ text: String) -> (String, String)? {
        let isKnown =
            text.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9_.@:\\-]*\.service/) != nil
            || text.wholeMatch(of: /[0-9]{2}\/[A-Za-z0-9_][A-Za-z0-9_.-]*/) != nil
        return isKnown
            ? nil : ("it is neither", "write postgresql@15-main.service, 15/main, or leave it out")
    }
}

/// Paths are compared by their words alone: the files are on other machines.
enum Paths {
    /// Without doubled slashes, `.` and `..`.
    static func normalized(_ path: String) -> String {
        var words: [Substring] = []
        for word in path.split(separator: "/") where word != "." {
            if word == ".." { _ = words.popLast() } else { words.append(word) }
        }
        return "/" + words.joined(separator: "/")
    }

    /// Whether `path` is `folder` or lies below it.
    static func isInside(_ path: String, _ folder: String) -> Bool {
        let (inner, outer) = (normalized(path), normalized(folder))
        return inner == outer || inner.hasPrefix(outer == "/" ? "/" : outer + "/")
    }
}
