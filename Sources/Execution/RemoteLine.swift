/// A command as the login shell of another machine reads it.
///
/// sshd starts that shell as the leader of a session and a process group of its own; `exec` keeps
/// its process number, so the number that the first line announces is the group's.
struct RemoteLine {
    /// What the server is asked to run.
    var line: String
    /// Read by the line from standard input, ahead of the command's own.
    var script: [UInt8] = []

    /// libssh2 sends a request in one packet of at most 35 000 bytes.
    private static let lineBytesMax = 30_000

    init(_ command: Command, marker: String) {
        var words = ["env", "-i"].joined(separator: " ")
        words += " PATH=\"$PATH\" HOME=\"$HOME\" LANG=\"${LANG:-C.UTF-8}\""
        for (name, value) in command.environment.sorted(by: { $0.key < $1.key }) {
            words += " " + ShellWord.quote("\(name)=\(value)")
        }
        // env would read a program with '=' as one more assignment.
        if command.arguments[0].utf8.contains(UInt8(ascii: "=")) {
            words += " sh -c 'exec \"$0\" \"$@\"'"
        }
        words += " " + ShellWord.join(command.arguments)
        // The remote side ends what this side can no longer reach.
        let backstop = max(0, command.timeout.components.seconds) + 6
        let text = "printf '%s %s\\n' \(marker) \"$$\";exec timeout -k 2 \(backstop) \(words)"
        if text.utf8.count <= Self.lineBytesMax {
            line = text
        } else {
            script = Array(text.utf8)
            line = "eval \"$(dd bs=1 count=\(script.count) 2>/dev/null)\""
        }
    }
}
