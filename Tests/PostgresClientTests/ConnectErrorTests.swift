import Foundation
import Testing
import ToolkitTesting

@testable import PostgresClient

@Suite("Why a connection fails", .timeLimit(.minutes(2)))
struct ConnectErrorTests {
    func openingFails(_ conninfo: Conninfo) async -> PostgresError? {
        await failure {
            let connection = try await Connection.open(conninfo, timeout: .seconds(30))
            await connection.close()
        }
    }

    @Test func nobodyListens() async throws {
        // A port whose listener is gone again.
        let port = FakeServer().port
        let tcp = Conninfo(host: "127.0.0.1", port: port, user: "u", database: "d")
        #expect(await openingFails(tcp)?.code == .refused)
        #expect(await openingFails(tcp.with("host", "/tmp"))?.code == .refused)
        #expect(await openingFails(tcp.with("host", "/tmp"))?.subject == "/tmp/.s.PGSQL.\(port)")
    }

    @Test func namesAreLookedUp() async throws {
        let conninfo = try await ThrowawayPostgres.shared().conninfo
        let connection = try await Connection.open(
            conninfo.with("host", "localhost"), timeout: .seconds(30))
        #expect(try await connection.query("select 1", timeout: .seconds(10)).count == 1)
        let error = await openingFails(conninfo.with("host", "no-such-host.invalid"))
        #expect(error?.code == .nameResolution)
        #expect(error?.description.contains("no-such-host.invalid") == true)
    }

    @Test func eachNameOfSeveralGetsItsAddresses() async throws {
        let conninfo = Conninfo(host: "/tmp,localhost,10.0.0.1", port: 1, user: "u", database: "d")
            .with("port", "1,2,3")
        let resolved = try await conninfo.resolved(before: Deadline(after: .seconds(30)))
        let hosts = try #require(resolved["host"]).split(separator: ",")
        let addresses = try #require(resolved["hostaddr"])
            .split(separator: ",", omittingEmptySubsequences: false)
        let ports = try #require(resolved["port"]).split(separator: ",")
        #expect(hosts.count == addresses.count && ports.count == hosts.count)
        #expect(hosts.first == "/tmp" && addresses.first == "" && ports.first == "1")
        #expect(hosts.last == "10.0.0.1" && addresses.last == "10.0.0.1" && ports.last == "3")
        #expect(zip(hosts, ports).contains { $0 == ("localhost", "2") })
        #expect(addresses.contains("127.0.0.1") || addresses.contains("::1"))
    }

    @Test func authenticationFailsWithoutShowingThePassword() async throws {
        let hba = [
            "local all all trust", "host postgres postgres 127.0.0.1/32 trust",
            "host postgres app 127.0.0.1/32 scram-sha-256",
        ]
        try await ThrowawayPostgres.with(.init(hba: hba)) { server in
            let password = "pä ss'\\:word"
            let verifier = try scramVerifier(password: password, user: "app")
            #expect(verifier.hasPrefix("SCRAM-SHA-256$4096:"))
            try await server.query("create role app login password '\(verifier)'")

            let passfile = "\(server.socketDirectory)/pgpass"
            let app = server.conninfo.with("user", "app").with("passfile", passfile)
            func writePassfile(_ password: String) throws {
                let escaped = password.replacingOccurrences(of: "\\", with: "\\\\")
                    .replacingOccurrences(of: ":", with: "\\:")
                try "127.0.0.1:\(server.port):*:app:\(escaped)\n"
                    .write(toFile: passfile, atomically: false, encoding: .utf8)
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600], ofItemAtPath: passfile)
            }

            #expect(await openingFails(app)?.code == .authentication)  // no file: no password
            try writePassfile("not it")
            let wrong = await openingFails(app)
            #expect(wrong?.code == .authentication)
            #expect(wrong?.sqlState == "28P01")
            #expect(wrong.map { "\($0)".contains("not it") } == false)
            try writePassfile(password)
            let connection = try await Connection.open(app, timeout: .seconds(30))
            let user = try await connection.query("select current_user as u", timeout: .seconds(10))
            #expect(try user[0].string("u") == "app")

