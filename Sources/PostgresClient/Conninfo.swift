import CLibPQ
import Glibc

/// Where and how to connect: libpq parameters, in order. Any parameter of libpq passes through.
public struct Conninfo: Hashable, Sendable {
    public struct Parameter: Hashable, Sendable {
        public var key: String
        public var value: String
    }

    public private(set) var parameters: [Parameter] = []

    public init() {}

    /// `host` is an address, a name, or the folder of a socket.
    public init(host: String, port: Int, user: String, database: String) {
        self["host"] = host
        self["port"] = String(port)
        self["user"] = user
        self["dbname"] = database
    }

    /// Reads a libpq connection string, `key=value …` or a URI.
    public init(parsing text: String) throws(PostgresError) {
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &complaint) else {
            defer { PQfreemem(complaint) }
            // libpq's own words quote the text, which may hold a password.
            throw PostgresError(
                .invalidParameter, "cannot read the connection string", subject: "conninfo",
                message: "libpq does not accept it")
        }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                self[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
    }

    /// A parameter's value. Setting nil removes it; a parameter keeps its place.
    public subscript(key: String) -> String? {
        get { parameters.first { $0.key == key }?.value }
        set {
            let index = parameters.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): parameters[index].value = value
            case (let index?, nil): parameters.remove(at: index)
            case (nil, let value?): parameters.append(Parameter(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The same with one parameter set, or removed when `value` is nil.
    public func with(_ key: String, _ value: String?) -> Conninfo {
        var copy = self
        copy[key] = value
        return copy
    }

    /// A libpq connection string, quoted. Holds the password when there is one, which belongs into a
    /// password file instead; `description` never does.
    public var text: String {
        parameters.map { "\($0.key)=\(Conninfo.quoted($0.value))" }.joined(separator: " ")
    }

    /// Who is meant, for error texts: `10.0.0.1:5432`.
    public var subject: String {
        let host = self["host"] ?? self["hostaddr"] ?? "localhost"
        let port = self["port"] ?? "5432"
        return host.hasPrefix("/") ? "\(host)/.s.PGSQL.\(port)" : "\(host):\(port)"
    }

    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || "_-./:,@%+*".utf8.contains(byte)
            }
        if isPlain { return value }
        // Scalars, not characters: a quote with a combining accent is still a quote to libpq.
        var quoted = "'"
        for scalar in value.unicodeScalars {
            if scalar == "'" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }
}

extension Conninfo: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let secretKeys: Set<String> = ["password", "sslpassword"]

    /// The secrets in it, to be kept out of messages.
    var secrets: [String] {
        parameters.filter { Conninfo.secretKeys.contains($0.key) && !$0.value.isEmpty }.map(\.value)
    }

    /// Like `text`, with `***` in place of passwords.
    public var description: String {
        parameters
            .map {
                Conninfo.secretKeys.contains($0.key) ? Parameter(key: $0.key, value: "***") : $0
            }
            .reduce(into: Conninfo()) { $0[$1.key] = $1.value }
            .text
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["text": description]) }
}
