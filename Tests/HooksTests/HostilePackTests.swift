import Execution
import Foundation
import Testing
import ToolkitTesting

/// Every hostile value through the sample packs: it arrives as it is, or is refused.
extension PackTests {
    private static func isAddress(_ value: String) -> Bool {
        value.wholeMatch(of: /(?!-)[A-Za-z0-9._:-]+/) != nil
    }

    @Test func hostileAddressesReachNeitherPgBouncerNorTheNameServer() async throws {
        try await HookBench.with { (bench) async throws in
            let pool = try await Pack(
                "pgbouncer/repoint.sh", bench, edit: ["databases_file": bench.path + "/db.ini"])
            try await pool.program("psql", ":")
            for value in HostileValues.all {
                try await bench.write("untouched", to: bench.path + "/db.ini")
                let result = try await pool.run(Self.opened(value))
                let told = Self.isAddress(value)
                #expect(result.isSuccess == told, "\(value)")
                let written = try await bench.read(bench.path + "/db.ini")
                let line = "[databases]\napp = host=\(value) port=5433\n"
                #expect(written == (told ? line : "untouched"), "\(value)")
            }
            let names = try await Pack("dns/nsupdate.sh", bench)
            try await names.program("nsupdate", #"cat >"$OUT/update""#)
            for value in HostileValues.all where value != "::1" {
                #expect(try await names.run(Self.opened(value)).ending == .exited(1), "\(value)")
            }
            #expect(try await !bench.exists(bench.path + "/update", "/tmp/tk-hostile"))
        }
    }

    @Test func hostileWordsArriveInNotificationsAsTheyAre() async throws {
        try await HookBench.with { (bench) async throws in
            let endpoint = try FakeEndpoint()
            defer { endpoint.close() }
            try await bench.write(
                "http://127.0.0.1:\(endpoint.port)/hook\n", to: bench.path + "/url")
            let slack = try await Pack(
                "notify/slack.sh", bench, edit: ["url_file": bench.path + "/url"])
            for value in HostileValues.all {
                #expect(try await slack.run(Self.event(telling: value)).isSuccess, "\(value)")
                let body = try #require(endpoint.requests.last?.body)
                let text = try JSONDecoder().decode([String: String].self, from: body)["text"] ?? ""
                let told = value.replacing("\t", with: " ")
                #expect(
                    Array(text.utf8) == Array(":x: *shop* node2: open\n\(told)".utf8), "\(value)")
            }
            let mail = try await Pack(
                "notify/mail.sh", bench, edit: ["sendmail": bench.path + "/programs/sendmail"])
            try await mail.program("sendmail", #"cat >"$OUT/mail""#)
            for value in HostileValues.all {
                #expect(try await mail.run(Self.event(telling: value)).isSuccess, "\(value)")
                let text = try await bench.read(bench.path + "/mail")
                let body = try #require(text.range(of: "\n\n"))
                #expect(text[body.upperBound...].utf8.starts(with: Array(value.utf8)), "\(value)")
            }
            #expect(try await !bench.exists("/tmp/tk-hostile"))
        }
    }

    @Test(arguments: machines)
    func hostileNamesReachNoFence(script: String, program: String, off: String) async throws {
        try await HookBench.with { (bench) async throws in
            let pack = try await Pack(script, bench)
            try await pack.program(program, #": >"$OUT/asked""#)
            for value in HostileValues.all {
                let ending = try await pack.run(["TOOLKIT_NODE_NAME": value]).ending
                #expect(ending != .exited(0), "\(value)")
            }
            #expect(try await !bench.exists(bench.path + "/asked"))
            #expect(try await !bench.exists("/tmp/tk-hostile"))
        }
    }

    private static func event(telling words: String) -> [String: String] {
        event.merging(["TOOLKIT_DETAILS": words]) { $1 }
    }
}
