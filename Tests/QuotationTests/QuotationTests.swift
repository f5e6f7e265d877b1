import Execution
import PostgresClient
import Quotation
import Testing
import ToolkitTesting

@Suite("Quoting by itself")
struct QuotationTests {
    /// By bytes: Swift's `==` takes é and e + ´ for the same.
    private func isSame(_ left: String?, _ right: String) -> Bool {
        left.map { Array($0.utf8) } == Array(right.utf8)
    }

    @Test func libpqReadsThem() throws {
        for value in HostileValues.all + ["a\nb"] {
            let quoted = try Quoting.conninfoValue(value)
            let read = try Conninfo(parsing: "user=\(quoted) dbname=\(quoted) port=1")
            #expect(read["port"] == "1", "\(value.debugDescription)")
            for name in ["user", "dbname"] {
                #expect(isSame(read[name], value), "\(value.debugDescription)")
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func postgreSQLReadsThem() async throws {
        try await ThrowawayPostgres.with { server in
            let session = try await Connection.open(server.conninfo, timeout: .seconds(10))
            for scanning in ["on", "off"] {
                try await session.query(
                    "SET standard_conforming_strings = \(scanning)", timeout: .seconds(10))
                for value in HostileValues.all + ["", "a\nb"] {
                    let statement = "SELECT \(try Quoting.sqlLiteral(value))"
                    let rows = try await session.query(statement, timeout: .seconds(10))
                    #expect(isSame(rows.values[0][0], value), "\(value.debugDescription)")
                }
            }
            await session.close()
        }
    }

    @Test(arguments: [
        ("plain", "'plain'"), ("it's", "'it''s'"), (#"a\b"#, #"E'a\\b'"#),
        (#"a\'b"#, #"E'a\\''b'"#), ("", "''"), ("'\u{301}", "'''\u{301}'"),
    ])
    func quotesSQLLiterals(text: String, literal: String) throws {
        #expect(try Quoting.sqlLiteral(text) == literal)
    }

    @Test(arguments: ["%wheel", "#0", "+net", "!root", "ALL", "a b", "-x", "a,b", "a\\b", "ü", ""])
    func sudoersTakesPlainUsersAlone(_ name: String) {
        #expect(throws: QuotingError.self) { try Quoting.sudoersUser(name) }
    }

    @Test(arguments: ["a b", "a*", "a?", "[a]", "!a", "a\"", "a'", "a#", "ü", "a\nb"])
    func sudoersTakesNoPatterns(_ argument: String) {
        #expect(throws: QuotingError.self) { try Quoting.sudoersArgument(argument) }
    }

    @Test(arguments: ["a\"b", "it's", "a\\b"])
    func systemdStartsNoProgramWithQuotes(_ name: String) {
        #expect(throws: QuotingError.self) { try Quoting.unitProgram("/usr/\(name)/postgres") }
    }
}
