import PostgresClient
import Testing

@Suite("Connection strings", .timeLimit(.minutes(2)))
struct ConninfoTests {
    static let hostile = [
        "", " ", "plain", "two words", "quote ' inside", "''", "back\\slash", "\\", "\\'",
        "ends with \\",
        "line\nbreak", "tab\there", "a=b c=d", "' password='x", "naïve café ☃ 日本",
        "combined '\u{301}",
        "\r\n", "\"double\"", "$HOME `id` %n", "/tmp/some folder",
    ]

    @Test(arguments: hostile)
    func libpqReadsBackWhatWasWritten(value: String) throws {
        for key in ["password", "application_name", "options", "dbname", "user"] {
            let conninfo = Conninfo(host: "10.0.0.1", port: 5433, user: "u", database: "d")
                .with(key, value)
            let parsed = try Conninfo(parsing: conninfo.text)
            #expect(parsed[key]?.unicodeScalars.elementsEqual(value.unicodeScalars) == true)
            #expect(parsed["host"] == "10.0.0.1")
            #expect(parsed["port"] == "5433")
            #expect(parsed.parameters.count == conninfo.parameters.count)
        }
    }

    @Test func parametersKeepTheirOrderAndPlace() {
        var conninfo = Conninfo(host: "h", port: 1, user: "u", database: "d")
        conninfo["sslmode"] = "require"
        conninfo["host"] = "i"
        #expect(conninfo.text == "host=i port=1 user=u dbname=d sslmode=require")
        conninfo["user"] = nil
        #expect(conninfo.parameters.map(\.key) == ["host", "port", "dbname", "sslmode"])
        #expect(conninfo.with("port", nil)["port"] == nil)
        #expect(conninfo["port"] == "1")
    }

    @Test func passwordsAreNeverDescribed() {
        let conninfo = Conninfo(host: "h", port: 1, user: "u", database: "d")
            .with("password", "s3cret").with("sslpassword", "s3cret")
        var dumped = ""
        dump(conninfo, to: &dumped)
        for text in ["\(conninfo)", String(reflecting: conninfo), dumped, conninfo.subject] {
            #expect(!text.contains("s3cret"))
        }
        #expect("\(conninfo)".contains("password='***'") || "\(conninfo)".contains("password=***"))
        #expect(conninfo.text.contains("s3cret"))
    }

    @Test func textThatLibpqRefusesIsAnErrorWithoutTheText() throws {
        let error = #expect(throws: PostgresError.self) {
            _ = try Conninfo(parsing: "host=x s3cret")
        }
        #expect(error?.code == .invalidParameter)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func aVerifierNeedsAPassword() {
        #expect(throws: PostgresError.self) { _ = try scramVerifier(password: "", user: "u") }
    }
}
