import ClusterFile
import Execution
import FailoverCore
import Foundation
import Testing
import ToolkitTesting

@testable import Hooks

/// The packs of hooks/contrib, each with the programs that it calls: real where there is one on a
/// machine of ours, else a stand-in that keeps a state.
@Suite("Sample packs")
struct PackTests {
    static let hostile = "it's \"$(touch ran)\" `touch ran` \\ ; | & %n\nBcc: x@y\r\n.\nDELETE é"

    struct Pack {
        let bench: HookBench
        let path: String
        var programs: String { bench.path + "/programs" }

        /// A copy of the script with its settings edited, as its user does.
        init(_ name: String, _ bench: HookBench, edit: [String: String] = [:]) async throws {
            self.bench = bench
            path = bench.path + "/pack.sh"
            let source = HookBench.checkout + "/hooks/contrib/" + name
            var text = try String(contentsOfFile: source, encoding: .utf8)
            for (setting, value) in edit {
                let old = try #require(
                    text.range(of: "\n\(setting)=[^\n]*", options: .regularExpression))
                text.replaceSubrange(old, with: "\n\(setting)=\(value)")
            }
            try await bench.write(text, to: path)
            try await bench.sh(#"chmod 755 -- "$1"; mkdir -p -- "$2""#, path, programs)
        }

        /// A program that the script finds before those of the system.
        func program(_ name: String, _ body: String) async throws {
            try await bench.write("#!/bin/sh\nset -eu\n\(body)\n", to: "\(programs)/\(name)")
            try await bench.sh(#"chmod 755 -- "$1""#, "\(programs)/\(name)")
        }

        func run(
            _ facts: [String: String], _ arguments: [String] = [], input: String = ""
        ) async throws -> CommandResult {
            var environment = facts
            environment["OUT"] = bench.path
            environment["TOOLKIT_TIMEOUT_SECONDS"] = "20"
            return try await bench.runner.run(
                Command(
                    [
                        "/bin/sh", "-c",
                        #"cd "$OUT"; PATH=$1:/usr/local/bin:/usr/bin:/bin; shift; exec "$@""#, "sh",
                        programs, path,
                    ] + arguments, environment: environment, standardInput: Array(input.utf8),
                    timeout: .seconds(60)))
        }
    }

    static func opened(_ host: String) -> [String: String] {
        [
            "TOOLKIT_EVENT": "open", "TOOLKIT_SUCCESS": "1", "TOOLKIT_NODE_NAME": "node2",
            "TOOLKIT_NODE_HOST": host, "TOOLKIT_NODE_PORT": "5433",
        ]
    }

    static let notAddresses = [
        "", "-oProxyCommand=x", "10.0.0.1\nserver evil", "$(touch ran)", "a b", "10.0.0.1;x", "é",
        "a'b", "a\"b", "`id`", "%n", "{{x}}", "a|b", "a&b", "a\\b", "a*",
    ]

    @Test func pgbouncerIsPointedAtTheOpenedNode() async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack(
                "pgbouncer/repoint.sh", bench,
                edit: ["databases_file": bench.path + "/db.ini", "databases": "'app other'"])
            try await pack.program("psql", #"printf '%s\n' "$@" >>"$OUT/asked""#)
            for _ in 1...2 {
                let result = try await pack.run(Self.opened("fd00::2"))
                #expect(result.isSuccess, "\(result.errorOutput)")
            }
            let written = try await bench.read(bench.path + "/db.ini")
            #expect(
                written
                    == "[databases]\napp = host=fd00::2 port=5433\nother = host=fd00::2 port=5433\n"
            )
            #expect(try await bench.read(bench.path + "/asked").contains("--command=RELOAD\n"))

