import ClusterFile
import Hooks

/// A script that a user has written, looked at as text.
struct HookText {
    let path: String
    /// Nil: its name tells none.
    let hook: HookName?
    /// Sourced by hooks of any name, never run.
    let isLibrary: Bool
    let lines: [Substring]

    init(path: String, hook: HookName?, isLibrary: Bool, text: String) {
        self.path = path
        self.hook = hook
        self.isLibrary = isLibrary
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var interpreter: String? {
        guard let first = lines.first, first.hasPrefix("#!") else { return nil }
        let words = first.dropFirst(2).split(separator: " ")
        let isEnv = words.first?.hasSuffix("/env") ?? false
        return (isEnv ? words.dropFirst().first : words.first)
            .flatMap { $0.split(separator: "/").last }.map(String.init)
    }

    var isShell: Bool { interpreter.map { ["sh", "bash", "dash", "ksh"].contains($0) } ?? false }

    func findings() -> [HookFinding] { shebang + stops + variables + secrets }

    private var shebang: [HookFinding] {
        guard interpreter == nil, !isLibrary else { return [] }
        return [
            finding(
                1, "it has no `#!` line: it would be read as a command", "begin it with #!/bin/sh")
        ]
    }

    private var stops: [HookFinding] {
        guard isShell, !isLibrary,
            !lines.contains(where: { $0.contains(/^\s*set\s+-\w*e|^\s*set\s.*errexit/) })
        else { return [] }
        return [
            finding(1, "it goes on after a command that failed", "write `set -eu` below its header")
        ]
    }

    private var variables: [HookFinding] {
        let own = Set(
            lines.flatMap { $0.matches(of: /(TOOLKIT_[A-Z_]+)=/).map { String($0.1) } })
        var findings: [HookFinding] = []
        for (number, line) in code {
            for match in line.matches(of: /TOOLKIT_[A-Z_]+/) {
                let name = String(match.0)
                if own.contains(name) { continue }
                if let fact = HookFact.all.first(where: { $0.name == name }) {
                    if let hook, !fact.isFor(hook) {
                        findings.append(
                            finding(
                                number, "\(name) is always empty in \(hook)",
                                "see `toolkit hook run \(hook) --node NODE --dry-run`"))
                    }
                } else if name != "TOOLKIT_SHARE" {
                    findings.append(
                        finding(number, "no hook is told \(name)", Self.nearest(to: name)))
                }
            }
        }
        return findings
    }

    private var secrets: [HookFinding] {
        code.filter { $0.line.contains(/\bPGPASSWORD=|password=[^\s"'$]/) }.map { number, _ in
            finding(
                number, "a password in an environment or an argument can be read by others",
                "PGPASSFILE names the file that libpq takes it from")
        }
    }

    private var code: [(number: Int, line: Substring)] {
        lines.enumerated().filter { !$0.element.drop { $0 == " " || $0 == "\t" }.hasPrefix("#") }
            .map { ($0.offset + 1, $0.element) }
    }

    func finding(_ line: Int?, _ says: String, _ next: String) -> HookFinding {
        HookFinding(path: path, line: line, says: says, next: next)
    }

    private static func nearest(to name: String) -> String {
        let nearest = Spelling.nearest(to: name, among: HookFact.all.map(\.name))
        return nearest.map { "did you mean \($0)?" }
            ?? "see the facts in `toolkit hook new` or docs/hooks.md"
    }
}
