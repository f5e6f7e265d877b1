/// POSIX shell quoting: the one place where a value becomes part of a command line.
public enum ShellWord {
    /// The text as one word that every POSIX shell reads back byte for byte.
    ///
    /// A NUL byte has no quoting: no argument of a process can hold one.
    public static func quote(_ text: String) -> String {
        String(decoding: quote(Array(text.utf8)), as: UTF8.self)
    }

    /// The same for bytes that need not be text. They hold no NUL.
    public static func quote(_ bytes: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "'")
        if !bytes.isEmpty, bytes.allSatisfy(isPlain) { return bytes }
        var quoted = [quote]
        var rest = bytes[...]
        while let index = rest.firstIndex(of: quote) {
            quoted += rest[..<index] + Array("'\\''".utf8)
            rest = rest[(index + 1)...]
        }
        return quoted + rest + [quote]
    }

    /// The words of one command, each quoted.
    public static func join(_ words: [String]) -> String {
        words.map(quote).joined(separator: " ")
    }

    /// Bytes that mean nothing to any shell, wherever they stand in a word. `~` and `=` do at some
    /// places, and a word of letters alone could be an alias only where a shell expands those.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: ","),
            UInt8(ascii: "@"):
            true
        default: false
        }
    }
}