            for host in Self.notAddresses {
                #expect(try await !pack.run(Self.opened(host)).isSuccess)
            }
            var other = Self.opened("10.0.0.9")
            other["TOOLKIT_EVENT"] = "suspect.begin"
            #expect(try await pack.run(other).isSuccess)
            #expect(try await bench.read(bench.path + "/db.ini") == written)
            try await pack.program("psql", "exit 2")
            #expect(try await pack.run(Self.opened("10.0.0.2")).ending == .exited(75))
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    @Test func theNameLeadsToTheOpenedNode() async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack("dns/nsupdate.sh", bench)
            try await pack.program(
                "nsupdate", #"cat >"$OUT/update"; printf '%s\n' "$@" >"$OUT/args""#)
            #expect(try await pack.run(Self.opened("10.0.0.2")).isSuccess)
            let update = try await bench.read(bench.path + "/update")
            #expect(update.contains("update delete db.example.com. AAAA\n"))
            #expect(update.contains("update add db.example.com. 5 A 10.0.0.2\nsend\n"))
            #expect(try await pack.run(Self.opened("fd00::2")).isSuccess)
            #expect(
                try await bench.read(bench.path + "/update").contains(" 5 AAAA fd00::2\nsend\n"))
            for host in Self.notAddresses + ["db2.example.com"] {
                #expect(try await pack.run(Self.opened(host)).ending == .exited(1))
            }
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    @Test func keepalivedSeesTheOpenedPrimaryAlone() async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack("keepalived/check_primary.sh", bench)
            let node = bench.a
            let arguments = [node.socketDirectory, String(node.port)]
            #expect(try await pack.run([:], arguments).ending == .exited(1))
            try await bench.initialize(node)
            let locked = "default_transaction_read_only = on\n"
            #expect(await bench.apply(step: 1, to: node, nodeConf: locked).isApplied)
            #expect(await bench.run(.serviceStartCommand, on: node, step: 2).isDone)
            #expect(try await pack.run([:], arguments).ending == .exited(1))
            let open = NodeRequest.Opening.contents("default_transaction_read_only = off\n")
            #expect(await bench.apply(step: 3, to: node, opening: open).isApplied)
            try await until("the opened node is seen") {
                try await pack.run([:], arguments).isSuccess
            }
            #expect(await bench.apply(step: 4, to: node, opening: .removed).isApplied)
            try await until("the locked node is seen") {
                try await !pack.run([:], arguments).isSuccess
            }
        }
    }

    static let event = [
        "TOOLKIT_CLUSTER": "shop", "TOOLKIT_EVENT": "open", "TOOLKIT_SUCCESS": "0",
        "TOOLKIT_NODE_NAME": "node2", "TOOLKIT_DETAILS": hostile, "TOOLKIT_REASON": "it was lost",
    ]

    @Test func slackAndWebhookGetValidJSON() async throws {
        try await HookBench.with { (bench) async throws in
            let endpoint = try FakeEndpoint()
            defer { endpoint.close() }
            try await bench.write(
                "http://127.0.0.1:\(endpoint.port)/hook?key=secret\n", to: bench.path + "/url")
            let edit = ["url_file": bench.path + "/url"]
            let slack = try await Pack("notify/slack.sh", bench, edit: edit)
            let told = try await slack.run(Self.event)
            #expect(told.isSuccess, "\(told.errorOutput)")
            let first = try #require(endpoint.requests.last)
            #expect(first.head.hasPrefix("POST /hook?key=secret HTTP/1.1"))
            let text = try JSONDecoder().decode([String: String].self, from: first.body)["text"]
            // Controls but line ends become spaces; all else arrives as it is.
            let expected = Self.hostile.replacingOccurrences(of: "\r", with: " ")
            #expect(
                text?.unicodeScalars.elementsEqual(
                    ":x: *shop* node2: open\n\(expected)".unicodeScalars) == true, "\(text ?? "")")

            let call = HookCall(
                .eventNotificationCommand, on: bench.a, term: 1, step: 1, extra: Self.event)
            let document = try HookEnvironment(settings: bench.settings).document(for: call)
            let webhook = try await Pack("notify/webhook.sh", bench, edit: edit)
            let handed = try await webhook.run(
                Self.event, input: String(decoding: document, as: UTF8.self))
            #expect(handed.isSuccess, "\(handed.errorOutput)")
            #expect(endpoint.requests.last.map { Array($0.body) } == document)
            #expect(try await !bench.exists(bench.path + "/ran"))

            endpoint.close()
            #expect(try await slack.run(Self.event).ending == .exited(75))
        }
    }

    @Test func aMailHasOneSubjectAndTheRecipientsOfItsFile() async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack(
                "notify/mail.sh", bench, edit: ["sendmail": bench.path + "/programs/sendmail"])
            try await pack.program("sendmail", #"cat >"$OUT/mail""#)
            var event = Self.event
            event["TOOLKIT_EVENT"] = "open\nBcc: everyone@example.com"
            #expect(try await pack.run(event).isSuccess)
            let mail = try await bench.read(bench.path + "/mail")
            let parts = try #require(mail.range(of: "\n\n"))
            let headers = mail[..<parts.lowerBound].split(separator: "\n")
            #expect(
                headers.map { $0.prefix { $0 != ":" } }
                    == ["From", "To", "Subject", "MIME-Version", "Content-Type"])
            #expect(
                mail[parts.upperBound...].unicodeScalars.starts(with: Self.hostile.unicodeScalars))
            #expect(try await !bench.exists(bench.path + "/ran"))
        }
    }

    /// Each stands for the endpoint: on until it is told, off at the second look after it.
    static let machines: [(String, String, String)] = [
        ("fence/aws.sh", "aws", "stopped"), ("fence/libvirt.sh", "virsh", "shut off"),
        ("fence/ipmi.sh", "ipmitool", "Chassis Power is off"),
    ]

    @Test(arguments: machines)
    func aFenceIsDoneWhenTheMachineIsSeenOff(
        script: String, program: String, off: String
    ) async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack(script, bench)
            try await pack.program(
                program,
                #"""
                printf '%s\n' "$*" >>"$OUT/asked"
                case " $* " in
                    *' stop-instances '* | *' destroy '* | *' power off '*)
                        [ ! -e "$OUT/refuses" ] || exit 1
                        echo 2 >"$OUT/looks" ;;
                    *)
                        looks=$(cat "$OUT/looks" 2>/dev/null || echo on)
                        case $looks in
                            on) echo running ;;
                            0) echo 'OFF' ;;
                            *) echo $((looks - 1)) >"$OUT/looks"; echo stopping ;;
                        esac ;;
                esac
                """#.replacingOccurrences(of: "OFF", with: off))
            for _ in 1...2 {
                let result = try await pack.run(["TOOLKIT_NODE_NAME": "node2"])
                #expect(result.isSuccess, "\(result.errorOutput)")
                #expect(result.output == "toolkit:fenced=yes\n")
            }
            let asked = try await bench.read(bench.path + "/asked")
            // Off already: it is only looked at.
            let orders = ["stop-instances", "destroy", "power off"]
            #expect(
                asked.split(separator: "\n").count { line in orders.contains { line.contains($0) } }
                    == 1)
            for name in ["node9", "", "node1; touch ran", "$(touch ran)", "-x"] {
                #expect(try await pack.run(["TOOLKIT_NODE_NAME": name]).ending != .exited(0))
            }
            #expect(try await bench.read(bench.path + "/asked") == asked)
            #expect(try await !bench.exists(bench.path + "/ran"))

            // An order that is not taken is no fence.
            try await bench.sh(#"rm -- "$1/looks"; : >"$1/refuses""#, bench.path)
            try await pack.program("sleep", "exit 0")
            #expect(try await pack.run(["TOOLKIT_NODE_NAME": "node1"]).ending == .exited(75))
        }
    }

    @Test func theArchiveIsLookedAt() async throws {
        try await HookBench.with { (bench) async throws in
            let node = bench.a
            let facts = [
                "TOOLKIT_NODE_NAME": "a", "PGHOST": node.socketDirectory, "PGPORT": "\(node.port)",
                "PG_BINDIR": bench.settings.postgresql.binDirectory,
            ]
            let pack = try await Pack("archive/check_archive.sh", bench, edit: ["stanza": "shop"])
            try await pack.program(
                "pgbackrest", #"[ "$*" = '--stanza=shop check' ] && [ ! -e "$OUT/bad" ]"#)
            try await bench.initialize(node)
            try await bench.write("archive_mode = off\n", to: node.configDirectory + "/node.conf")
            #expect(await bench.run(.serviceStartCommand, on: node, step: 1).isDone)
            #expect(try await pack.run(facts).errorOutput.contains("archive_mode is off"))

            let archive = "archive_mode = on\narchive_command = "
            #expect(
                await bench.apply(step: 2, to: node, nodeConf: archive + "'false'\n").isApplied)
            #expect(await bench.run(.serviceRestartCommand, on: node, step: 2).isDone)
            try await bench.sql("select pg_switch_wal()", on: node)
            try await until("archiving has failed") {
                try await bench.sql("select failed_count > 0 from pg_stat_archiver", on: node)
                    == "t"
            }
            let failed = try await pack.run(facts)
            #expect(failed.ending == .exited(1) && failed.errorOutput.contains("could not archive"))

            #expect(await bench.apply(step: 3, to: node, nodeConf: archive + "'true'\n").isApplied)
            try await until("the archive is whole again") { try await pack.run(facts).isSuccess }
            try await bench.write("", to: bench.path + "/bad")
            #expect(try await pack.run(facts).errorOutput.contains("pgBackRest's check"))
        }
    }
}
