/// What a shell, a template, a unit, YAML or SQL could trip over; each on one line.
public enum HostileValues {
    public static let all: [String] = quotes + commands + signs + words + letters

    private static let quotes = [
        "'", "\"", "''", "\"\"", "'\"'\"'", "it's", "a\"b", "\\", "\\\\", "\\'", "\\\"", "a\\b",
        "ends in \\", "\\n\\t\\101", "a'b\"c\\d", "'\u{301}", "\"\u{301}", "$\u{301}", "%\u{301}",
        "\\\u{301}",
    ]

    private static let commands = [
        "$(touch /tmp/tk-hostile)", "`touch /tmp/tk-hostile`", "${HOME}", "$HOME", "$$", "$",
        "$1 $@ $*", "; touch /tmp/tk-hostile", "&& touch /tmp/tk-hostile",
        "| touch /tmp/tk-hostile", "> /tmp/tk-hostile", "'; touch /tmp/tk-hostile; '",
        "\"; touch /tmp/tk-hostile; \"", "!history", "a && b || c",
    ]

    private static let signs = [
        "%", "%%", "%n %H %i %%n", "{{ node.port }}", "{{/if}}", "{{", "}}", "# no comment", "a #b",
        "a, b", "a=b", "a: b", "- a", "[a, b]", "{a: b}", "&a", "*", "!tag", "@file", "+group", "~",
        "?", "a;b", "<a>", "|", "a\tb",
    ]

    private static let words = [
        "-rf", "--help", "-c fsync=off", "all", "replication", "null", "true", "0x10", "1e3",
        " a", "a ", "  ", "include 'x'", "::1", "fe80::1%eth0", "type=bind,source=/",
    ]

    private static let letters = [
        "grün", "数据库", "🐘", "e\u{301}", "a\u{A0}b", "a\u{2028}b", "a\u{FEFF}b", "\u{202E}abc",
        String(repeating: "x'\\", count: 60),
    ]

    /// What no line can hold.
    public static let broken = ["a\nb", "a\r\nb", "a\rb", "a\0b"]
}
