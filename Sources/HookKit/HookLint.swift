public import ClusterFile
public import Execution
import FailoverCore
import Foundation
public import Hooks

/// Looks at a cluster's own hooks without running them.
public struct HookLint: Sendable {
    let settings: ClusterSettings
    let scripts: HookScripts
    let sharedHooks: String
    let runner: any CommandRunner

    public init(settings: ClusterSettings, sharedHooks: String, runner: any CommandRunner) {
        self.settings = settings
        self.sharedHooks = sharedHooks
        self.runner = runner
        scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
    }

    public struct Report: Sendable {
        /// What was looked at: files, and settings that are a command line.
        public var looked: [String]
        public var findings: [HookFinding]
        /// Whether shellcheck took part.
        public var hasShellcheck: Bool
    }

    /// The cluster's own files below `hooks/`, and what `hooks:` in its file names.
    public func own() async throws(ExecutionError) -> Report {
        let placed = HookFolder(settings: settings, scripts: scripts)
        var report = try await look(at: placed.files)
        report.findings = placed.findings + report.findings
        for entry in HookCatalogue.all {
            switch scripts.command(for: entry.hook) {
            case .inline(let text):
                report.looked.append("hooks.\(entry.hook)")
                report.findings += try await inline(text, of: entry.hook)
            case .missing(let path):
                report.findings.append(
                    HookFinding(
                        path: "hooks.\(entry.hook)", says: "there is no file \(path)",
                        next: "create it with `toolkit hook new \(entry.hook)`, or correct the name"
                    ))
            case .file, .none: break
            }
        }
        return report
    }

    /// Files by name; what a file is for is told by its name, as in `hooks/`.
    public func look(at paths: [String]) async throws(ExecutionError) -> Report {
        var report = Report(looked: paths, findings: [], hasShellcheck: try await hasShellcheck())
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path) else {
                report.findings.append(
                    HookFinding(path: path, says: "it can't be read", next: "correct its name"))
                continue
            }
            let isLibrary = path.split(separator: "/").dropLast().last == "lib"
            let configured = HookCatalogue.all.first {
                scripts.command(for: $0.hook) == .file(path)
            }
            let hook = isLibrary ? nil : configured?.hook ?? HookFolder.hook(ofFile: path)
            let text = HookText(
                path: path, hook: hook, isLibrary: isLibrary,
                text: String(decoding: data, as: UTF8.self))
            report.findings += text.findings()
            if !isLibrary, !FileManager.default.isExecutableFile(atPath: path) {
                report.findings.append(
                    text.finding(nil, "it is not executable", "chmod +x \(ShellWord.quote(path))"))
            }
            report.findings += try await syntax(of: text)
            if report.hasShellcheck, text.isShell || isLibrary {
                report.findings += try await shellcheck(path, isLibrary: isLibrary)
            }
        }
        return report
    }

    // MARK: Command lines

    private func inline(
        _ text: String, of hook: HookName
    ) async throws(ExecutionError) -> [HookFinding] {
        var findings: [HookFinding] = []
        func find(_ says: String, _ next: String) {
            findings.append(HookFinding(path: "hooks.\(hook)", says: says, next: next))
        }
        let letters = text.matches(of: /%(.)/).compactMap { $0.1.unicodeScalars.first }
        for letter in letters where letter != "%" {
            guard HookPlaceholders.variable(of: letter, for: hook) == nil else { continue }
            find("%\(letter) is no placeholder of \(hook): it stays as it is", "write %% for a %")
        }
        let hasPlaceholder = letters.contains {
            HookPlaceholders.variable(of: $0, for: hook) != nil
        }
        if hasPlaceholder, text.contains(/\b(?:sh|bash|dash)\s+-\w*c\b|\beval\b|\bssh\s/) {
            find(
                "it hands a value to a second shell, which reads it as a command",
                "put the command into a script that reads its facts from the environment")
        }
        let call = HookCall(hook, on: settings.nodes[0], term: 0, step: 0)
        let command = HookPlaceholders(call: call, variables: [:]).expand(text)
        let result = try await run(["/bin/sh", "-n", "-c", command])
        if !result.isSuccess { find("no shell reads it: \(result.errorOutput)", "correct it") }
        return findings
    }

    // MARK: Programs that look

    private func syntax(of text: HookText) async throws(ExecutionError) -> [HookFinding] {
        guard let interpreter = text.interpreter, text.isShell else { return [] }
        let result = try await run([interpreter, "-n", "--", text.path])
        guard !result.isSuccess else { return [] }
        return [text.finding(nil, "\(interpreter) can't read it", result.errorOutput.firstLine)]
    }

    private func hasShellcheck() async throws(ExecutionError) -> Bool {
        try await run(["/bin/sh", "-c", "command -v shellcheck"]).isSuccess
    }

    /// Its `source=hooks/lib/…` lines lead below the shipped folder and the cluster's own.
    private func shellcheck(
        _ path: String, isLibrary: Bool
    ) async throws(ExecutionError) -> [HookFinding] {
        let parents = [settings.baseDirectory, sharedHooks + "/.."]
        let result = try await run(
            ["shellcheck", "--format=gcc", "--external-sources"]
                + (isLibrary ? ["--shell=sh"] : []) + parents.map { "--source-path=\($0)" }
                + ["--", path])
        return result.output.split(separator: "\n").compactMap { line in
            // PATH:LINE:COLUMN: LEVEL: TEXT [CODE]
            guard line.hasPrefix(path + ":") else { return nil }
            let parts = line.dropFirst(path.count + 1).split(separator: ":", maxSplits: 3)
            guard parts.count == 4, let number = Int(parts[0]) else { return nil }
            return HookFinding(
                path: path, line: number, says: parts[3].drop { $0 == " " }.description,
                next: "see shellcheck.net/wiki for the code in brackets")
        }
    }

    private func run(_ arguments: [String]) async throws(ExecutionError) -> CommandResult {
        try await runner.run(Command(arguments, timeout: .seconds(60), outputLimitBytes: 1 << 20))
    }
}

extension String {
    fileprivate var firstLine: String { split(separator: "\n").first.map(String.init) ?? "" }
}
