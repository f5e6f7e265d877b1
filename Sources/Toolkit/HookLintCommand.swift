import ArgumentParser
import ClusterFile
import Execution
import Foundation
import HookKit

struct HookLintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Check your hooks without running them.",
        discussion: """
            Run bit, first line, syntax, variables that no hook is told, files that nothing runs, \
            placeholders; and shellcheck, where it is installed. Ends with 1 when it finds anything.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "Files to check instead of all of the cluster's own.", completion: .file())
    var files: [String] = []
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
        let lint = HookLint(
            settings: try options.settings(), sharedHooks: try ShareFolder.find().hooks,
            runner: LocalRunner())
        let report =
            files.isEmpty
            ? try await lint.own()
            : try await lint.look(at: files.map { URL(fileURLWithPath: $0).path })
        if json {
            Console.say(json: report.findings)
        } else {
            for finding in report.findings { Console.say(finding.description) }
        }
        if !report.hasShellcheck { Console.note("without shellcheck, which is not installed here") }
        guard report.findings.isEmpty else { throw ExitStatus.failed }
        let count = report.looked.count
        if !json {
            Console.say(
                count == 0
                    ? "nothing to check: every hook is the shipped one"
                    : "\(count) checked, nothing found")
        }
    }
}