            let noEntry = await openingFails(app.with("dbname", "template1"))
            #expect(noEntry?.code == .authentication)
            #expect(noEntry?.sqlState == "28000")
            let given = await openingFails(app.with("password", "s3cret-value"))
            #expect(given?.code == .authentication)
            #expect(given.map { String(reflecting: $0).contains("s3cret-value") } == false)
        }
    }

    @Test func theServersOwnRefusals() async throws {
        let server = try await ThrowawayPostgres.shared()
        let noDatabase = await openingFails(server.conninfo.with("dbname", "nowhere"))
        #expect(noDatabase?.code == .server)
        #expect(noDatabase?.sqlState == "3D000")
        try await server.query("create role crowded login connection limit 0")
        let crowded = await openingFails(server.conninfo.with("user", "crowded"))
        #expect(crowded?.code == .tooManyConnections)
        #expect(crowded?.sqlState == "53300")
        let option = await openingFails(server.conninfo.with("no_such_option", "1"))
        #expect(option?.code == .invalidParameter)
        let mode = await openingFails(server.conninfo.with("sslmode", "sometimes"))
        #expect(mode?.code == .invalidParameter)
    }

    @Test func aServerThatWaitsForItsLastSessionShutsDown() async throws {
        try await ThrowawayPostgres.with { server in
            let last = try await Connection.open(server.conninfo, timeout: .seconds(30))
            await server.kill(SIGTERM)
            var code: PostgresError.Code?
            let deadline = ContinuousClock.now + .seconds(20)
            while code == nil, ContinuousClock.now < deadline {
                code = await openingFails(server.conninfo)?.code
            }
            #expect(code == .shuttingDown)
            await last.close()
            try await server.stop()
        }
    }

    @Test func aStandbyThatTakesNoReadersIsStartingUp() async throws {
        try await ThrowawayPostgres.with { primary in
            let standby = try await primary.standby(settings: ["hot_standby = off"], starts: false)
            try await standby.start(waits: false)
            var error = await openingFails(standby.conninfo)
            let deadline = ContinuousClock.now + .seconds(20)
            while error?.code == .refused, ContinuousClock.now < deadline {
                error = await openingFails(standby.conninfo)
            }
            #expect(error?.code == .startingUp)
            #expect(error?.sqlState == "57P03")
            try await standby.stop()
        }
    }

    struct Refusal: CustomTestStringConvertible {
        var sqlState: String
        var says: String
        var code: PostgresError.Code
        var severity = "FATAL"
        var testDescription: String { says }
    }

    static let refusals = [
        Refusal(sqlState: "57P03", says: "the database system is starting up", code: .startingUp),
        Refusal(
            sqlState: "57P03", says: "the database system is not yet accepting connections",
            code: .startingUp),
        Refusal(
            sqlState: "57P03", says: "the database system is in recovery mode",
            code: .inRecoveryMode),
        Refusal(
            sqlState: "57P03", says: "the database system is shutting down", code: .shuttingDown),
        Refusal(
            sqlState: "53300", says: "sorry, too many clients already", code: .tooManyConnections),
        Refusal(
            sqlState: "57P01", says: "terminating connection due to administrator command",
            code: .adminShutdown),
        Refusal(
            sqlState: "28000", says: "role \"x\" is not permitted to log in", code: .authentication),
        Refusal(
            sqlState: "28P01", says: "Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen",
            code: .authentication, severity: "FATALER FEHLER"),
        Refusal(sqlState: "XX000", says: "something odd: 3:  or so", code: .server),
    ]

    @Test(arguments: refusals)
    func refusal(_ refusal: Refusal) async throws {
        let server = FakeServer(
            answer: FakeServer.fatal(refusal.sqlState, refusal.says, severity: refusal.severity))
        let error = await openingFails(server.conninfo)
        #expect(error?.code == refusal.code)
        #expect(error?.sqlState == refusal.sqlState)
        #expect(error?.message == refusal.says)
    }

    @Test func somethingElseListens() async throws {
        let web = FakeServer(answer: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(await openingFails(web.conninfo)?.code == .protocolViolation)
        let mute = FakeServer(answer: [])
        #expect(await openingFails(mute.conninfo)?.code == .closed)
    }

    static let complaints: [(text: String, code: PostgresError.Code)] = [
        ("connection to server at \"x\", port 1 failed: No route to host", .unreachable),
        ("connection to server at \"x\", port 1 failed: Network is unreachable", .unreachable),
        ("connection to server at \"x\", port 1 failed: Connection timed out", .timedOut),
        ("connection to server at \"x\", port 1 failed: Connection refused", .refused),
        ("connection to server at \"x\", port 1 failed: Connection reset by peer", .closed),
        (
            "connection to server at \"x\", port 1 failed: fe_sendauth: no password supplied",
            .authentication
        ),
        (
            "connection to server at \"::1\", port 1 failed: Connection refused\nconnection to server "
                + "at \"127.0.0.1\", port 1 failed: FATAL:  57P03: the database system is starting up",
            .startingUp
        ),
        ("", .closed),
    ]

    @Test(arguments: complaints)
    func complaint(_ row: (text: String, code: PostgresError.Code)) {
        #expect(ConnectComplaint(row.text).code == row.code)
    }
}
