import Execution

/// What shells, systemd, YAML, Docker and their neighbours read.
extension Quoting {
    /// One word of a POSIX shell.
    public static func shellWord(_ text: String) throws(QuotingError) -> String {
        try refuseNUL(text, in: "a shell script")
        return ShellWord.quote(text)
    }

    /// One word of a systemd unit or of tmpfiles.d that stays as it is: a folder.
    public static func unitWord(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "a systemd file")
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", "\"": quoted += "\\"
            case "%": quoted += "%"
            default: break
            }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    /// The program of `ExecStart=`: systemd refuses to start what has a quote in its path.
    public static func unitProgram(_ path: String) throws(QuotingError) -> String {
        guard !path.unicodeScalars.contains(where: { "\"'\\".unicodeScalars.contains($0) }) else {
            throw QuotingError(
                target: "a systemd unit",
                because: "systemd takes no program with a quote or a backslash in its path")
        }
        return try unitWord(path)
    }

    /// One argument behind the program of `ExecStart=`, where `$` begins a variable.
    public static func unitArgument(_ text: String) throws(QuotingError) -> String {
        doubling(["$"], in: try unitWord(text))
    }

    /// The whole rest of a line in a unit: `User=`, `ConditionPathExists=`.
    public static func unitValue(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "a systemd file")
        let edges = [text.unicodeScalars.first, text.unicodeScalars.last]
        guard !edges.contains(" "), !edges.contains("\t"), text.utf8.last != UInt8(ascii: "\\")
        else {
            throw QuotingError(
                target: "a systemd file",
                because: "a space at its edge, or a backslash at its end, would be lost")
        }
        return doubling(["%"], in: text)
    }

    /// A scalar of YAML in double quotes, which say everything.
    public static func yaml(_ text: String) throws(QuotingError) -> String {
        try refuseNUL(text, in: "YAML")
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", "\"": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default: quoted += isYAMLPrintable(scalar) ? String(scalar) : escape(scalar)
            }
        }
        return quoted + "\""
    }

    /// The same in a Compose file, which puts variables in.
    public static func compose(_ text: String) throws(QuotingError) -> String {
        doubling(["$"], in: try yaml(text))
    }

    /// A user's name in sudoers, where `%`, `+`, `#` and `!` are signs: only plain names are said.
    public static func sudoersUser(_ name: String) throws(QuotingError) -> String {
        let plain = name.utf8.allSatisfy { isLetterOrDigit($0) || "_.-".utf8.contains($0) }
        guard plain, let first = name.utf8.first, first != UInt8(ascii: "-"), name != "ALL" else {
            throw QuotingError(
                target: "sudoers", because: "a user there has only letters, digits and _ . -")
        }
        return name
    }

    /// An argument of a command in sudoers, where a pattern would allow more than was meant.
    public static func sudoersArgument(_ text: String) throws(QuotingError) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.isASCII && isLetterOrDigit(UInt8(scalar.value))
            guard isPlain || "_.@/-\\:,=".unicodeScalars.contains(scalar) else {
                throw QuotingError(
                    target: "sudoers",
                    because: "an argument there has only letters, digits and _ . @ / - \\ : , =")
            }
            if "\\:,=".unicodeScalars.contains(scalar) { escaped += "\\" }
            escaped.unicodeScalars.append(scalar)
        }
        return escaped
    }

    /// The value of an option in authorized_keys.
    public static func sshOption(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "authorized_keys")
        guard !text.unicodeScalars.contains(where: { $0 == "\"" || $0 == "\\" }) else {
            throw QuotingError(
                target: "authorized_keys", because: "it holds a quote or a backslash")
        }
        return "\"" + text + "\""
    }

    /// A value in a connection string of pgbouncer.ini.
    public static func pgbouncerValue(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "pgbouncer.ini")
        return "'" + doubling(["'"], in: text) + "'"
    }

    /// One field of libpq's password file.
    public static func passwordField(_ text: String) throws(QuotingError) -> String {
        try refuseLineBreaks(text, in: "a password file")
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar == ":" || scalar == "\\" { escaped += "\\" }
            escaped.unicodeScalars.append(scalar)
        }
        return escaped
    }

    /// What Docker's `--mount` reads: a line of CSV. It is no shell word yet.
    public static func dockerMount(_ type: String, _ source: String, _ target: String) -> String {
        "type=\(type),\(mountField("source", source)),\(mountField("target", target))"
    }

    private static func mountField(_ name: String, _ value: String) -> String {
        let field = "\(name)=\(value)"
        let isPlain = field.unicodeScalars.allSatisfy { !["\"", ",", "\n", "\r"].contains($0) }
        return isPlain ? field : "\"" + doubling(["\""], in: field) + "\""
    }

    /// Without the break that YAML makes of U+2028 and its like, and without a byte order mark.
    private static func isYAMLPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
            0x10000...0x10FFFF:
            true
        default: false
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
