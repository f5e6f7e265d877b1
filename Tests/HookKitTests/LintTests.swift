import ClusterFile
import Execution
import Foundation
import Hooks
import Testing

@testable import HookKit

@Suite("hook lint")
struct LintTests {
    struct Row: CustomTestStringConvertible {
        var name: String
        var text: String
        var mode = 0o755
        var finds: [String]
        var testDescription: String { "\(name): \(finds)" }
    }

    static let good = "#!/bin/sh\nset -eu\necho \"$TOOLKIT_NODE_NAME\"\n"

    static let rows: [Row] = [
        Row(name: "promote_command.sh", text: good, finds: []),
        Row(name: "promote_command.d/pre-1", text: good, finds: []),
        Row(name: "lib/own.sh", text: "own() { echo \"$PGDATA\"; }\n", mode: 0o644, finds: []),
        Row(
            name: "promote_command.sh", text: good, mode: 0o644,
            finds: ["promote_command.sh: it is not executable"]),
        Row(
            name: "promote_command.sh", text: "set -eu\necho\n",
            finds: ["promote_command.sh:1: it has no `#!` line: it would be read as a command"]),
        Row(
            name: "promote_command.sh", text: "#!/bin/sh\necho\n",
            finds: ["promote_command.sh:1: it goes on after a command that failed"]),
        Row(
            name: "promote_command.sh",
            text: good + "# TOOLKIT_UNKNOWN in a comment\necho \"$TOOLKIT_NODE_NMAE\"\n",
            finds: ["promote_command.sh:5: no hook is told TOOLKIT_NODE_NMAE"]),
        Row(
            name: "promote_command.sh", text: good + "TOOLKIT_MINE=1\necho \"$TOOLKIT_MINE\"\n",
            finds: []),
        Row(
            name: "promote_command.sh", text: good + "echo \"$TOOLKIT_STOP_MODE\"\n",
            finds: ["promote_command.sh:4: TOOLKIT_STOP_MODE is always empty in promote_command"]),
        Row(
            name: "promote_command.sh", text: good + "PGPASSWORD=secret psql\n",
            finds: [
                "promote_command.sh:4: a password in an environment or an argument can be read by "
                    + "others"
            ]),
        Row(
            name: "promot_command.sh", text: good,
            finds: ["promot_command.sh: nothing runs it: there is no such hook"]),
        Row(
            name: "failover_validation_command.sh", text: good,
            finds: [
                "failover_validation_command.sh: nothing runs it: failover_validation_command has "
                    + "no command"
            ]),
        Row(
            name: "fence_comand.d/pre-1", text: good,
            finds: ["fence_comand.d: nothing runs it: there is no such hook"]),
        Row(
            name: "fence_command.d/power", text: good,
            finds: ["fence_command.d/power: nothing runs it: its name has no pre- or post-"]),
    ]

    @Test(arguments: rows)
    func row(_ row: Row) async throws {
        try await OwnHooks.with { (own) async throws in
            try own.write(row.text, to: row.name, mode: row.mode)
            #expect(try await own.lint() == row.finds)
        }
    }

    @Test func syntaxThatNoShellReads() async throws {
        try await OwnHooks.with { (own) async throws in
            try own.write(Self.good + "if true; then\n", to: "promote_command.sh")
            let found = try await own.lint()
            #expect(found.contains("promote_command.sh: sh can't read it"))
        }
    }

    @Test(arguments: [
        (#"notify %e "%d""#, nil), ("x 100%%", nil),
        ("x %n %q", "%q is no placeholder of event_notification_command: it stays as it is"),
        (
            #"ssh host "notify %d""#,
            "it hands a value to a second shell, which reads it as a command"
        ),
        (#"sh -c 'notify %d'"#, "it hands a value to a second shell, which reads it as a command"),
        (#"notify "%d"#, "no shell reads it: "),
        ("hooks/absent.sh", "there is no file "),
    ])
    func commandLines(command: String, finds: String?) async throws {
        try await OwnHooks.with { (own) async throws in
            let quoted = command.replacingOccurrences(of: "'", with: "''")
            let found = try await own.lint("hooks: { event_notification_command: '\(quoted)' }")
            if let finds {
                #expect(found.count == 1 && found[0].contains(finds), "\(found)")
            } else {
                #expect(found == [])
            }
        }
    }

    @Test(arguments: HookName.allCases, [nil, "pre-1", "post-1"])
    func everySkeletonIsClean(hook: HookName, dropIn: String?) async throws {
        try await OwnHooks.with { (own) async throws in
            let skeleton = HookSkeleton(hook, dropIn: dropIn)
            let shipped = try? String(
                contentsOfFile: OwnHooks.shared + "/\(hook).sh", encoding: .utf8)
            try own.write(skeleton.text(shipped: shipped), to: skeleton.fileName)
            let hasNoDefault = HookCatalogue.entry(hook).defaultFile == nil
            let setting = "hooks: { \(hook): 'hooks/\(skeleton.fileName)' }"
            let found = try await own.lint(hasNoDefault && dropIn == nil ? setting : "")
            #expect(found == [])
        }
    }

    @Test func factsAreThoseThatHooksAreTold() throws {
        try OwnHooks(path: "/tmp").factsMatch()
    }
}

extension OwnHooks {
    fileprivate func factsMatch() throws {
        let settings = try settings()
        let call = HookCall(.promoteCommand, on: settings.nodes[0], term: 1, step: 1)
        let told = Set(try HookEnvironment(settings: settings).variables(for: call).keys)
        #expect(told == Set(HookFact.all.filter { $0.hooks == nil }.map(\.name)))
    }
}
