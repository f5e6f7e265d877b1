/// Keeps passwords out of everything that is printed or written.
enum SecretText {
    /// Stands where one was.
    static let hidden = "(hidden)"

    /// Whether a setting of this name holds nothing but a secret.
    static func isSecret(name: String) -> Bool {
        let last = name.split(whereSeparator: { ".[] ".contains($0) }).last?.lowercased() ?? ""
        return words.contains { last.contains($0) } && !last.hasSuffix("_file")
            && !["passfile", "pgpass", "password_encryption", "use_primary_conninfo_password"]
                .contains(last)
    }

    /// Whether some part of the text looks like a secret.
    static func isHeld(by text: String) -> Bool { hiding(in: text) != text }

    /// The text with each part that looks like a secret hidden.
    static func hiding(in text: String) -> String {
        guard mayHold(text) else { return text }
        return text.replacing(assignment) { match in "\(match.1)\(hidden)" }
            .replacing(userInfo) { match in "\(match.1)\(hidden)@" }
            .replacing(option) { match in "\(match.1)\(hidden)" }
    }

    /// Said first, because the expressions cost a thousand times as much.
    private static func mayHold(_ text: String) -> Bool {
        let lowered = text.lowercased()
        return words.contains(where: lowered.contains) || lowered.contains("api-key")
            || lowered.contains("://") || lowered.contains("-u") || lowered.contains("--user")
    }

    private static let words = [
        "password", "passwd", "secret", "token", "apikey", "api_key", "access_key", "passphrase",
    ]

    /// `password=x`, `PGPASSWORD='x y'`, `"token": "x"`.
    private static var assignment: Regex<(Substring, Substring)> {
        /((?i:[\w.\-]*(?:password|passwd|secret|token|apikey|api_key|access_key|passphrase)[\w\-]*["']?\s*[=:]\s*))(?:'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?|[^\s"'&;]+)/
    }

    /// `//user:x@host`; a password may hold an `@`.
    private static var userInfo: Regex<(Substring, Substring)> {
        /(:\/\/[^\s\/:@"']*:)[^\s\/"']*@/
    }

    /// `--password x`, `-u user:x`.
    private static var option: Regex<(Substring, Substring)> {
        /((?i:--(?:password|passwd|secret|token|api-?key|passphrase)\s+|(?:-u|--user)[=\s]\s*["']?[^\s:"']+:))[^\s"']+/
    }
}
